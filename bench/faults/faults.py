"""`python -m bench faults`: each fault beside what is promised all the same."""

import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from bench.faults.registry import BREAKAGES, KINDS, by_kind
from bench.faults.stage.account import Account, Breakage
from bench.faults.stage.scene import FaultScene, lay_out
from bench.faults.stage.small_disk import why_no_mount
from bench.optional import why_no_redis
from bench.small_demo import demo_folders
from data.errors import BadInput


class FaultRow(TypedDict):
    """What came of a fault."""

    kind: str
    name: str
    promise: str
    done: str
    kept: bool
    pages: int
    without_image: int
    acknowledged: int
    lost: int
    broken: list[str]
    numbers: dict[str, object]
    seconds: float


class FaultRecord(TypedDict):
    """What came of all of them."""

    faults: list[FaultRow]
    kept: int
    not_kept: list[str]
    left_out: dict[str, str]
    pages: int
    without_image: int
    acknowledged: int
    lost: int


def faults(
    only: str = "",
    catalogue: Path | None = None,
    bundle: Path | None = None,
    examples: Path | None = None,
    quick: bool = False,
) -> FaultRecord:
    """Break processes, disks, clocks, files, stores, callers; count what was shown and lost.

    Args:
        only: faults or kinds of them, separated by commas; all if empty.
        catalogue: of the small product that is broken; with `bundle` and `examples`. One is made
            if none is given.
        bundle: trained on it.
        examples: that it was trained on.
        quick: those alone that need no service: to see that it works.
    """
    names = [name.strip() for name in only.split(",") if name.strip()]
    known = [*KINDS, *by_kind()]
    if unknown := set(names) - set(known):
        raise BadInput(f"--only {sorted(unknown)[0]}: choose among {', '.join(known)}")
    asked = {b.name for b in BREAKAGES if {b.name, by_kind()[b.name]} & set(names)}
    chosen = [b for b in BREAKAGES if (b.name in asked if names else b.quick or not quick)]
    given = {"catalogue": catalogue, "bundle": bundle, "examples": examples}
    with (
        tempfile.TemporaryDirectory(prefix="marquee-faults-") as scratch,
        demo_folders(True, given) as demo,
    ):
        scene = lay_out(demo, Path(scratch) / "scene")
        return tried(chosen, scene, Path(scratch))


def tried(chosen: Sequence[Breakage], scene: FaultScene, scratch: Path) -> FaultRecord:
    """What comes of faults, each on a copy of a scene."""
    left_out = {breakage.name: why for breakage in chosen if (why := why_not(breakage))}
    rows = [
        one_fault(breakage, scene, scratch / f"fault-{number}")
        for number, breakage in enumerate(chosen)
        if breakage.name not in left_out
    ]
    return {
        "faults": rows,
        "kept": sum(row["kept"] for row in rows),
        "not_kept": [row["name"] for row in rows if not row["kept"]],
        "left_out": left_out,
        "pages": sum(row["pages"] for row in rows),
        "without_image": sum(row["without_image"] for row in rows),
        "acknowledged": sum(row["acknowledged"] for row in rows),
        "lost": sum(row["lost"] for row in rows),
    }


def why_not(breakage: Breakage) -> str | None:
    """Why a fault cannot be had on this machine."""
    if breakage.redis and (why := why_no_redis()):
        return why
    return why_no_mount() if breakage.mount else None


def one_fault(breakage: Breakage, scene: FaultScene, folder: Path) -> FaultRow:
    """What comes of one."""
    account, start = Account(), time.monotonic()
    with scene.copied(folder) as copy:
        try:
            breakage.act(copy, account)
        except Exception as error:  # a promise that cannot be looked at is not kept
            traceback.print_exc()
            account.broken.append(f"{type(error).__name__}: {error}"[:500])
    seconds = round(time.monotonic() - start, 1)
    words = "" if account.kept else f": NOT KEPT {account.broken}"
    print(f"{breakage.name}: {seconds} s{words}", file=sys.stderr, flush=True)
    return {
        "kind": by_kind()[breakage.name],
        "name": breakage.name,
        "promise": breakage.promise,
        "done": breakage.done,
        "kept": account.kept,
        "pages": account.pages,
        "without_image": account.without_image,
        "acknowledged": account.acknowledged,
        "lost": account.lost,
        "broken": account.broken,
        "numbers": account.numbers,
        "seconds": seconds,
    }


def status(record: FaultRecord) -> int:
    """1 where a promise was not kept."""
    return int(bool(record["not_kept"]))


def show_faults(record: FaultRecord) -> None:
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
