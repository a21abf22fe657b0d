"""What deciding asks of a model about members: functionals, from facts."""

from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int


class MemberFunctionals(NamedTuple):
    """A block's members as the model sees them."""

    functionals: Float[np.ndarray, "members heads dimension"]
    fingerprints: Int[np.ndarray, " members"]  # of the features: equal facts, equal number


class MemberModel(Protocol):
    """A model of members. Precompute in several processes needs one that can be pickled."""

    def functionals_of(self, facts: pa.StructArray) -> MemberFunctionals:
        """Every head's functional for members of whom these facts are known.

        Args:
            facts: as `data.records.FACTS`.
        """
        ...
