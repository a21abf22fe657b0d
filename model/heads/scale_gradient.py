"""A tensor whose gradient alone is scaled."""

from jaxtyping import Float
from torch import Tensor


def scale_gradient(x: Float[Tensor, "*shape"], factor: float) -> Float[Tensor, "*shape"]:
    """The same numbers; what flows back through them is multiplied by the factor."""
    still = x.detach()
    return still + factor * (x - still)
