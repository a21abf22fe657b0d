"""`python -m bench hosts`: servers, nodes and stores that fail, beside what is promised."""

import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from bench.faults.stage.account import Account
from bench.hosts import kills as killing
from bench.hosts import log_faults, map_faults, spark, store_faults
from bench.hosts.fault import HostFault
from data.errors import BadInput

BREAKAGES = (
    *log_faults.BREAKAGES,
    *map_faults.BREAKAGES,
    *store_faults.BREAKAGES,
    *spark.BREAKAGES,
)


class HostRow(TypedDict):
    """What came of a fault."""

    name: str
    promise: str
    kept: bool
    pages: int
    without_image: int
    acknowledged: int
    lost: int
    broken: list[str]
    numbers: dict[str, object]
    seconds: float


class HostRecord(TypedDict):
    """What came of all of them."""

    faults: list[HostRow]
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
    words = [word.strip() for word in only.split(",") if word.strip()]
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


def one_fault(fault: HostFault) -> HostRow:
    """What comes of one."""
    account, start = Account(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="marquee-hosts-") as folder:
        try:
            fault.act(Path(folder), account)
        except Exception as error:  # a promise that cannot be looked at is not kept
            traceback.print_exc()
            account.broken.append(f"{type(error).__name__}: {error}"[:500])
    seconds = round(time.monotonic() - start, 1)
    words = "" if account.kept else f": NOT KEPT {account.broken}"
    print(f"{fault.name}: {seconds} s{words}", file=sys.stderr, flush=True)
    return {
        "name": fault.name,
        "promise": fault.promise,
        "kept": account.kept,
        "pages": account.pages,
        "without_image": account.without_image,
        "acknowledged": account.acknowledged,
        "lost": account.lost,
        "broken": account.broken,
        "numbers": account.numbers,
        "seconds": seconds,
    }


def status(record: HostRecord) -> int:
    """1 where a promise was not kept."""
    kills = record["kills"]
    return int(bool(record["not_kept"]) or (kills is not None and not kills["kept"]))


def show_hosts(record: HostRecord) -> None:
    """Print a row for each fault, and what was not kept."""
    table = Table("fault", "kept", "pages", "without image", "acknowledged", "lost", "seconds")
    for row in record["faults"]:
        counts = ("pages", "without_image", "acknowledged", "lost", "seconds")
        kept = "yes" if row["kept"] else "NO"
        table.add_row(row["name"], kept, *(str(row[name]) for name in counts))
    console = Console()
    console.print(table)
    for row in record["faults"]:
        for words in row["broken"]:
            console.print(f"{row['name']}: {words}")
    for name, why in record["left_out"].items():
        console.print(f"{name}: left out, {why}")
    if record["kills"] is not None:
        console.print(record["kills"])
