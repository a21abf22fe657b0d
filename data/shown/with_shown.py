"""What is read of pictures, beside the features of their titles and tags."""

import numpy as np

from data.features import CAST_KEPT, CandidateFeatures
from data.features.bags import heaviest_bags
from data.shown.read_outs import ShownColumns


def with_shown(features: CandidateFeatures, shown: ShownColumns) -> CandidateFeatures:
    """Columns after all others; guessed names in the place of tags, where there are none.

    Args:
        features: of artworks.
        shown: of the same.
    """
    guessed, count = shown.guessed, len(features.dense)
    probability = guessed.probability.astype(np.float32)
    ids, weights = heaviest_bags(count, guessed.row, guessed.code, guessed.distinct, probability)
    places = np.flatnonzero(weights.any(1))
    cast_ids, cast_weights = features.cast_ids.copy(), features.cast_weights.copy()
    cast_ids[places, :CAST_KEPT], cast_weights[places, :CAST_KEPT] = ids[places], weights[places]
    dense = np.concatenate([features.dense, shown.columns], axis=1)
    return features._replace(dense=dense, cast_ids=cast_ids, cast_weights=cast_weights)
