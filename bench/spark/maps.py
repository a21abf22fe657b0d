"""Maps of an odd catalogue and odd members: by this machine's engine, and by executors that die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TypedDict

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measured import ROOT
from bench.small_demo import DemoFolders, small_demo
from data import clock
from data.days import DAY_US, day_number
from data.examples.profiles import profiles
from data.log import roll
from data.records import PROFILES
from serve.maps.lmdb_store import LmdbStore
from serve.maps.store import VERSION

DAY = date(2026, 1, 11)
BLOCK = 8
LIMIT = 300.0
"""Seconds after which a command of these is killed."""
ENGINES = ("local", "spark")
EXECUTOR = b"CoarseGrainedExecutorBackend"


class Maps(TypedDict):
    """What precompute on executors came to, over two days."""

    members: int
    maps: int
    different: int
    """Maps of Spark that are not those of this machine, byte for byte."""
    decisions: int
    decisions_different: int
    """Rows that only one of the logs has."""
    executors_killed: int
    drivers_killed: int
    resumed_at: int
    """Block at which the run of the killed driver went on."""
    kept: bool


def maps_on_executors(folder: Path, master: str) -> Maps:
    """Decide two days by both engines; an executor dies on the first, the driver on the second."""
    (folder / "demo").mkdir()
    demo = small_demo(folder / "demo")
    members = _odd_members(demo, folder / "members.parquet")
    os.environ[clock.VARIABLE] = str(folder / "clock")
    try:
        first, second = DAY, DAY + timedelta(days=1)
        _turn(folder, first)
        _odd_catalogue(demo.catalogue, first)
        _precompute(folder, demo, "local", first)
        executors = _precompute(folder, demo, "spark", first, master, _executor_killed)
        _turn(folder, second)
        _odd_catalogue(demo.catalogue, second)
        _precompute(folder, demo, "local", second)
        drivers = _precompute(folder, demo, "spark", second, master, _driver_killed)
        report = _precompute(folder, demo, "spark", second, master)
    finally:
        del os.environ[clock.VARIABLE]
    here, there = (_maps(folder / engine / "maps") for engine in ENGINES)
    logs = [_decisions(folder / engine / "log") for engine in ENGINES]
    different = sum(here.get(name) != there.get(name) for name in here.keys() | there.keys())
    apart = len({*logs[0].items()} ^ {*logs[1].items()})
    at = int(report["resumed_at"])
    return {
        "members": members,
        "maps": len(there),
        "different": different,
        "decisions": len(logs[1]),
        "decisions_different": apart,
        "executors_killed": executors["killed"],
        "drivers_killed": drivers["killed"],
        "resumed_at": at,
        "kept": bool(there) and not different and not apart and at > 0 and executors["killed"] > 0,
    }


def _turn(folder: Path, day: date) -> None:
    """The clock stands at noon: versions and times are the same for both engines."""
    clock.turn(folder / "clock", day_number(day) * DAY_US + DAY_US // 2)


def _odd_members(demo: DemoFolders, out: Path) -> int:
    """Members of the log, and some whose ids and facts are odd."""
    profiles(demo.examples, out)
    known = pq.read_table(out).to_pylist()
    nothing = dict.fromkeys(known[0]["facts"])
    odd = {"tenure_days": float("nan"), "watched_genres": [], "watched_cast": [("", 1.0)]}
    names = ("a b\tc\nd", "é🦊", "x" * 500, "007", "'; DROP TABLE", "../../etc")
    more = [
        {**known[0], "profile_id": name, "facts": nothing | (odd if n % 2 else {})}
        for n, name in enumerate(names)
    ]
    pq.write_table(pa.Table.from_pylist([*known, *more], PROFILES), out)
    return len(known) + len(more)


def _odd_catalogue(folder: Path, day: date) -> None:
    """Titles of one candidate and of none; artwork that goes and comes from day to day."""
    file = folder / "artworks.parquet"
    rows = pq.read_table(file).to_pylist()
    titles = sorted({row["title_id"] for row in rows})
    again = day > DAY
    for row in rows:
        place = int(row["artwork_id"].rpartition("-")[2])
        at = titles.index(row["title_id"])
        gone = (
            (at == 0 and place > 0)  # one candidate
            or (at == 1 and not again)  # none, then all
            or (at == 2 and again and place == 1)
        )
        row["withdrawn_day"] = date(2026, 1, 2) if gone else None
        row["added_day"] = day if at == 3 and place == 2 else date(2025, 1, 1)
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(file)), file)


def _precompute(
    folder: Path,
    demo: DemoFolders,
    engine: str,
    day: date,
    master: str | None = None,
    kill: Callable[[int, Path], int] | None = None,
) -> Mapping[str, int]:
    """The command's report; of a command that is killed, how many processes were."""
    place = folder / engine
    words = [
        *("--bundle", demo.bundle, "--catalogue", demo.catalogue, "--cache", demo.cache),
        *("--profiles", folder / "members.parquet", "--day", day, "--block", BLOCK),
        *("--store", place / "maps", "--log", place / "log", "--engine", engine, "--json"),
        *(("--master", master) if master else ()),
    ]
    with (place.parent / f"{engine}.err").open("ab") as errors:
        running = subprocess.Popen(
            [sys.executable, "-m", "serve", "precompute", *map(str, words)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        killed = kill(running.pid, place / "maps") if kill is not None else 0
        output, _ = running.communicate(timeout=LIMIT)
    if kill is _driver_killed:
        return {"killed": killed}
    if running.returncode:
        raise RuntimeError(
            f"precompute on {engine} ended with {running.returncode}: "
            + (place.parent / f"{engine}.err").read_text()[-2000:]
        )
    return orjson.loads(output) | {"killed": killed}


def _executor_killed(driver: int, store: Path) -> int:
    """One executor of a driver's, once it has decided something."""
    if not _begun(driver, store):
        return 0
    for process in _below(driver):
        if EXECUTOR in _command_line(process):
            os.kill(process, signal.SIGKILL)
            return 1
    return 0


def _driver_killed(driver: int, store: Path) -> int:
    """A driver, and all that it started."""
    if not _begun(driver, store):
        return 0
    os.killpg(driver, signal.SIGKILL)
    for process in _below(driver):
        os.kill(process, signal.SIGKILL)
    return 1


def _begun(driver: int, store: Path) -> bool:
    """Wait until a run of a driver has some blocks done, and not all."""
    until = time.monotonic() + LIMIT
    earlier = _record(store)
    while time.monotonic() < until and Path(f"/proc/{driver}").exists():
        now = _record(store)
        if now.get("version") != earlier.get("version") and int(now.get("done", 0)) > 0:
            return not now.get("complete")
        time.sleep(0.02)
    return False


def _record(store: Path) -> dict:
    """How far a run has come."""
    if not (store / "data.mdb").exists():
        return {}
    opened = LmdbStore(store, readonly=True)
    try:
        raw = opened.get_shared("run")
    finally:
        opened.close()
    return orjson.loads(raw[VERSION.stop :]) if raw else {}


def _command_line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def _below(process: int) -> list[int]:
    """Processes that one started, and theirs."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            parents.setdefault(parent, []).append(int(folder.name))
    found, todo = [], [process]
    while todo:
        below = parents.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _maps(store: Path) -> dict[str, bytes | None]:
    opened = LmdbStore(store, readonly=True)
    try:
        return {profile: opened.get(profile) for profile in opened.profiles()}
    finally:
        opened.close()


def _decisions(log: Path) -> dict[str, str]:
    """Decision → the rest of its row."""
    roll(log)
    rows = [
        row
        for file in sorted((log / "decisions").rglob("*.parquet"))
        for row in pq.ParquetFile(file).read().to_pylist()
    ]
    return {row["decision_id"]: repr(sorted(row.items())) for row in rows}
