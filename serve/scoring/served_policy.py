"""What deciding takes from a bundle: its policy, and members as its context tower sees them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Policy(NamedTuple):
    """What the bundle says about deciding."""

    bundle: str
    epsilon: float
    salt: int
    name: str = "thompson"


class Facts(NamedTuple):
    """A block's facts as the model sees them."""

    functionals: Float[np.ndarray, "members heads dimension"]
    fingerprints: Int[np.ndarray, " members"]  # of the features: equal facts, equal number
