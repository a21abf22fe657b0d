"""Members as a bundle's context tower sees them."""

from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa

from data.features import ContextFeatures, context_features
from data.reading.feature_plan import FeaturePlan
from serve.scoring.member_model import MemberFunctionals
from serve.scoring.scorer import Scorer


class BundleMembers:
    """A bundle's `MemberModel`, with a plan.

    It travels to other processes as a path, and is opened there.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.plan = FeaturePlan(scorer.spec)

    @classmethod
    def open(cls, bundle: Path) -> "BundleMembers":
        """Of a bundle's folder."""
        return cls(Scorer(bundle))

    def functionals_of(self, facts: pa.StructArray) -> MemberFunctionals:
        """See `MemberModel`."""
        return self.functionals_by(context_features(self.scorer.spec, facts))

    def functionals_by(self, features: ContextFeatures) -> MemberFunctionals:
        """See `PlannedMembers`."""
        columns = [np.ascontiguousarray(column) for column in features]
        marks = [
            crc32(b"".join(c[row].tobytes() for c in columns)) for row in range(len(columns[0]))
        ]
        said = self.scorer.members(features)
        prints = np.array(marks, np.int64)
        return MemberFunctionals(said.functionals, prints, said.names, said.appeals)

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return BundleMembers.open, (self.scorer.root,)
