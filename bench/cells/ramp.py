"""`python -m bench ramp`: ramps of bundles that are known to be worse, as good, and better."""

import sys
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from rich.table import Table

from data.cells.experiment import Arm, Cell, Experiment, Experiments, Ramp
from data.cells.ramp_state import RampState
from evaluate.experiments.member_days import MemberDays
from evaluate.ramp.judge import judge_step, moved_state

FIRST = date(2026, 1, 1)
BASE = 0.15
"""Take fraction of the mean member in control."""
LIFTS = (-0.3, -0.1, 0.0, 0.1)
"""Of the ramped bundle, relative."""


@dataclass(frozen=True)
class RampFigures:
    """What became of many ramps of bundles of one lift."""

    lift: float
    runs: int
    stopped: float
    """Share of the runs."""
    finished: float
    """Share that came to the last step; the others still waited at the end."""
    days: float
    """Until stopped or at the last step, median."""
    lost: float
    """Takes that were lost until then beside all members in control, mean; below 0: won."""
    lost_most: float
    """The same, in the worst of twenty."""
    at_once: float
    """Takes lost in the same days had all members had it at once, mean."""


# Each parameter is an option of the command.
def ramp(
    runs: int = 200,
    members: int = 6_000,
    days: int = 40,
    seed: int = 31_000,
    lifts: list[float] | None = None,
    quick: bool = False,
) -> list[RampFigures]:
    """Let bundles of planted lifts grow by the product's own rule, one look a day.

    Members differ (beta law about .15, standard deviation .08) and come unevenly (gamma law, twelve
    impressions a day on average, on 60% of days); every run has an experiment and members of its
    own. Steps 1%, 10%, 50%, 100%, two days each at least, margin 5%.

    Args:
        runs: of each lift.
        members: in the experiment.
        days: until a run is given up as waiting.
        seed: of the first run of the first lift; each has a thousand of its own.
        lifts: of the ramped bundles, relative; -0.3, -0.1, 0 and 0.1 if left out.
        quick: a few small runs, to see that it works.
    """
    if quick:
        runs, members, days = 3, 2_000, 10
    wanted = enumerate(LIFTS) if lifts is None else [(_place(lift), lift) for lift in lifts]
    return [_figures(lift, runs, members, days, seed + 1000 * at) for at, lift in wanted]


def show(figures: list[RampFigures]) -> None:
    """A row a lift."""
    names = "lift, runs, stopped, at 100%, days (median), takes lost, worst of 20, all at once"
    table = Table(*names.split(", "))
    for one in figures:
        numbers = [one.days, one.lost, one.lost_most, one.at_once]
        shares = [f"{one.stopped:.3f}", f"{one.finished:.3f}"]
        table.add_row(f"{one.lift:+.0%}", str(one.runs), *shares, *(f"{n:,.0f}" for n in numbers))
    Console().print(table)


def _place(lift: float) -> int:
    """Where a lift's seeds lie: a lift of the table has those of the table."""
    return LIFTS.index(lift) if lift in LIFTS else len(LIFTS)


def _figures(lift: float, runs: int, members: int, days: int, seed: int) -> RampFigures:
    quiet = not sys.stderr.isatty()
    counted = track(range(runs), f"lift {lift:+.0%}", console=Console(stderr=True), disable=quiet)
    ends = [_run(lift, members, days, seed + run) for run in counted]
    phases = [phase for phase, *_ in ends]
    lost = np.array([lost for _, _, lost, _ in ends])
    return RampFigures(
        lift,
        runs,
        phases.count("stopped") / runs,
        phases.count("done") / runs,
        float(np.median([day for _, day, _, _ in ends])),
        float(lost.mean()),
        float(np.quantile(lost, 0.95)),
        float(np.mean([whole for *_, whole in ends])),
    )


def _run(lift: float, members: int, days: int, seed: int) -> tuple[str, int, float, float]:
    """Phase at the end, days until then, takes lost, and those lost with all members at once."""
    g = np.random.default_rng(seed)
    cells = (Cell("live", 0.5, Arm()), Cell("new", 0.5, Arm(bundle="new")))
    one = Experiment(f"run-{seed}", cells, "live", ramp=Ramp("new"))
    assert one.ramp is not None
    names = np.array([f"{seed}-{at}" for at in range(members)])
    tastes = g.beta(*_beta(BASE, 0.08), members)
    use = g.gamma(0.7, 12 / 0.7, members)
    state = RampState("new", 0, one.ramp.steps[0], str(FIRST))
    seen: list[MemberDays] = []
    treated = np.zeros(members, bool)
    lost = whole = 0.0
    for at in range(days):
        day = FIRST + timedelta(days=at)
        if not seen:
            found = Experiments("salt", (one,), steps={one.name: state.share})
            treated = np.array(found.cells_of_all(names.tolist(), one)) == "new"
        impressions = g.poisson(use) * (g.random(members) < 0.6)
        fractions = np.clip(tastes * np.where(treated, 1 + lift, 1.0), 0, 1)
        takes = g.binomial(impressions, fractions)
        lost += float((-lift * tastes * impressions)[treated].sum())
        whole += float((-lift * tastes * impressions).sum())
        there = impressions > 0
        cell = np.where(treated, "new", "live").astype(object)
        seen.append(_rows(names[there], cell[there], day, takes[there], impressions[there]))
        tomorrow = day + timedelta(days=1)
        looked = judge_step(one, state.step, date.fromisoformat(state.since), _joined(seen))
        before, state = state, moved_state(one, state, looked, tomorrow)
        if state.phase != "running":
            return state.phase, at + 1, lost, whole
        if state.step != before.step:
            seen = []
    return state.phase, days, lost, whole


def _beta(mean: float, deviation: float) -> tuple[float, float]:
    both = mean * (1 - mean) / deviation**2 - 1
    return mean * both, (1 - mean) * both


def _rows(
    names: np.ndarray,
    cells: np.ndarray,
    day: date,
    takes: Float[np.ndarray, " members"],
    impressions: Float[np.ndarray, " members"],
) -> MemberDays:
    days = np.full(len(names), str(day), object)
    return MemberDays(names, cells, days, takes.astype(float), impressions.astype(float))


def _joined(seen: list[MemberDays]) -> MemberDays:
    columns = zip(*(vars(one).values() for one in seen), strict=True)
    return MemberDays(*(np.concatenate(column) for column in columns))
