"""`python -m bench faults`: each fault beside what is promised all the same."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from bench.faults.registry import BREAKAGES, KINDS, by_kind
from bench.faults.stage.account import Breakage
from bench.faults.stage.outcome import FaultOutcome, outcome_of, show_outcomes
from bench.faults.stage.scene import FaultScene, lay_out
from bench.faults.stage.small_disk import why_no_mount
from bench.optional import why_no_redis
from bench.small_demo import demo_folders
from data.errors import BadInput


class FaultRow(FaultOutcome):
    """What came of a fault of a kind."""

    kind: str
    done: str


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
    with scene.copied(folder) as copy:
        outcome = outcome_of(
            breakage.name, breakage.promise, lambda account: breakage.act(copy, account)
        )
    return {"kind": by_kind()[breakage.name], "done": breakage.done, **outcome}


def status(record: FaultRecord) -> int:
    """1 where a promise was not kept."""
    return int(bool(record["not_kept"]))


def show_faults(record: FaultRecord) -> None:
    """Print a row for each fault, and what was not kept."""
    show_outcomes(record["faults"], record["left_out"])
