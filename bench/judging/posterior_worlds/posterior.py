"""Do intervals of what artworks are worth hold it as often as they should, and heads with them?

The data come from the hierarchy's own prior, so a miss is the fit's and not the model's.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import t
from torch import Tensor

from bench.judging.posterior_worlds.hierarchy import FEATURES, OF_TITLE, OWN, Hierarchy
from bench.judging.row import Effort, Row, run_each
from model.heads.epistemic_index import INDEX
from model.heads.hierarchical_logistic import HierarchicalLogistic
from model.heads.logistic_weights import LogisticWeights

IMPRESSIONS = (20, 100, 500, 2000)
"""Of an artwork, on average."""
FEWER = {20: 1, 100: 1, 500: 2, 2000: 4}
"""The share of runs that each size gets is one over this."""
OTHER = {0.0125: "half as far apart", 0.1: "1.4 times as far apart"}
"""Variances of levels for which the fit's start, of .04, is a worse guess; nothing is promised."""
PASSES = 3
"""As in training."""
NOMINAL, PROMISE = 0.9, 0.85
WIDTH = float(t.ppf((1 + NOMINAL) / 2, INDEX))
"""Deviations, told by so many draws, to each side."""


class Setting(NamedTuple):
    """One fit."""

    impressions: int
    skewed: bool
    own: float  # variance of artworks' own levels
    seed: int


class Compared(NamedTuple):
    """What one fit said, beside the truth."""

    own: float  # share of intervals that hold an artwork's own level
    contrast: float  # the same of how far two artworks of a title are apart
    member: float  # the same for one member, as heads have it that explore all of the doubt
    error: float  # root mean square of contrasts
    before: float  # the same where variances go by the precision's diagonal


class GivenAllElse(HierarchicalLogistic):
    """The fit whose variances go by each weight's variance given all others: the way before."""

    def learn_variances(self, steps: int = 4) -> None:
        """EM steps with one over the precision's diagonal in place of draws."""
        shown = self.gram[:, 0, 0] > 0
        for _ in range(steps):
            parts = zip(self.mean, self._diagonal(), strict=True)
            square = LogisticWeights(*(m**2 + 1 / d for m, d in parts))
            kinds = square.shared.mean(1, True), square.artwork[shown].mean(0), square.title.mean(0)
            self.variance = LogisticWeights(*(v.clamp(1e-6, 0.09) for v in kinds))
            self.variance.title[0] = 1.0
            self.solve()


def fit(setting: Setting) -> Compared:
    """Draw a world and a log, fit it as training does, and compare."""
    torch.set_num_threads(1)
    world = Hierarchy.drawn(setting.seed, setting.own)
    x, shown, rewards = world.log(setting.impressions, setting.skewed, setting.seed)
    made = HierarchicalLogistic(world.components, world.title_of, FEATURES)
    former = GivenAllElse(world.components, world.title_of, FEATURES)
    former.variance = LogisticWeights(*(part.clamp(max=0.01) for part in former.variance))
    former.variance.title[0] = 1.0
    for regression in (made, former):
        for _ in range(PASSES):
            regression.forget()
            regression.observe(x, shown, rewards, world.base)
            regression.solve()
            regression.learn_variances()
    return _compared(world, made, former, setting.seed)


def _compared(
    world: Hierarchy, made: HierarchicalLogistic, former: GivenAllElse, seed: int
) -> Compared:
    draws, off_by = made.draws, _contrasts(made.within_title() - world.within)
    assert draws is not None
    own = (made.mean.artwork - world.own)[:, 0].abs() < WIDTH * _deviation(draws.artwork[:, 0])
    doubt = made.doubt(torch.eye(FEATURES), INDEX)
    apart = _contrasts(doubt.levels).norm(dim=1)
    member = torch.randn(FEATURES, generator=torch.Generator().manual_seed(seed + 1))
    member[0] = 1
    explored = _contrasts(doubt.readings[:, None] * doubt.levels).norm(dim=1)
    return Compared(
        float(own.float().mean()),
        float((off_by[:, 0].abs() < WIDTH * apart).float().mean()),
        float(((off_by @ member).abs() < WIDTH * explored).float().mean()),
        float(off_by[:, 0].square().mean().sqrt()),
        float(_contrasts(former.within_title() - world.within)[:, 0].square().mean().sqrt()),
    )


def _deviation(drawn: Tensor) -> Tensor:
    return drawn.square().mean(-1).sqrt()


def _contrasts(of: Tensor) -> Tensor:
    """Of every two artworks of a title."""
    titles = of.unflatten(0, (-1, OF_TITLE))
    return torch.cat([titles[:, a] - titles[:, b] for a, b in combinations(range(OF_TITLE), 2)])


def posterior(effort: Effort) -> list[Row]:
    """Coverage of 90% intervals, by impressions of an artwork."""
    sizes = IMPRESSIONS[:2] if effort.quick else IMPRESSIONS
    settings = [(size, skewed, OWN) for size in sizes for skewed in (False, True)]
    settings += [] if effort.quick else [(20, False, own) for own in OTHER]
    rows = []
    for impressions, skewed, own in settings:
        count = max(3, effort.runs // FEWER[impressions])
        seeds = range(effort.seed, effort.seed + count)
        tasks = [Setting(impressions, skewed, own, seed) for seed in seeds]
        said = f"{impressions} impressions an artwork, {'skewed' if skewed else 'even'}"
        said += f", levels {OTHER[own]}" if own in OTHER else ""
        rows += _rows(said, run_each(fit, tasks, effort.workers), PROMISE if own == OWN else None)
    return rows


def _rows(setting: str, fits: list[Compared], promise: float | None) -> list[Row]:
    own, contrast, member, error, before = np.array(fits).T
    shares = {
        "90% interval, own level": own,
        "90% interval, contrast within a title": contrast,
        "90% interval, contrast for one member, by heads": member,
    }
    rows = [_row(what, setting, share, promise) for what, share in shares.items()]
    rows.append(_row("error of contrasts, logits", setting, error, None))
    rows.append(_row("error of contrasts less that of before", setting, error - before, None))
    return rows


def _row(what: str, setting: str, values: np.ndarray, nominal: float | None) -> Row:
    """A mean over worlds, with the interval of its t statistic."""
    middle, runs = float(values.mean()), len(values)
    half = float(values.std(ddof=1) / runs**0.5 * t.ppf(0.975, runs - 1))
    side = "shown" if nominal is None else "at least"
    return Row(
        "posterior", what, setting, runs, middle, (middle - half, middle + half), nominal, side
    )
