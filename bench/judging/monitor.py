"""The monitor: false alarms over clean days, and what it finds of planted faults in a week."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from bench.judging.monitor_limit import FAULT, limit
from bench.judging.monitor_world import FAULTS, FAULTY_DAYS, Service, write_service
from bench.judging.row import Effort, Row, run_each, share_row
from data.check.finding import WARN_P
from evaluate.monitor.calibration import SUMS_WARN_P
from evaluate.monitor.monitor import inspect

SECTION = "monitor"
CLEAN_DAYS, BLOCK = 300, 30
SMALL = "propensities sharper by 5%"
CLEAN = {
    "4 candidates, drawn softly, even use": Service(0, BLOCK),
    "2 candidates, epsilon .1, even use": Service(0, BLOCK, 2, 0.1),
    "4 candidates, drawn softly, Pareto-1.1 use": Service(0, BLOCK, use=1.1),
}
TESTED = ("propensity_shares", "propensity_week", "calibration_error", "takes_of_predicted")
"""Checks whose every p-value is printed."""


class Planted(NamedTuple):
    """A fault in logs, which begins on the second day."""

    fault: str
    decisions: int = 2_000  # a day
    days: int = FAULTY_DAYS + 1
    fewer: int = 5  # logs than runs


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
    every = {FAULT: 1}  # the one that is nearest to what can be found
    faults = [*(Planted(fault, fewer=every.get(fault, 5)) for fault in FAULTS)]
    faults.append(Planted(SMALL, 20_000, 4, 20))
    for number, planted in enumerate(faults[: 1 if effort.quick else None]):
        rows.append(power(planted, effort, effort.seed + 10_000 + 1_000 * number))
    rows.append(limit(effort, effort.seed + 20_000, SUMS_WARN_P, effort.runs))
    return rows


def power(planted: Planted, effort: Effort, first: int) -> Row:
    """How often a fault is found."""
    logs = [
        Service(seed, planted.days, fault=planted.fault, decisions=planted.decisions)
        for seed in range(first, first + max(1, effort.runs // planted.fewer))
    ]
    hits = [
        any(name in FAULTS[planted.fault] for name, _ in found.warned)
        for found in run_each(watch, logs, effort.workers)
    ]
    what = f"fault found in {planted.days - 1} days of {planted.decisions:,}"
    # Five hundredths of sharpness is at the edge of what so few draws can tell from chance.
    edge = planted.fault == SMALL and planted.decisions < 20_000
    return share_row(
        SECTION, what, planted.fault, hits, None if edge else 0.8, "shown" if edge else "at least"
    )


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
    level = (each_day - 1) * WARN_P + SUMS_WARN_P
    what = f"days with a false warning ({each_day:.0f} numbers a day, at {level:.2g} in all)"
    rows = [share_row(SECTION, what, setting, hits, level, "at most")]
    for name in TESTED:
        values = np.array([value for one in found for value in one.p.get(name, [])])
        if len(values):
            below = list(values < 0.05)
            rows.append(share_row(SECTION, f"{name}: p below .05", setting, below, 0.05, "at most"))
    return rows
