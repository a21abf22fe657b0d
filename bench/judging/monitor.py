"""The monitor: false alarms over clean days, and what it finds of planted faults in a week."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from bench.judging.monitor_world import FAULTS, Service, write_service
from bench.judging.row import Effort, Row, run_each, share_row
from data.check.finding import WARN_P
from evaluate.monitor.monitor import inspect

SECTION = "monitor"
CLEAN_DAYS, BLOCK, WEEK = 300, 30, 8
FEWER = 5
"""Weeks with a fault are this many times fewer than runs."""
CLEAN = {
    "4 candidates, drawn softly, even use": Service(0, BLOCK),
    "2 candidates, epsilon .1, even use": Service(0, BLOCK, 2, 0.1),
    "4 candidates, drawn softly, Pareto-2 use": Service(0, BLOCK, use=2.0),
}
TESTED = ("propensity_shares", "propensity_week", "calibration_error", "takes_of_predicted")
"""Checks whose every p-value is printed."""


class Found(NamedTuple):
    """What the monitor says of one log."""

    warned: set[tuple[str, str]]  # check and day
    p: Mapping[str, list[float]]  # check → p-values of its days
    checks: int


def monitor(effort: Effort) -> list[Row]:
    """Rows for false alarms and for power; see the module."""
    rows = []
    days = BLOCK if effort.quick else CLEAN_DAYS
    for number, (setting, service) in enumerate(list(CLEAN.items())[: 1 if effort.quick else None]):
        first = effort.seed + 100 * number
        length = 3 if effort.quick else BLOCK
        logs = [service._replace(seed=first + block, days=length) for block in range(days // BLOCK)]
        rows += false_alarms(setting, run_each(watch, logs, effort.workers), length * len(logs))
    for number, (fault, seen_by) in enumerate(list(FAULTS.items())[: 1 if effort.quick else None]):
        first = effort.seed + 10_000 + 1_000 * number
        weeks = max(1, effort.runs // FEWER)
        logs = [Service(first + week, WEEK, fault=fault) for week in range(weeks)]
        found = run_each(watch, logs, effort.workers)
        hits = [any(name in seen_by for name, _ in one.warned) for one in found]
        what = "fault found within a week of 2,000 a day"
        rows.append(share_row(SECTION, what, fault, hits, 0.8))
    return rows


def watch(service: Service) -> Found:
    """Run the monitor over one log."""
    with TemporaryDirectory(prefix="monitor.") as folder:
        checks = inspect(*write_service(service, Path(folder))).checks
    p: dict[str, list[float]] = {}
    for check in checks:
        if check.p is not None:
            p.setdefault(check.name, []).append(check.p)
    warned = {(check.name, check.day) for check in checks if check.state != "ok"}
    return Found(warned, p, len(checks))


def false_alarms(setting: str, found: list[Found], days: int) -> list[Row]:
    """Days with any warning, and how often each tested check falls below .05."""
    by_day = {(log, day) for log, one in enumerate(found) for _, day in one.warned}
    hits = [True] * len(by_day) + [False] * (days - len(by_day))
    each_day = sum(one.checks for one in found) / days
    what = f"days with a false warning ({each_day:.0f} numbers a day, each at {WARN_P:g})"
    rows = [share_row(SECTION, what, setting, hits, each_day * WARN_P, "at most")]
    for name in TESTED:
        values = np.array([value for one in found for value in one.p.get(name, [])])
        if len(values):
            below = list(values < 0.05)
            rows.append(share_row(SECTION, f"{name}: p below .05", setting, below, 0.05, "at most"))
    return rows
