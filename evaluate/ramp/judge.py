"""What a step of a ramp has shown: stop, go on to the next step, or wait.

A step is a test of its own, on the days since it began: members who joined the cell with it were
in control before, and days when the cell had a hundredth of the members are no days when it has a
half. Its error is shared among the steps, so that all of them together stop an equal bundle in at
most one case of twenty, however often they are looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np

from data.cells.experiment import Experiment, Ramp
from data.cells.ramp_state import RampState
from evaluate.experiments.look import Comparison, ExperimentPlan, Look, all_looks
from evaluate.experiments.member_days import MemberDays

ALPHA = 0.05
"""Of all steps and guards together."""
Verdict = Literal["stop", "go", "wait"]


@dataclass(frozen=True)
class StepLook:
    """What a step has shown so far."""

    verdict: Verdict
    why: str
    days: int
    """Of the step that have been seen."""
    look: Look | None = None
    """At the reward; None: the cells are too small yet."""
    lost: float = 0.0
    """Reward that the cell is estimated to have cost since the step began; below 0: it gained."""


def judge_step(
    experiment: Experiment,
    step: int,
    since: date,
    rows: MemberDays,
    guarded: Mapping[str, tuple[float, MemberDays]] | None = None,
) -> StepLook:
    """What the step has shown, from its first day on.

    Args:
        experiment: that has a ramp.
        step: which, from 0.
        since: first day of the step.
        rows: takes and impressions by member, cell and day.
        guarded: metric → its guard, and rows that have it in place of takes.
    """
    ramp = experiment.ramp
    assert ramp is not None
    alpha = ALPHA / len(ramp.steps) / (1 + len(guarded or {}))
    inside = _since(rows, since)
    days = len(np.unique(inside.day))
    look = _last(inside, experiment, ramp, alpha)
    lost = 0.0 if look is None else _lost(inside, ramp, look)
    if look is not None and look.high < 0:
        words = f"{ramp.cell} earns {look.treatment:.4g} against {look.control:.4g}, and the"
        return StepLook("stop", f"{words} interval lies below 0", days, look, lost)
    for name, (guard, metric) in (guarded or {}).items():
        one = _last(_since(metric, since), experiment, ramp, alpha)
        if one is None:
            continue
        edge = guard * abs(one.control)
        if (guard < 0 and one.high < edge) or (guard >= 0 and one.low > edge):
            words = f"{name} is {one.treatment:.4g} against {one.control:.4g}, beyond its guard"
            return StepLook("stop", words, days, look, lost)
    if days < ramp.days:
        return StepLook("wait", f"{days} of {ramp.days} days have been seen", days, look, lost)
    if look is None:
        return StepLook("wait", "too few members or takes in a cell yet", days, look, lost)
    last = step >= len(ramp.steps) - 2
    if last and look.low <= -ramp.margin * look.control:
        words = f"it may yet lose {-look.low / max(look.control, 1e-12):.1%}, and the margin is"
        return StepLook("wait", f"{words} {ramp.margin:.1%}", days, look, lost)
    proved = "shown to lose less than the margin" if last else "no harm shown"
    return StepLook("go", f"{proved} in {days} days", days, look, lost)


def moved_state(one: Experiment, state: RampState, looked: StepLook, day: date) -> RampState:
    """The state after a look; its history says what was done."""
    ramp, step = one.ramp, state.step + 1
    assert ramp is not None
    if looked.verdict == "stop":
        words = f"{day}: stopped at {state.share:.0%}: {looked.why}"
        return replace(
            state, share=0.0, phase="stopped", why=looked.why, history=[*state.history, words]
        )
    if looked.verdict == "wait":
        return state
    if step >= len(ramp.steps):
        return replace(state, phase="done", why=looked.why)
    share, phase = ramp.steps[step], "done" if ramp.steps[step] >= 1 else "running"
    words = f"{day}: {share:.0%}: {looked.why}"
    history = [*state.history, words]
    return RampState(state.cell, step, share, str(day), phase, looked.why, history)


def _since(rows: MemberDays, since: date) -> MemberDays:
    """The rows of the step alone."""
    keep = rows.day >= str(since)
    return MemberDays(*(column[keep] for column in vars(rows).values()))


def _last(rows: MemberDays, experiment: Experiment, ramp: Ramp, alpha: float) -> Look | None:
    plan = ExperimentPlan(alpha, None, 0, 0)
    comparison = Comparison(experiment.control, ramp.cell, None, plan)
    members = rows.cell_of(None)
    if not {experiment.control, ramp.cell} <= set(members.values()):
        return None
    looks = all_looks(rows, members, comparison).daily
    return looks[-1] if looks else None


def _lost(rows: MemberDays, ramp: Ramp, look: Look) -> float:
    return float(-look.difference * rows.impressions[rows.cell == ramp.cell].sum())
