"""A/B tests that may be looked at: false stops, days until a lift is found, sample ratios."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.judging.experiment_world import HALVES, Trial, live_through
from bench.judging.row import Effort, Row, run_each, share_row
from evaluate.experiments.experiment import read_out
from evaluate.experiments.look import Comparison, ExperimentPlan
from evaluate.experiments.power import Design, days_needed
from evaluate.experiments.sample_ratio import MISMATCH

SECTION = "experiments"
DAYS, LOOKS = 28, 14
POWER = 0.8
NEVER = 10_000
"""Stands for a day that did not come."""
LIFTS = {0.3: (250, 10, 1), 0.13: (250, 60, 1), 0.05: (1_500, 30, 2), 0.02: (10_000, 24, 8)}
"""Lift → members a cell, days that are simulated, and by how much runs are fewer."""


class Read(NamedTuple):
    """A trial, and what was planned for it."""

    trial: Trial
    plan: ExperimentPlan
    fixed: int = DAYS
    """The day of the one look of a test that is looked at once."""


class Stops(NamedTuple):
    """On which day each way to look found a difference."""

    always_valid: int
    planned: int
    fixed: bool
    mismatch: bool


def experiments(effort: Effort) -> list[Row]:
    """Rows for false stops and days; see the module."""
    rows, false_ratio = false_stops(effort)
    rows.append(
        share_row(
            SECTION,
            "false sample-ratio stops, all days (evaluate experiment)",
            "all of the above",
            false_ratio,
            MISMATCH,
            "at most",
        )
    )
    tenth = [
        Read(
            Trial(effort.seed + 90_000 + n, 4_000, DAYS, lost=0.1, arriving=True), ExperimentPlan()
        )
        for n in range(effort.runs // 4 or 1)
    ]
    lost = [stops.mismatch for stops in run_each(read, tenth, effort.workers)]
    what = "a tenth of one cell's members lost is seen"
    rows.append(share_row(SECTION, what, "2,000 a cell, arriving", lost, None, "shown"))
    for lift in list(LIFTS)[: 1 if effort.quick else None]:
        rows += days_to_find(lift, effort)
    return rows


def read(task: Read) -> Stops:
    """Look at one trial in every way."""
    comparison = Comparison("control", "treatment", None, task.plan)
    found = read_out(live_through(task.trial), HALVES, [comparison])
    mismatch = found.mismatch_p < MISMATCH
    if "treatment" not in found.cells:
        return Stops(NEVER, NEVER, False, mismatch)
    cell = found.cells["treatment"]
    daily = [_day(look.day) for look in cell.looks if look.excludes_zero]
    planned = [_day(look.day) for look in cell.planned if look.excludes_zero]
    once = next((look for look in cell.looks if _day(look.day) >= task.fixed), cell.looks[-1])
    return Stops(
        min(daily, default=NEVER),
        min(planned, default=NEVER),
        abs(once.difference) > 1.96 * once.error,
        mismatch,
    )


def false_stops(effort: Effort) -> tuple[list[Row], list[bool]]:
    """Cells that do not differ: what share is ever called different; and sample ratios."""
    rows, mismatches = [], []
    settings = [
        (members, use, arriving)
        for members in (40, 400)
        for use in ("light", "heavy")
        for arriving in (False, True)
    ]
    for number, (members, use, arriving) in enumerate(settings[: 1 if effort.quick else None]):
        tau = days_needed(Design(0.17, 0.13, members, 5.0, 0.06), LOOKS).tau
        plan = ExperimentPlan(0.05, tau, LOOKS, DAYS)
        seeds = range(effort.seed + number * effort.runs, effort.seed + (number + 1) * effort.runs)
        tasks = [Read(Trial(seed, 2 * members, DAYS, 0.0, use, arriving), plan) for seed in seeds]
        found = run_each(read, tasks, effort.workers)
        mismatches += [stops.mismatch for stops in found]
        setting = f"{members} a cell, {use} use{', arriving' if arriving else ''}"
        for what, hits in (
            (f"false stops, always-valid, {DAYS} looks", [s.always_valid < NEVER for s in found]),
            (f"false stops, {LOOKS} planned looks", [s.planned < NEVER for s in found]),
        ):
            rows.append(share_row(SECTION, what, setting, hits, 0.05, "at most"))
        once = [stops.fixed for stops in found]
        rows.append(share_row(SECTION, "false, looked at once", setting, once, None, "shown"))
    return rows, mismatches


def days_to_find(lift: float, effort: Effort) -> list[Row]:
    """Days after which a lift is found, by each way to look."""
    members, horizon, fewer = LIFTS[lift]
    design = Design(0.17, lift, members, 5.0, 0.06)
    with_end, without = days_needed(design, LOOKS), days_needed(design)
    fixed, end = with_end.fixed or horizon, with_end.planned or horizon
    plan = ExperimentPlan(0.05, without.tau, min(LOOKS, end), end)
    first = effort.seed + 50_000 + int(lift * 10_000)
    tasks = [
        Read(Trial(first + n, 2 * members, horizon, lift), plan, fixed)
        for n in range(max(2, effort.runs // fewer))
    ]
    found = run_each(read, tasks, effort.workers)
    setting = f"lift {lift:.0%}, {members:,} a cell, takes .17"
    rows = [
        share_row(
            SECTION,
            f"found by one look on day {fixed}",
            setting,
            [s.fixed for s in found],
            None,
            "shown",
        ),  # what `power` says for POWER
        _days("day by which half found it, planned looks", setting, [s.planned for s in found]),
        _days("day by which half found it, always-valid", setting, [s.always_valid for s in found]),
    ]
    if lift == 0.13:
        soon = [stops.planned <= 1.3 * fixed for stops in found]
        what = f"found by planned looks within 1.3 times the {fixed} days of one look"
        rows.append(share_row(SECTION, what, setting, soon, POWER))
    return rows


def _days(what: str, setting: str, days: Sequence[int]) -> Row:
    """The day by which half were found; 10,000 if they were not."""
    measured = float(np.quantile(days, 0.5, method="higher"))
    return Row(SECTION, what, setting, len(days), measured, None, None, "shown")


def _day(text: str) -> int:
    """Number of a date; the first is 1."""
    return int((np.datetime64(text) - np.datetime64("2026-01-01")).astype(int)) + 1
