"""Clocks that jump, forwards, backwards and over midnight."""

import shutil
import time
from datetime import UTC, datetime

import pyarrow.parquet as pq

from bench.faults.stage.account import Account, Breakage
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import visited
from data.clock import VARIABLE, turn
from data.days import DAY_US
from serve.maps.lmdb_store import LmdbStore

NOON = int(datetime(2026, 6, 15, 12, tzinfo=UTC).timestamp() * 1e6)


def _jump(scene: FaultScene, account: Account, *times: int) -> None:
    """Decide pages while the clock says one time after another."""
    clock = scene.folder / "clock"
    turn(clock, NOON)
    with visited(scene, account, environment={VARIABLE: str(clock)}) as visit:
        for each in times:
            turn(clock, each)
            # Two looks for a new day, which loads the model anew.
            time.sleep(1.1)
            account.must(visit.openers.until("live", more=50), f"no page was decided at {each}")
        fallbacks = visit.openers.pages - visit.openers.reasons["live"]
        account.must(fallbacks == 0, f"{fallbacks} pages were not decided live")
    days = {folder.name for folder in (scene.log / "decisions").glob("day=*")}
    account.numbers["days"] = len(days)


def clock_back(scene: FaultScene, account: Account) -> None:
    """The clock goes back forty days under load, and on again."""
    _jump(scene, account, NOON - 40 * DAY_US, NOON)


def clock_ahead(scene: FaultScene, account: Account) -> None:
    """The clock goes eleven years ahead under load, and back."""
    _jump(scene, account, NOON + 11 * 365 * DAY_US, NOON)


def midnight(scene: FaultScene, account: Account) -> None:
    """Midnight passes under load: a second before, then one after."""
    night = NOON + DAY_US // 2
    _jump(scene, account, night - 1_000_000, night + 1_000_000)
    account.must(account.numbers["days"] == 2, "decisions do not lie in the two days")


def clock_back_between_maps(scene: FaultScene, account: Account) -> None:
    """Precompute runs, and again when the clock was set back an hour, for the next day."""
    shutil.rmtree(scene.maps)
    clock = scene.folder / "clock"
    for at, day in ((NOON, "2026-06-15"), (NOON - 3_600_000_000, "2026-06-16")):
        turn(clock, at)
        ended = scene.precompute("--day", day, clock=clock)
        account.must(ended.code == 0, f"it ended with {ended.code}: {ended.complaint[-200:]}")
    store, members = LmdbStore(scene.maps, readonly=True), scene.members
    account.pages = len(members)
    account.without_image = store.get_many(members).count(None)
    store.close()
    account.look_for(set(), scene.log)
    logged = pq.read_table(scene.log / "decisions", columns=["decision_id"]).num_rows
    account.numbers["decisions"] = logged
    account.must(logged >= len(members) * len(scene.titles), "draws are not in the log")


BREAKAGES = (
    Breakage(
        "clock forty days back",
        "Every page is decided live, and what is acknowledged is in the log.",
        clock_back,
    ),
    Breakage(
        "clock eleven years ahead",
        "Every page is decided live, and what is acknowledged is in the log.",
        clock_ahead,
    ),
    Breakage(
        "midnight",
        "Every page is decided live, and each decision lies in the day that it was made on.",
        midnight,
    ),
    Breakage(
        "clock back between two precomputes",
        "Everybody has a map, and every draw is in the log, once.",
        clock_back_between_maps,
        quick=True,
    ),
)
