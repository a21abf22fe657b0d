"""Weights of whole rows from weights of windows of neighbouring slots.

What a row earns is often a sum of functions of a few neighbouring slots. Then weighing the windows
is enough, and far steadier than weighing the row: with independent or chained choices, what a
weight says of slots outside a window has mean 1 and cancels.
"""

import numpy as np
from jaxtyping import Float

from evaluate.slate.slates import Slates


def pseudo_inverse(slates: Slates) -> Float[np.ndarray, " slates"]:
    """PI: Σ w_l − (L − 1); right where each slot adds its own to the row's reward.

    The slots of the log must have been chosen independently; the target's need not.

    Source: Swaminathan, Krishnamurthy, Agarwal, Dudík, Langford, Jose and Zitouni (2017),
    "Off-policy Evaluation for Slate Recommendation", NeurIPS, section 3, for product policies.
    """
    return slates.of("position").sum(1) - (slates.length - 1)


def chain_pseudo_inverse(slates: Slates, width: int = 2) -> Float[np.ndarray, " slates"]:
    """PI of windows: Σ of windows' weights − Σ of those of the overlaps of two that follow another.

    With width 2, PI2, it is Σ w_l,l+1 − Σ w_l over inner slots: right where the row's reward is a
    sum of functions of two neighbours and the log's choices read their left neighbour at most. A
    row no longer than the window has its own weight. It is the junction tree of a row: cliques less
    separators.

    Args:
        slates: with weights of positions and pairs; for windows of 3 and more both policies must
            read their left neighbour at most, for then all weights follow from these.
        width: slots of a window, 1 or more.
    """
    if width == 1:
        return pseudo_inverse(slates)
    wide, overlap = _window(slates, width), _window(slates, width - 1)
    at = np.arange(slates.reward.shape[1])
    last = np.maximum(slates.length - width, 0)[:, None]  # first slot of the last window
    return (wide * (at <= last)).sum(1) - (overlap * ((at >= 1) & (at <= last))).sum(1)


def _window(slates: Slates, width: int) -> Float[np.ndarray, "slates slots"]:
    """Weight of the window that begins at each slot, cut off at the row's end."""
    position, pair = slates.of("position"), slates.of("pair")
    weight = position.copy()
    for step in range(1, min(width, weight.shape[1])):
        inner, onward = _shifted(position, step - 1), _shifted(pair, step - 1)
        # Where the target never puts the inner slot's action, no window that holds it weighs.
        ratio = np.divide(onward, inner, out=np.zeros_like(inner), where=inner > 0)
        inside = np.arange(weight.shape[1]) + step < slates.length[:, None]
        weight = np.where(inside, weight * ratio, weight)
    return weight


def _shifted(values: Float[np.ndarray, "slates slots"], by: int) -> np.ndarray:
    """Values of the slot so many places on; 0 beyond the end."""
    moved = np.zeros_like(values)
    moved[:, : values.shape[1] - by] = values[:, by:]
    return moved
