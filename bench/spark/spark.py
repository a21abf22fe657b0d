"""Spark = DuckDB = truth on odd logs; Spark = this machine's maps on executors of their own."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track

from bench.optional import why_no_spark
from bench.spark.maps import Maps, maps_on_executors
from bench.spark.odd_logs import REWARDS, OddLog, odd_logs
from bench.spark.spark_home import spark_home
from data.errors import BadInput
from data.join.join import join
from data.join.open_engine import EngineSettings
from data.schema_cast import parquet_files
from data.spark.session import open_spark
from simulate.anomalies.record_factory import END

ENGINES = ("duckdb", "spark")
QUICK = (5, 7, 8, 43)
"""Copies that tie, columns of others with a reward that is refused, nonsense, names of patterns."""


class LogResult(TypedDict):
    """What the engines made of a log."""

    log: str
    examples: int
    refused: str
    """In words, where both refused it."""
    kept: bool
    broken: str
    """What differs; empty where nothing does."""


class SparkRecord(TypedDict):
    """What `bench spark` found."""

    logs: int
    examples: int
    refused: int
    equal: int
    broken: list[LogResult]
    maps: Maps | None
    kept: bool


class _Joined(NamedTuple):
    """Examples, or why there are none."""

    rows: pa.Table | None
    refused: str


def spark(
    logs: int = 60, master: str = "local-cluster[2,1,900]", maps: bool = True, quick: bool = False
) -> SparkRecord:
    """Join odd logs with both engines; decide maps on executors, one of which is killed.

    Args:
        logs: how many; each has anomalies, types, places and a reward of its own.
        master: of Spark. Executors of local-cluster are processes with folders of their own.
        maps: whether maps are decided too.
        quick: four logs on this machine's cores and no maps, to see that it works.

    Raises:
        BadInput: Spark cannot be had.
    """
    numbers: Sequence[int] = range(logs)
    if quick:
        numbers, master, maps = QUICK, "local[2]", False
    if why := why_no_spark():
        raise BadInput(f"bench spark: {why}")
    with tempfile.TemporaryDirectory(prefix="marquee-spark-") as scratch, _far_away():
        folder = Path(scratch)
        with spark_home():
            results = _joined_logs(numbers, master, folder)
            found = maps_on_executors(folder, master) if maps else None
    broken = [result for result in results if not result["kept"]]
    return {
        "logs": len(results),
        "examples": sum(result["examples"] for result in results),
        "refused": sum(bool(result["refused"]) for result in results),
        "equal": len(results) - len(broken),
        "broken": broken,
        "maps": found,
        "kept": not broken and (found is None or found["kept"]),
    }


@contextmanager
def _far_away() -> Iterator[None]:
    """A host whose zone is not UTC, until the block ends."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/Los_Angeles"
    time.tzset()
    try:
        yield
    finally:
        del os.environ["TZ"]
        if before is not None:
            os.environ["TZ"] = before
        time.tzset()


def show_spark(record: SparkRecord) -> None:
    """Print what was equal, and each log that was not."""
    print(
        f"{record['equal']} of {record['logs']} logs alike to DuckDB, Spark and the truth: "
        f"{record['examples']} examples, {record['refused']} refused by both in the same words"
    )
    for result in record["broken"]:
        print(f"  {result['log']}: {result['broken']}")
    for name, value in (record["maps"] or {}).items():
        print(f"{name:28} {value}")


def status(record: SparkRecord) -> int:
    """1 where something differs."""
    return 0 if record["kept"] else 1


def _joined_logs(numbers: Sequence[int], master: str, folder: Path) -> list[LogResult]:
    """What became of each log; one session for all."""
    opened = open_spark("marquee bench", master, "900MB", folder, shared=folder)
    try:
        console = Console(stderr=True)
        every = track(odd_logs(numbers, folder), "logs", total=len(numbers), console=console)
        return [compared(log, {engine: _join(log, engine) for engine in ENGINES}) for log in every]
    finally:
        opened.close()


def _join(log: OddLog, engine: str) -> _Joined:
    out = log.folder / f"examples-{engine}"
    try:
        join(
            *(log.folder, log.folder, out),
            now=END,
            reward=log.reward,
            engine=EngineSettings(engine),
        )
    except BadInput as error:
        return _Joined(None, str(error).replace(str(out), "OUT"))
    tables = [pq.ParquetFile(file).read() for file in parquet_files(out)]
    rows = pa.concat_tables(tables).sort_by("decision_id")
    return _Joined(rows, "")


def compared(log: OddLog, made: dict[str, _Joined]) -> LogResult:
    """Whether both engines gave the truth, or refused in the same words."""
    ours, theirs = (made[engine] for engine in ENGINES)
    wrong = ""
    if ours.refused != theirs.refused:
        wrong = f"DuckDB: {ours.refused or 'examples'}; Spark: {theirs.refused or 'examples'}"
    elif log.refused and not ours.refused:
        wrong = "what must be refused was joined by both"
    elif ours.rows is not None and theirs.rows is not None:
        wrong = _difference(ours.rows, theirs.rows) or _untrue(log, ours.rows)
    return {
        "log": log.name,
        "examples": 0 if ours.rows is None else len(ours.rows),
        "refused": ours.refused,
        "kept": not wrong,
        "broken": wrong,
    }


def _difference(ours: pa.Table, theirs: pa.Table) -> str:
    if len(ours) != len(theirs):
        return f"{len(ours)} examples of DuckDB, {len(theirs)} of Spark"
    names = [name for name in ours.column_names if not ours[name].equals(theirs[name])]
    return f"other values of {', '.join(names)}" if names else ""


def _untrue(log: OddLog, rows: pa.Table) -> str:
    """What is not as the log's maker knows it; empty where all is."""
    truth = {row["decision_id"]: row["reward"] for row in pq.read_table(log.truth).to_pylist()}
    ids: Sequence[str] = rows["decision_id"].to_pylist()
    if sorted(ids) != sorted(truth):
        return f"{len(set(ids) ^ set(truth))} examples that are not true, or lack"
    titles = pq.read_table(log.folder / "titles.parquet")
    runtimes = dict(
        zip(titles["title_id"].to_pylist(), titles["runtime_minutes"].to_pylist(), strict=True)
    )
    worth = REWARDS[log.reward]
    for row in rows.select(["decision_id", "title_id", "played", "minutes", "reward"]).to_pylist():
        row["runtime"] = runtimes.get(row["title_id"])
        take = row["played"] and row["minutes"] >= min(20.0, (row["runtime"] or 1000.0) / 2)
        if float(take) != truth[row["decision_id"]]:
            return f"{row} is no {truth[row['decision_id']]}"
        wanted = float(take) if log.reward == "take" else worth(row) if worth else row["reward"]
        if row["reward"] != wanted:
            return f"the reward of {row} is not {wanted}"
    return ""
