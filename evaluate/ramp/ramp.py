"""`python -m evaluate ramp`: let a cell grow by a step, or stop it, as its examples say."""

import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from data import clock
from data.cells.experiment import Experiment
from data.cells.ramp_state import RampState, read_states, write_states
from data.cells.written import read_experiments
from data.errors import BadInput
from data.images.row_store import locked
from evaluate.experiments.cell_metrics import metric_names_of
from evaluate.experiments.member_days import MemberDays
from evaluate.metrics.metrics import guards_beside
from evaluate.ramp.judge import StepLook, Verdict, judge_step, moved_state

BY_HAND = "stopped by hand"


@dataclass(frozen=True)
class RampReport:
    """What became of one ramp."""

    experiment: str
    cell: str
    verdict: Verdict
    why: str
    share: float
    """Of the members of cell and control together, from now on."""
    phase: str
    days: int
    lost: float
    """Reward that the step is estimated to have cost; below 0: it gained."""
    low: float | None
    high: float | None
    """Ends of the always-valid interval of the difference; None: too few members yet."""


# Each parameter is an option of the command.
def ramp(
    log: str,
    experiments: Path = Path("experiments.yaml"),
    name: str | None = None,
    day: str | None = None,
    catalogue: str | None = None,
    dry: bool = False,
    stop: bool = False,
) -> list[RampReport]:
    """Let cells of experiments.yaml grow by a step, wait or stop; exit 1 if any was stopped.

    Run it once a night, after the join. A cell begins at its first step. It is stopped, and its
    members go back to control, as soon as it is shown to earn less than control or to break a
    guard of schema.yaml, by intervals that hold however often they are looked at. It grows after
    the days of its step; before the last step it must be shown to lose less than the margin. The
    state is kept beside the file, in experiments.ramp.json; services follow it within a second.

    Args:
        log: Parquet file or folder of joined examples, as `python -m data join` makes them.
        experiments: the file that the service decides by.
        name: of one experiment; all that have a ramp if left out.
        day: first day of the next step, YYYY-MM-DD; tomorrow (UTC) if left out, as today's members
            have seen both cells.
        catalogue: folder whose schema.yaml guards metrics; one beside or in LOG if not given.
        dry: only say what would be done.
        stop: stop the ramp whatever its examples say; takes --name.
    """
    found, next_day = read_experiments(experiments), _day(day)
    wanted = [one for one in found.experiments if one.ramp and name in (None, one.name)]
    if not wanted or (stop and name is None):
        ramped = [one.name for one in found.experiments if one.ramp]
        raise BadInput(f"{experiments} has ramps of {ramped}; name one of them with --name")
    with locked(experiments.parent, experiments.stem):
        states = read_states(experiments)
        reports = []
        for one in wanted:
            state = states.get(one.name) or _begun(one, next_day)
            if stop:
                looked = StepLook("stop", BY_HAND, 0)
            elif state.phase != "running" or one.name not in states:
                begun = "it begins" if one.name not in states else f"it is {state.phase}"
                looked = StepLook("wait", f"{begun}: {state.why}".rstrip(": "), 0)
            else:
                looked = looked_step(one, state, log, catalogue)
            state = moved_state(one, state, looked, next_day)
            states[one.name] = state
            reports.append(_report(one, state, looked))
        if not dry:
            write_states(experiments, states)
    return reports


def stop_ramp(experiments: Path, name: str, words: str) -> RampState:
    """Stop a ramp whatever its examples say; its members are in control from now on.

    Args:
        experiments: the file that the service decides by.
        name: of the experiment.
        words: who stops it, and why: the state keeps them.

    Raises:
        BadInput: the file has no such ramp, or it is not running.
    """
    ramps = [one for one in read_experiments(experiments).experiments if one.ramp]
    found = {one.name: one for one in ramps}.get(name)
    if found is None:
        raise BadInput(f"{experiments} has ramps of {[one.name for one in ramps]}; name one")
    with locked(experiments.parent, experiments.stem):
        states = read_states(experiments)
        state = states.get(name) or _begun(found, _day(None))
        if state.phase != "running":
            raise BadInput(f"the ramp of {name!r} is {state.phase} already: {state.why}")
        state = moved_state(found, state, StepLook("stop", f"{BY_HAND}: {words}", 0), _day(None))
        write_states(experiments, states | {name: state})
    return state


def status(reports: list[RampReport]) -> int:
    """1 where a cell was stopped just now; else 0."""
    return int(any(one.verdict == "stop" for one in reports))


def show(reports: list[RampReport]) -> None:
    """A line a ramp."""
    for one in reports:
        ends = "" if one.low is None else f"; difference {one.low:+.5f} … {one.high:+.5f}"
        print(
            f"{one.experiment}: {one.cell} {one.verdict}, {one.share:.0%} from now on"
            f" ({one.phase}): {one.why}{ends}; reward lost in this step: {one.lost:.1f}",
            file=sys.stderr if one.verdict == "stop" else sys.stdout,
        )


def _begun(one: Experiment, day: date) -> RampState:
    assert one.ramp is not None
    first = f"{day}: begins at {one.ramp.steps[0]:.0%}"
    return RampState(one.ramp.cell, 0, one.ramp.steps[0], str(day), history=[first])


def looked_step(one: Experiment, state: RampState, log: str, catalogue: str | None) -> StepLook:
    """What the step that a ramp is at has shown.

    Args:
        one: that has a ramp.
        state: of the ramp, which has begun.
        log: Parquet file or folder of joined examples.
        catalogue: folder whose schema.yaml guards metrics; None: one beside or in LOG.

    Raises:
        BadInput: as `MemberDays.read`.
    """
    rows = MemberDays.read(log, experiment=one.name)
    guards, known = guards_beside(log, catalogue), metric_names_of(log)
    guarded = {
        metric: (guard, MemberDays.read(log, metric=metric, experiment=one.name))
        for metric, guard in guards.items()
        if metric in known
    }
    return judge_step(one, state.step, date.fromisoformat(state.since), rows, guarded)


def _report(one: Experiment, state: RampState, looked: StepLook) -> RampReport:
    look = looked.look
    return RampReport(
        experiment=one.name,
        cell=state.cell,
        verdict=looked.verdict,
        why=looked.why,
        share=state.share,
        phase=state.phase,
        days=looked.days,
        lost=looked.lost,
        low=None if look is None else look.low,
        high=None if look is None else look.high,
    )


def _day(text: str | None) -> date:
    if text is None:
        return clock.today() + timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--day {text!r} is no date; write YYYY-MM-DD") from None
