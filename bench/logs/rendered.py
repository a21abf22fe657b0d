"""From precompute to examples where pages show a few draws: looked up, beside rows of all."""

import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from bandit.head_policy import HeadPolicy
from bench.serving.precompute import RandomMembers, random_facts
from bench.serving.random_maps import numbered_layout
from data.days import DAY_US, date_of
from data.join.join import join
from data.log import append_table, roll
from data.log.expand_runs import expand
from data.log.precompute_runs import FolderRuns, run_files
from data.records import EVENTS, SCHEMA_VERSION
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.scoring.candidate_bank import Bank
from serve.scoring.served_policy import ServedPolicy

DAY, HEADS, DIMENSION = 20_000, 16, 16


@dataclass(frozen=True)
class Rendered:
    """Seconds from precompute to examples."""

    draws: int
    rendered: int
    precompute_seconds: float
    draws_per_second: float
    all_rows_seconds: float
    """Rolling all draws into rows, and joining those."""
    looked_up_seconds: float
    """Leaving them in their runs, and joining what impressions name."""
    ratio: float
    """Of these two."""
    whole_ratio: float
    """The same with precompute."""
    equal_examples: bool
    run_bytes_a_draw: float
    rows_bytes_a_draw: float


def rendered(
    profiles: int = 100_000,
    titles: int = 100,
    artworks: int = 6,
    share: float = 0.05,
    workers: int = 2,
    quick: bool = False,
) -> Rendered:
    """Seconds from precompute to examples, by rows of all draws and by those that were rendered.

    Args:
        profiles: Members to decide for.
        titles: Titles of each.
        artworks: Candidates of a title.
        share: of the draws that a page shows.
        workers: Processes of precompute.
        quick: Few members: to see that it works.
    """
    if quick:
        profiles, titles = min(profiles, 500), min(titles, 20)
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as scratch:
        folder = Path(scratch)
        log = folder / "log"
        seconds = _decide(log, profiles, titles, artworks, workers)
        size = sum(file.stat().st_size for file in run_files(log))
        shown = _impress(log, share)
        shutil.copytree(log, folder / "all")
        looked_up = _examples(log, folder / "few-examples", keep_runs=True)
        all_rows = _examples(folder / "all", folder / "all-examples", keep_runs=False)
        rows = folder / "all" / "decisions"
        bytes_of_rows = sum(file.stat().st_size for file in rows.rglob("*.parquet"))
        draws = profiles * titles
        return Rendered(
            draws=draws,
            rendered=shown,
            precompute_seconds=round(seconds, 2),
            draws_per_second=round(draws / seconds),
            all_rows_seconds=round(all_rows, 2),
            looked_up_seconds=round(looked_up, 2),
            ratio=round(looked_up / all_rows, 3),
            whole_ratio=round((seconds + looked_up) / (seconds + all_rows), 3),
            equal_examples=_equal(folder / "few-examples", folder / "all-examples"),
            run_bytes_a_draw=round(size / draws, 2),
            rows_bytes_a_draw=round(bytes_of_rows / draws, 2),
        )


def _decide(log: Path, profiles: int, titles: int, artworks: int, workers: int) -> float:
    """Seconds that precompute takes, its log included."""
    layout = numbered_layout(titles, artworks)
    vectors = np.random.default_rng(0).normal(size=(titles * artworks, DIMENSION))
    policy = ServedPolicy("bench", HeadPolicy("thompson", 0.05), 1)
    members = RandomMembers(HEADS, DIMENSION)
    work = Work(members, Bank.of(layout, vectors), layout, policy, DAY, True, HEADS)
    facts = random_facts(profiles)
    store = LmdbStore(log.parent / "maps")
    start = time.perf_counter()
    now = DAY * DAY_US / 1e6
    precompute_maps(work, facts, store, FolderRuns(log), workers=workers, now=lambda: now)
    store.close()
    return time.perf_counter() - start


def _impress(log: Path, share: float) -> int:
    """Impressions of a share of the draws, and takes of a tenth of these; how many were shown."""
    rng = np.random.default_rng(1)
    count = 0
    for path in run_files(log):
        for part, table in enumerate(expand(path)):
            rows = table.filter(pa.array(rng.random(len(table)) < share))
            played = pa.array(rng.random(len(rows)) < 0.1)
            events = [
                _events(rows, "impression", 1),
                _events(rows.filter(played), "play", 2),
                _events(rows.filter(played), "progress", 3),
            ]
            append_table(log, "events", pa.concat_tables(events), f"{path.stem}-{part}")
            count += len(rows)
    return count


def _events(rows: pa.Table, kind: str, hour: int) -> pa.Table:
    count = len(rows)
    when = pa.array(np.full(count, DAY * DAY_US + hour * 3_600_000_000)).cast(
        EVENTS.field("time").type
    )
    mark = pa.array([f"{kind}-{name}" for name in rows["decision_id"].to_pylist()], pa.string())
    columns = {
        "schema_version": pa.array(np.full(count, SCHEMA_VERSION), pa.int16()),
        "event_id": mark,
        "kind": pa.repeat(pa.scalar(kind), count),
        "time": when,
        "received": when,
        "decision_id": rows["decision_id"],
        "profile_id": rows["profile_id"],
        "title_id": rows["title_id"],
        "artwork_id": rows["action"],
        "minutes": pa.array(np.full(count, 90.0 if kind == "progress" else np.nan), pa.float32()),
    }
    return pa.table(
        [columns.get(field.name, pa.nulls(count, field.type)) for field in EVENTS], schema=EVENTS
    )


def _examples(log: Path, out: Path, keep_runs: bool) -> float:
    """Seconds from the log to examples."""
    start = time.perf_counter()
    roll(log, keep_runs=keep_runs)
    later = datetime.combine(date_of(DAY + 9), datetime.min.time(), UTC)
    join(log, None, out, now=later)
    return time.perf_counter() - start


def _equal(one: Path, other: Path) -> bool:
    tables = [
        ds.dataset(folder, format="parquet", partitioning=None)
        .to_table()
        .sort_by("decision_id")
        .combine_chunks()
        for folder in (one, other)
    ]
    return len(tables[0]) > 0 and tables[0].equals(tables[1])
