"""Facts, titles and tags to numbers: the same code in training and in serving.

May import `data.schema` and the modules of `data` itself.
"""

from data.features.bags import CAST_BUCKETS, CAST_KEPT, even_weights, name_number
from data.features.columns import (
    CATEGORIES,
    LEAST_VARIED,
    POSITION_BUCKETS,
    POSITIONS,
    genre_shares,
    tenure_columns,
    tenure_days,
)
from data.features.declared import DeclaredFeatures, DeclaredTallies, own_column
from data.features.features import (
    CandidateFeatures,
    ContextFeatures,
    candidate_features,
    context_features,
    with_declared,
)
from data.features.name_matches import Names, NameTable, own_matches
from data.features.specification import FEATURES_VERSION, FeatureSpec

__all__ = [
    "CAST_BUCKETS",
    "CAST_KEPT",
    "CATEGORIES",
    "FEATURES_VERSION",
    "LEAST_VARIED",
    "POSITIONS",
    "POSITION_BUCKETS",
    "CandidateFeatures",
    "ContextFeatures",
    "DeclaredFeatures",
    "DeclaredTallies",
    "FeatureSpec",
    "NameTable",
    "Names",
    "candidate_features",
    "context_features",
    "even_weights",
    "genre_shares",
    "name_number",
    "own_column",
    "own_matches",
    "tenure_columns",
    "tenure_days",
    "with_declared",
]
