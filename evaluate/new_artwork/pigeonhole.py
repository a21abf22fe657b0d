"""Intervals of means over all pairs of a member and a title: decisions share both.

Titles share subjects too, where posters are made of the same cut-outs: then those are drawn again
as well, and the interval speaks of titles of other cut-outs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from evaluate.new_artwork.exact_takes import TitleTakes
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.paired_bootstrap import Range


@dataclass(frozen=True)
class PigeonholeMeans:
    """Means of takes over all (member, title), and what they are for drawn members and titles."""

    value: Mapping[str, float]
    drawn: Mapping[str, Float[np.ndarray, " resamples"]]

    @classmethod
    def of(
        cls,
        takes: Mapping[str, TitleTakes],
        bootstrap: Bootstrap,
        subjects: Float[np.ndarray, "titles subjects"] | None = None,
    ) -> "PigeonholeMeans":
        """The same draws for all, so that differences and shares have intervals of their own.

        Members, titles and subjects are drawn again independently of each other, and a pair counts
        as often as all three were drawn. That counts the titles' own differences more than once
        where titles share nothing: intervals are then too wide rather than too narrow.

        Args:
            takes: policy → its takes.
            bootstrap: how often.
            subjects: shares of each title, rows sum to 1; None: titles share none.

        Source: Owen and Eckles (2012), "Bootstrapping data arrays of arbitrary order", Annals of
        Applied Statistics 6(3); of members and titles alone: Owen (2007), "The pigeonhole
        bootstrap", ibid. 1(2).
        """
        rng, resamples = np.random.default_rng(bootstrap.seed), bootstrap.resamples
        members, titles = next(iter(takes.values())).shape
        of_members = _drawn(rng, members, resamples)
        of_titles = _drawn(rng, titles, resamples)
        if subjects is not None:
            shown = subjects[:, subjects.any(0)]
            # A title of several subjects varies with their draws as much as one of one does.
            share = shown / np.sqrt((shown**2).sum(-1, keepdims=True))
            more = shown.shape[1] * _drawn(rng, shown.shape[1], resamples) - 1
            of_titles = of_titles * np.maximum(1 + more @ share.T, 0)
            with np.errstate(invalid="ignore"):  # no drawn title may have a drawn subject
                of_titles = of_titles / of_titles.sum(-1, keepdims=True)
        drawn = {name: ((of_members @ t) * of_titles).sum(-1) for name, t in takes.items()}
        return cls({name: float(t.mean()) for name, t in takes.items()}, drawn)

    def mean(self, policy: str) -> Range:
        """What a policy takes, with its 95% interval."""
        return Range(self.value[policy], *_ends(self.drawn[policy]))

    def share(self, part: str, whole: str) -> Range:
        """What a policy gains over random, as a share of what another gains; with its interval.

        NaN where the other gains nothing.
        """
        value = _share(*(np.array(self.value[name]) for name in (part, whole, "random")))
        drawn = _share(*(self.drawn[name] for name in (part, whole, "random")))
        return Range(float(value), *_ends(drawn))


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


def _ends(values: Float[np.ndarray, " resamples"]) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, (0.025, 0.975)).tolist()
    return low, high
