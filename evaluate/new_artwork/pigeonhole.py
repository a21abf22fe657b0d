"""Intervals of means over all pairs of a member and a title: decisions share both.

Titles share subjects too, where posters are made of the same cut-outs: then those are drawn again
as well, and the interval speaks of titles of other cut-outs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from evaluate.new_artwork.exact_takes import TitleTakes
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.paired_bootstrap import Range

Draws = Mapping[str, Float[np.ndarray, " resamples"]]
LEAST = 0.1
"""Weight of all titles, of what it is on average, with fewer of which a draw says nothing."""


@dataclass(frozen=True)
class PigeonholeMeans:
    """Means of takes over all (member, title), and what they are when these are drawn again."""

    value: Mapping[str, float]
    ways: tuple[Draws, ...]
    """By titles; where titles share subjects, by these as well."""

    @classmethod
    def of(
        cls,
        takes: Mapping[str, TitleTakes],
        bootstrap: Bootstrap,
        subjects: Float[np.ndarray, "titles subjects"] | None = None,
    ) -> "PigeonholeMeans":
        """The same draws for all, so that differences and shares have intervals of their own.

        Members and titles are drawn again independently of each other: decisions share both. With
        subjects, titles are drawn a second way, by their subjects, each of which takes along all
        titles that show it; intervals are the wider of the two. A title of several subjects counts
        with each of them, so where titles share nothing the second is too wide.

        Args:
            takes: policy → its takes.
            bootstrap: how often.
            subjects: shares of each title, rows sum to 1; None: titles share none.

        Source: Owen (2007), "The pigeonhole bootstrap", Annals of Applied Statistics 1(2); of more
        than two factors: Owen and Eckles (2012), "Bootstrapping data arrays of arbitrary order",
        ibid. 6(3).
        """
        rng, resamples = np.random.default_rng(bootstrap.seed), bootstrap.resamples
        members, titles = next(iter(takes.values())).shape
        by_member = _drawn(rng, members, resamples)
        weights = [_drawn(rng, titles, resamples)]
        if subjects is not None:
            shown = subjects[:, subjects.any(0)]
            more = shown.shape[1] * _drawn(rng, shown.shape[1], resamples) - 1
            drawn = 1 + more @ (shown / shown.max(1, keepdims=True)).T
            total = drawn.sum(1, keepdims=True)
            weights.append(drawn / np.where(total > LEAST * titles, total, np.nan))
        of_members = {name: by_member @ t for name, t in takes.items()}
        ways = [{name: (t * way).sum(-1) for name, t in of_members.items()} for way in weights]
        return cls({name: float(t.mean()) for name, t in takes.items()}, tuple(ways))

    def mean(self, policy: str) -> Range:
        """What a policy takes, with its 95% interval."""
        return Range(self.value[policy], *_widest([way[policy] for way in self.ways]))

    def share(self, part: str, whole: str) -> Range:
        """What a policy gains over random, as a share of what another gains; with its interval.

        NaN where the other gains nothing.
        """
        names = (part, whole, "random")
        value = _share(*(np.array(self.value[name]) for name in names))
        drawn = [_share(*(way[name] for name in names)) for way in self.ways]
        return Range(float(value), *_widest(drawn))


def _drawn(
    rng: np.random.Generator, count: int, resamples: int
) -> Float[np.ndarray, "resamples count"]:
    """How often each of so many was drawn, as a share."""
    return rng.multinomial(count, np.full(count, 1 / count), resamples) / count


def _share(
    part: Float[np.ndarray, "*draws"],
    whole: Float[np.ndarray, "*draws"],
    base: Float[np.ndarray, "*draws"],
) -> Float[np.ndarray, "*draws"]:
    gain, most = part - base, whole - base
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(most > 0, np.divide(gain, most), np.nan)


def _widest(ways: Sequence[Float[np.ndarray, " resamples"]]) -> tuple[float, float]:
    """Ends of the widest interval among the ways of drawing."""
    return max(
        (_ends(way) for way in ways), key=lambda ends: np.nan_to_num(ends[1] - ends[0], nan=-1)
    )


def _ends(values: Float[np.ndarray, " resamples"]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, (0.025, 0.975)).tolist()
    return low, high
