"""What a join reads: the log's files and the titles' runtimes, refused if they cannot be read."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import BadInput
from data.join.rewards import Reward
from data.records import SCHEMA_VERSION


def log_files(log: Path, kind: str) -> list[Path]:
    """The Parquet files of one kind, whether or not they lie in day folders."""
    return sorted(f for f in (log / kind).rglob("*.parquet") if not f.name.startswith((".", "_")))


def mark(file: Path) -> list[int]:
    """What tells a file that has changed: its size and time of writing."""
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns]


def title_files(titles_path: Path | str | None, log: Path, staging: Path) -> list[Path]:
    """One Parquet file of title_id and runtime_minutes: the catalogue's, then the log's own.

    Raises:
        BadInput: the catalogue's titles.parquet is not there.
    """
    tables = []
    if titles_path is not None:
        path = Path(titles_path)
        path = path / "titles.parquet" if path.is_dir() else path
        if not path.is_file():
            raise BadInput(
                f"{path} is not there; give --catalogue the folder that holds titles.parquet, "
                "or that file"
            )
        tables.append(path)
    if (log / "titles.parquet").is_file():
        tables.append(log / "titles.parquet")
    runtimes: dict[int, float] = {}
    for path in tables:
        titles = pq.read_table(path, columns=["title_id", "runtime_minutes"])
        for title, runtime in zip(*(titles[name].to_pylist() for name in titles.column_names),
                                  strict=True):  # fmt: skip
            runtimes.setdefault(title, runtime)
    made = staging / "titles.parquet"
    table = pa.table(
        {"title_id": pa.array(runtimes.keys(), pa.int64()),
         "runtime_minutes": pa.array(runtimes.values(), pa.float32())}
    )  # fmt: skip
    pq.write_table(table, made)
    return [made]


def empty(schema: pa.Schema, path: Path) -> Path:
    """An empty Parquet file, where a log has none of a kind."""
    pq.write_table(schema.empty_table(), path)
    return path


def refuse_senseless(runner: Any, reward: Reward) -> None:
    """Refuse a reward that the engine cannot compute, before anything is changed.

    Raises:
        BadInput: the expression does not parse, or speaks of columns that are not there.
    """
    try:
        runner.query(f"""
            SELECT CAST({reward.sql} AS DOUBLE) FROM (
                SELECT true AS played, CAST(30 AS DOUBLE) AS minutes, 0 AS thumb,
                    CAST(90 AS DOUBLE) AS runtime_minutes
            ) AS sample""")
    except Exception as error:
        raise BadInput(
            f"the reward {reward.name!r} cannot be computed from {reward.sql!r}: {error}"
        ) from error


def refuse_newer_schema(file: Path) -> None:
    """Refuse a file that a later Marquee wrote; every earlier version is read.

    Raises:
        BadInput: not Parquet, or of a later schema version.
    """
    try:
        metadata = pq.read_metadata(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{file} is not a whole Parquet file ({error}); take it away") from error
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    if "schema_version" not in names:
        raise BadInput(f"{file} has no column schema_version; see docs/data.md for the columns")
    column = names.index("schema_version")
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(column).statistics
        if statistics is not None and statistics.has_min_max and statistics.max > SCHEMA_VERSION:
            raise BadInput(
                f"{file} holds records of schema version {statistics.max}; this Marquee reads up "
                f"to {SCHEMA_VERSION}: upgrade it"
            )
