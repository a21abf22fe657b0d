"""What nights that add days to a posterior come to, in one world."""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from model.increments.kept_posterior import KeptPosterior


class Night(NamedTuple):
    """An increment of a day."""

    examples: int
    cpu_seconds: float
    value: float
    """Exact take of greedy."""


@dataclass(frozen=True)
class NightsOutcome:
    """What there is to say of a seed; values are exact takes."""

    posterior_gap: float
    choices_differ: int
    choices: int
    random: float
    best: float
    before: float
    nights: list[Night]
    full: float
    full_again: float
    """With another seed."""
    full_cpu_seconds: float
    full_examples: int
    last_day_alone: float

    @property
    def night_ratios(self) -> list[float]:
        """Each night's value to the one before it."""
        values = [self.before, *(night.value for night in self.nights)]
        return [now / then for then, now in pairwise(values)]


def posterior_gap(one: KeptPosterior, other: KeptPosterior) -> float:
    """The largest difference of any weight, of the mean or of a draw."""
    a, b = one.regression, other.regression
    assert a.draws is not None
    assert b.draws is not None
    pairs = zip((*a.mean, *a.draws), (*b.mean, *b.draws), strict=True)
    return max(float((x - y).abs().max()) for x, y in pairs)
