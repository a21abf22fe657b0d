"""`python -m bench hosts`: servers, nodes and stores that fail, beside what is promised."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from rich.console import Console

from bench.faults.stage.outcome import FaultOutcome, outcome_of, show_outcomes
from bench.hosts import (
    door_faults,
    log_faults,
    map_faults,
    run_faults,
    spark,
    store_faults,
    whole,
)
from bench.hosts import kills as killing
from bench.hosts.fault import HostFault
from data.command_line.names import names
from data.errors import BadInput

BREAKAGES = (
    *log_faults.BREAKAGES,
    *map_faults.BREAKAGES,
    *run_faults.BREAKAGES,
    *store_faults.BREAKAGES,
    *door_faults.BREAKAGES,
    *whole.BREAKAGES,
    *spark.BREAKAGES,
)


class HostRecord(TypedDict):
    """What came of all of them."""

    faults: list[FaultOutcome]
    kept: int
    not_kept: list[str]
    left_out: dict[str, str]
    kills: killing.Kills | None


def hosts(only: str = "", kills: int = 0, seed: int = 0, quick: bool = False) -> HostRecord:
    """Break Redis servers, nodes of a cluster, drains, publishers and object stores.

    Args:
        only: faults whose name has one of these words, separated by commas; all if empty.
        kills: how many servers, nodes, drains and publishers are killed at random moments.
        seed: of those moments.
        quick: four faults, one of each kind: to see that it works.
    """
    words = names([only])
    chosen = [f for f in BREAKAGES if not words or any(word in f.name for word in words)]
    if not chosen or kills < 0:
        raise BadInput(f"--only {only!r} --kills {kills}: no fault has such a name")
    return tried(chosen[:: max(1, len(chosen) // 4)] if quick else chosen, kills, seed)


def tried(chosen: Sequence[HostFault], kills: int, seed: int) -> HostRecord:
    """What comes of faults, each in a folder of its own."""
    left_out = {fault.name: why for fault in chosen if (why := fault.why_not())}
    rows = [one_fault(fault) for fault in chosen if fault.name not in left_out]
    return {
        "faults": rows,
        "kept": sum(row["kept"] for row in rows),
        "not_kept": [row["name"] for row in rows if not row["kept"]],
        "left_out": left_out,
        "kills": killing.killed(kills, seed) if kills else None,
    }


def one_fault(fault: HostFault) -> FaultOutcome:
    """What comes of one."""
    with tempfile.TemporaryDirectory(prefix="marquee-hosts-") as folder:
        return outcome_of(
            fault.name, fault.promise, lambda account: fault.act(Path(folder), account)
        )


def status(record: HostRecord) -> int:
    """1 where a promise was not kept."""
    kills = record["kills"]
    return int(bool(record["not_kept"]) or (kills is not None and not kills["kept"]))


def show_hosts(record: HostRecord) -> None:
    """Print a row for each fault, and what was not kept."""
    show_outcomes(record["faults"], record["left_out"])
    if record["kills"] is not None:
        Console().print(record["kills"])
