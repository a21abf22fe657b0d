"""Members as a bundle's context tower sees them."""

from pathlib import Path
from zlib import crc32

import numpy as np
import pyarrow as pa

from data.features import context_features
from serve.scoring.member_model import MemberFunctionals
from serve.scoring.scorer import Scorer


class BundleMembers:
    """A bundle's `MemberModel`. It travels to other processes as a path, and is opened there."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer

    @classmethod
    def open(cls, bundle: Path) -> "BundleMembers":
        """Of a bundle's folder."""
        return cls(Scorer(bundle))

    def functionals_of(self, facts: pa.StructArray) -> MemberFunctionals:
        """See `MemberModel`."""
        features = context_features(self.scorer.spec, facts)
        columns = [np.ascontiguousarray(column) for column in features]
        prints = [crc32(b"".join(c[row].tobytes() for c in columns)) for row in range(len(facts))]
        return MemberFunctionals(self.scorer.functionals(features), np.array(prints, np.int64))

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return BundleMembers.open, (self.scorer.root,)
