"""Intervals of means over all pairs of a member and a title: decisions share both."""

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
    def of(cls, takes: Mapping[str, TitleTakes], bootstrap: Bootstrap) -> "PigeonholeMeans":
        """The same draws for all, so that differences and shares have intervals of their own.

        Members and titles are drawn again independently of each other: decisions share both.

        Source: Owen (2007), "The pigeonhole bootstrap", Annals of Applied Statistics 1(2).
        """
        rng, resamples = np.random.default_rng(bootstrap.seed), bootstrap.resamples
        members, titles = next(iter(takes.values())).shape
        of_members = rng.multinomial(members, np.full(members, 1 / members), resamples) / members
        of_titles = rng.multinomial(titles, np.full(titles, 1 / titles), resamples) / titles
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
