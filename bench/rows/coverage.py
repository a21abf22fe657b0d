"""Whether off-line estimates of rows hold what rows are worth, with neighbours and competition."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bandit.rows.row_chances import RowChances
from bench.rows.policies import learnt_policies
from bench.rows.stage import RowStage, even, explored, logged, slates_of
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.paired_bootstrap import Quantity, Range, group_sums, ranges
from evaluate.slate.estimate import SLOPE, SlateEstimate, estimate_slates
from evaluate.slate.estimators import ESTIMATORS
from simulate.rows.row_world import RowWorld

SHOWN = ("iips_dr", "pi", "pi_dr", "pi2", "pi2_dr", "pi3_dr", SLOPE)
LEARNT_ON = 20_000
"""Pages that the judged policies learnt neighbours from."""
RESAMPLES = 400


@dataclass(frozen=True)
class RowCoverage:
    """How far an estimator of rows is from the truth, over logs of one setting.

    Attributes:
        neighbour: added to a logit for each SD of alikeness.
        competition: titles of a row compete for one play.
        target: independent or orchestrated, greedy both, explored with a tenth.
        estimator: its name; `slope` is what SLOPE chose.
        bias: of the value, as a share of the truth.
        deviation: the same of its standard deviation.
        coverage: share of 95% intervals that hold the truth.
        chosen: of `slope`, how often each was chosen.
    """

    neighbour: float
    competition: bool
    target: str
    estimator: str
    bias: float
    deviation: float
    coverage: float
    chosen: dict[str, float] | None


@dataclass(frozen=True)
class Gain:
    """What orchestration gains over independent choices: off-line from one log, and on-line.

    Attributes:
        neighbour: added to a logit for each SD of alikeness.
        competition: titles of a row compete for one play.
        estimator: of both, on the same pages.
        off_line: estimated gain of a row.
        low: lower end of its 95% interval.
        high: upper end.
        on_line: the exact gain where each policy decides every row.
        held: whether the interval holds it.
    """

    neighbour: float
    competition: bool
    estimator: str
    off_line: float
    low: float
    high: float
    on_line: float
    held: bool


def coverage(
    stage: RowStage, rows: RowWorld, logs: int, pages: int, seed: int
) -> list[RowCoverage]:
    """Bias and coverage over logs of even draws, for an independent and an orchestrated target."""
    learnt = learnt_policies(stage, rows, LEARNT_ON, seed)
    found = []
    for name in ("independent", "orchestrated"):
        target = explored(getattr(learnt.policies, name))
        truth = float(rows.worth(target).mean())
        judged = _Judged(rows, learnt.known, target, learnt.known.worth(target))
        made = [_estimates(judged, pages, [seed, 2, log]) for log in range(logs)]
        found += [_row(rows, name, each, truth, [one[each] for one in made]) for each in SHOWN]
    return found


def gains(stage: RowStage, rows: RowWorld, pages: int, seed: int) -> list[Gain]:
    """The gain of orchestration by one large log, a title at a time and by windows."""
    policies, known, *_ = learnt_policies(stage, rows, LEARNT_ON, seed)
    targets = [explored(policies.independent), explored(policies.orchestrated)]
    rng = np.random.default_rng([seed, 3])
    log = logged(rows, even(rows), pages, rng)
    slates = [slates_of(known, log, even(rows), target, known.worth(target)) for target in targets]
    on_line = float((rows.worth(targets[1]) - rows.worth(targets[0])).mean())
    found = []
    for name in ("iips_dr", "pi_dr", "pi2_dr"):
        terms = [ESTIMATORS[name].terms(each)[:, 0] for each in slates]
        pair = np.stack([terms[1] - terms[0], np.ones(pages)], axis=-1)
        sums = group_sums(pair, slates[0].group)
        made: Range = ranges(sums, [Quantity([0, 1], lambda s: s[..., 0] / s[..., 1])])[0]
        held = made.low <= on_line <= made.high
        found.append(Gain(rows.neighbour, rows.competition, name, *made, on_line, held))
    return found


class _Judged(NamedTuple):
    """A target before a world, and what is believed of both."""

    rows: RowWorld
    known: RowWorld
    target: RowChances
    expected: Float[np.ndarray, " contexts"]


def _estimates(judged: _Judged, pages: int, seed: list[int]) -> dict[str, SlateEstimate]:
    rows = judged.rows
    log = logged(rows, even(rows), pages, np.random.default_rng(seed))
    slates = slates_of(judged.known, log, even(rows), judged.target, judged.expected)
    return estimate_slates(slates, Bootstrap(RESAMPLES, seed[-1]))


def _row(
    rows: RowWorld, target: str, name: str, truth: float, made: list[SlateEstimate]
) -> RowCoverage:
    values = np.array([one.value for one in made])
    held = [one.low <= truth <= one.high for one in made]
    chosen = Counter(one.chosen for one in made if one.chosen is not None)
    shares = {each: count / len(made) for each, count in chosen.most_common()}
    return RowCoverage(
        rows.neighbour,
        rows.competition,
        target,
        name,
        float(values.mean() / truth - 1),
        float(values.std() / truth),
        float(np.mean(held)),
        shares or None,
    )
