"""What images are worth to a title that shows each member the best of what it has.

All of it is what a bundle believes: nobody has shown these images. Uncertainty is between the
bundle's heads; whom the audience is drawn from is given.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from evaluate.ope.paired_bootstrap import Range

HeadTakes = Float[np.ndarray, "members heads artworks"]


class Addition(NamedTuple):
    """An image added to those before it."""

    artwork: int
    value: Range
    """Expected take of the title with it and all before it."""
    gain: float
    """What it added."""


def over_heads(values: Float[np.ndarray, " heads"]) -> Range:
    """Mean over heads and the interval that holds 95% of them."""
    low, high = np.quantile(values, (0.025, 0.975))
    return Range(float(values.mean()), float(low), float(high))


def expected_take(takes: HeadTakes, artwork: int) -> Range:
    """Of an image shown to every member."""
    return over_heads(takes[:, :, artwork].mean(0))


def title_values(
    takes: HeadTakes, artworks: Int[np.ndarray, " some"]
) -> Float[np.ndarray, " heads"]:
    """Each head's expected take when every member sees what is best in the mean over heads."""
    if not len(artworks):
        return np.zeros(takes.shape[1])
    best = artworks[takes[:, :, artworks].mean(1).argmax(-1)]
    return takes[np.arange(len(takes)), :, best].mean(0)


def gain(takes: HeadTakes, today: Int[np.ndarray, " some"], artwork: int) -> Range:
    """What an image adds to a title that has others already: never below 0 in the mean."""
    more = np.append(today, artwork)
    return over_heads(title_values(takes, more) - title_values(takes, today))


def probability_of_best(takes: HeadTakes, today: Int[np.ndarray, " some"], artwork: int) -> float:
    """Share of members and heads for whom the image beats all that the title has; ties count half.

    So often would Thompson sampling show it.
    """
    if not len(today):
        return 1.0
    rival, mine = takes[:, :, today].max(-1), takes[:, :, artwork]
    return float((mine > rival).mean() + 0.5 * (mine == rival).mean())


def greedy_order(takes: HeadTakes, most: int | None = None) -> list[Addition]:
    """Images in the order in which each adds most to those before it.

    The value of a set is the mean over members of its best image, so gains can only fall, and no
    other set of a size is worth more than 1 / (1 − 1/e) times as much.

    Source: Nemhauser, Wolsey and Fisher (1978), "An analysis of approximations for maximizing
    submodular set functions", Mathematical Programming 14.
    """
    mean = takes.mean(1)
    best = np.zeros(len(mean))
    left = list(range(mean.shape[1]))
    additions: list[Addition] = []
    while left and len(additions) < (most or mean.shape[1]):
        gains = np.maximum(mean[:, left] - best[:, None], 0).mean(0)
        pick = left.pop(int(gains.argmax()))
        best = np.maximum(best, mean[:, pick])
        chosen = np.array([addition.artwork for addition in additions] + [pick])
        additions.append(
            Addition(pick, over_heads(title_values(takes, chosen)), float(gains.max()))
        )
    return additions


def mean_gains(takes: HeadTakes, today: Int[np.ndarray, " some"]) -> Float[np.ndarray, " artworks"]:
    """What every single image would add to those of today, in the mean over heads."""
    mean = takes.mean(1)
    best = mean[:, today].max(-1) if len(today) else np.zeros(len(mean))
    return np.maximum(mean - best[:, None], 0).mean(0)
