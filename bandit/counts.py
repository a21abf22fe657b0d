"""What tabular bandits remember: takes and misses of each candidate, a Beta posterior each.

A row is whatever the bandit tells apart: a title, or a title for one segment of members (row =
title × segments + segment, the contextual form). One update takes a whole batch.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.special import betaincinv

PRIOR_IMPRESSIONS = 20.0
"""Impressions that an average counts for, before what is known of a candidate itself."""
LEAST_IMPRESSIONS, MOST_IMPRESSIONS = 1.0, 10_000.0
"""Between which what is learnt of that stays."""


@dataclass(frozen=True)
class BetaCounts:
    """Takes and misses, on top of a Beta(prior_takes, prior_misses) for every candidate."""

    takes: Float[np.ndarray, "rows candidates"]
    misses: Float[np.ndarray, "rows candidates"]
    prior_takes: float = 1.0
    prior_misses: float = 1.0

    def __post_init__(self) -> None:
        if self.takes.shape != self.misses.shape or self.takes.ndim != 2:
            raise ValueError(
                f"takes have shape {self.takes.shape}, misses {self.misses.shape}; "
                "both must be the same (rows, candidates)"
            )
        if self.takes.min(initial=0) < 0 or self.misses.min(initial=0) < 0:
            raise ValueError("takes and misses are counts: none may be negative")
        if min(self.prior_takes, self.prior_misses) <= 0:
            raise ValueError(
                f"the prior is Beta({self.prior_takes}, {self.prior_misses}); "
                "both parameters must be above 0"
            )

    @staticmethod
    def empty(
        rows: int, candidates: int, prior_takes: float = 1.0, prior_misses: float = 1.0
    ) -> "BetaCounts":
        """Counts before anything was seen."""
        shape = (rows, candidates)
        return BetaCounts(np.zeros(shape), np.zeros(shape), prior_takes, prior_misses)

    @property
    def alpha(self) -> Float[np.ndarray, "rows candidates"]:
        """First parameter of each posterior."""
        return self.takes + self.prior_takes

    @property
    def beta(self) -> Float[np.ndarray, "rows candidates"]:
        """Second parameter of each posterior."""
        return self.misses + self.prior_misses

    @property
    def mean(self) -> Float[np.ndarray, "rows candidates"]:
        """Expected take of each candidate."""
        return self.alpha / (self.alpha + self.beta)

    def quantile(self, share: float) -> Float[np.ndarray, "rows candidates"]:
        """The take that lies above this share of each posterior.

        Raises:
            ValueError: share is outside [0, 1].
        """
        if not 0 <= share <= 1:
            raise ValueError(f"the quantile asked for is {share}; it must be from 0 to 1")
        return betaincinv(self.alpha, self.beta, share)

    def of(self, rows: Int[np.ndarray, " decisions"]) -> "BetaCounts":
        """The counts that each of some decisions looks at."""
        return replace(self, takes=self.takes[rows], misses=self.misses[rows])

    def update(
        self,
        rows: Int[np.ndarray, " impressions"],
        actions: Int[np.ndarray, " impressions"],
        rewards: Float[np.ndarray, " impressions"],
        keep: float = 1.0,
    ) -> "BetaCounts":
        """The counts after a batch of impressions; a candidate may come up many times.

        Args:
            rows: row of each impression.
            actions: candidate shown.
            rewards: take, or any reward from 0 to 1: a share of a take.
            keep: share of the old counts that is kept, below 1 for drifting tastes.

        Raises:
            ValueError: an index is outside the table, a reward or keep outside [0, 1].
        """
        shape = self.takes.shape
        for name, indices, size in (("row", rows, shape[0]), ("action", actions, shape[1])):
            if len(indices) and not (indices.min() >= 0 and indices.max() < size):
                at = int(np.flatnonzero((indices < 0) | (indices >= size))[0])
                raise ValueError(
                    f"impression {at} has {name} {indices[at]}, but the table has {size}"
                )
        if not ((rewards >= 0) & (rewards <= 1)).all():
            at = int((~((rewards >= 0) & (rewards <= 1))).argmax())
            raise ValueError(f"impression {at} has reward {rewards[at]}; scale rewards to 0 … 1")
        if not 0 <= keep <= 1:
            raise ValueError(f"keep is {keep}; it is a share, from 0 to 1")
        cells = np.asarray(rows) * shape[1] + actions
        size = shape[0] * shape[1]
        takes = np.bincount(cells, rewards, size).reshape(shape)
        shown = np.bincount(cells, minlength=size).reshape(shape)
        return replace(
            self, takes=keep * self.takes + takes, misses=keep * self.misses + (shown - takes)
        )


def prior_strength(
    size: Float[np.ndarray, " candidates"],
    mean: Float[np.ndarray, " candidates"],
    noise: Float[np.ndarray, " titles"],
    title: Int[np.ndarray, " candidates"],
) -> float:
    """Impressions that a title's mean is worth beside those of a candidate, learnt from all titles.

    Empirical Bayes by moments: candidates of a title scatter by chance, which is known, and by what
    they truly differ, which is the rest. Where they scatter no more than by chance, the title's
    mean is worth `MOST_IMPRESSIONS`.

    Args:
        size: impressions of each candidate, or as many as weighted ones are worth; 0: not shown.
        mean: take of each.
        noise: variance of one take, of each title.
        title: of each candidate.

    Source: DerSimonian and Laird (1986), "Meta-analysis in clinical trials", Controlled Clinical
    Trials 7(3), here for variances that are proportional to their title's noise; Efron and Morris
    (1975), "Data Analysis Using Stein's Estimator", JASA 70.
    """
    titles = len(noise)
    whole = np.bincount(title, size, titles)
    squares = np.bincount(title, size**2, titles)
    shown = np.bincount(title, size > 0, titles)
    centre = np.bincount(title, size * mean, titles) / np.maximum(whole, 1e-12)
    scatter = np.bincount(title, size * (mean - centre[title]) ** 2, titles)
    tells = (noise > 0) & (shown > 1)
    if not tells.any():
        return PRIOR_IMPRESSIONS
    beyond = (scatter[tells] / noise[tells]).sum() - (shown[tells] - 1).sum()
    room = (whole[tells] - squares[tells] / whole[tells]).sum()
    return float(np.clip(room / max(beyond, 1e-12), LEAST_IMPRESSIONS, MOST_IMPRESSIONS))
