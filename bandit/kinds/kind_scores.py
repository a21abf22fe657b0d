"""What heads say that combinations are worth: a part a kind, and a part for each pair of kinds."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

MOST_COMBINATIONS = 10_000
"""Of one decision, beyond which they are too many to enumerate."""

Valid = tuple[Bool[np.ndarray, "decisions _"], ...]
"""Of each kind, which candidates may be shown; none of a kind: the surface does not show it."""


class KindScores(NamedTuple):
    """A combination's score is the sum of its candidates' own parts and of those of its pairs."""

    own: tuple[Float[np.ndarray, "decisions heads _"], ...]
    """Of each kind, in the order in which a surface shows them; kinds differ in candidates."""
    pair: Mapping[tuple[int, int], Float[np.ndarray, "decisions heads _ _"]]
    """By the places of two kinds, the earlier first; pairs that are left out add nothing."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Candidates of each kind; 1 of one that has no column, for its absence."""
        return tuple(max(own.shape[2], 1) for own in self.own)

    def totals(self, valid: Valid) -> Float[np.ndarray, "decisions heads *combinations"]:
        """The score of every combination, an axis a kind; −∞ where a candidate may not be shown.

        A kind without a valid candidate adds nothing, and its candidate 0 stands for its absence.

        Raises:
            ValueError: shapes disagree, or there are too many combinations to enumerate.
        """
        sizes, kinds = self.sizes, len(self.own)
        if int(np.prod(sizes)) > MOST_COMBINATIONS:
            of_each = " × ".join(map(str, sizes))
            raise ValueError(
                f"{of_each} candidates make {int(np.prod(sizes)):,} combinations; only"
                f" {MOST_COMBINATIONS:,} can be enumerated: take fewer of a kind"
            )
        decisions, heads = self.own[0].shape[:2]
        shapes = [(len(there), max(there.shape[1], 1)) for there in valid]
        if shapes != [(decisions, size) for size in sizes]:
            raise ValueError(f"valid has shapes {shapes}; {decisions} decisions of {sizes} need it")
        shown = [np.asarray(there.any(1)) for there in valid]
        total = np.zeros((decisions, heads, *sizes))
        for at, own in enumerate(self.own):
            allowed = present(valid[at])
            part = np.where(allowed[:, None], _of_shown(own, shown[at]), -np.inf)
            total += part.reshape(decisions, heads, *_axes(sizes, at))
        for (one, other), pair in self.pair.items():
            if not 0 <= one < other < kinds:
                raise ValueError(f"pair ({one}, {other}): two places of {kinds}, the earlier first")
            part = _of_shown(pair, shown[one] & shown[other])
            total += part.reshape(decisions, heads, *_axes(sizes, one, other))
        return total


def present(
    valid: Bool[np.ndarray, "decisions candidates"],
) -> Bool[np.ndarray, "decisions candidates"]:
    """Valid candidates; candidate 0 alone where a kind is not shown."""
    allowed = valid.copy() if valid.shape[1] else np.zeros((len(valid), 1), bool)
    allowed[~valid.any(1), 0] = True
    return allowed


def _of_shown(
    part: Float[np.ndarray, "decisions heads *candidates"], shown: Bool[np.ndarray, " decisions"]
) -> Float[np.ndarray, "decisions heads *candidates"]:
    """Scores where all kinds they are of are shown, 0 elsewhere; a kind without column has one."""
    if 0 in part.shape[2:]:
        return np.zeros((*part.shape[:2], *(max(size, 1) for size in part.shape[2:])))
    return np.where(shown.reshape(-1, *[1] * (part.ndim - 1)), part, 0.0)


def _axes(sizes: tuple[int, ...], *kept: int) -> list[int]:
    return [size if at in kept else 1 for at, size in enumerate(sizes)]
