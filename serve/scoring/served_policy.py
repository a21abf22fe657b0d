"""What deciding takes from a bundle: its policy, and members as its context tower sees them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bandit.head_policy import HeadPolicy


class ServedPolicy(NamedTuple):
    """What the bundle says about deciding."""

    bundle: str
    head_policy: HeadPolicy
    """How its heads decide; logs name a decision's policy by its kind."""
    salt: int


class MemberFunctionals(NamedTuple):
    """A block's members as the model sees them."""

    functionals: Float[np.ndarray, "members heads dimension"]
    fingerprints: Int[np.ndarray, " members"]  # of the features: equal facts, equal number
