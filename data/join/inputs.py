"""What a join reads: the log's files and the titles' runtimes, refused if they cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import BadInput
from data.join.engine import Engine
from data.join.rewards import Reward
from data.records import EVENTS, SCHEMA_VERSION

RUNTIMES = pa.schema([("title_id", pa.int64()), ("runtime_minutes", pa.float32())])


@dataclass(frozen=True)
class LogFiles:
    """The Parquet files of a log."""

    root: Path
    decisions: list[Path]
    events: list[Path]

    @classmethod
    def of(cls, log: Path) -> "LogFiles":
        """All that a log's folder holds.

        Raises:
            BadInput: no decisions.
        """
        files = cls(log, log_files(log, "decisions"), log_files(log, "events"))
        if not files.decisions:
            raise BadInput(
                f"{log} holds no decisions/*.parquet; give the folder that the log is rolled into"
            )
        return files

    def marks(self) -> dict[str, list[int]]:
        """Path within the log → what tells a file that has changed: size and time of writing."""
        stats = {self.name(file): file.stat() for file in (*self.decisions, *self.events)}
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}

    def unread(self, marks: Mapping[str, list[int]], read: Mapping[str, list[int]]) -> "LogFiles":
        """The files whose mark is not the one that they were read with."""
        decisions, events = (
            [f for f in files if read.get(self.name(f)) != marks[self.name(f)]]
            for files in (self.decisions, self.events)
        )
        return LogFiles(self.root, decisions, events)

    def name(self, file: Path) -> str:
        """The file's path within the log."""
        return str(file.relative_to(self.root))


class JoinSources(NamedTuple):
    """The files under the views that the join reads."""

    decisions: list[Path]
    events: list[Path]
    titles: list[Path]

    @classmethod
    def of(cls, files: LogFiles, titles_path: Path | str | None, staging: Path) -> "JoinSources":
        """A log's files and the titles; what there is none of is an empty file in `staging`."""
        events = files.events or [empty(EVENTS, staging / "none.parquet")]
        return cls(files.decisions, events, [title_file(titles_path, files.root, staging)])


def log_files(log: Path, kind: str) -> list[Path]:
    """The Parquet files of one kind, whether or not they lie in day folders."""
    return sorted(f for f in (log / kind).rglob("*.parquet") if not f.name.startswith((".", "_")))


def title_file(titles_path: Path | str | None, log: Path, staging: Path) -> Path:
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
        for title in pq.read_table(path, columns=list(RUNTIMES.names)).to_pylist():
            runtimes.setdefault(title["title_id"], title["runtime_minutes"])
    file = staging / "titles.parquet"
    pq.write_table(pa.table([list(runtimes), list(runtimes.values())], schema=RUNTIMES), file)
    return file


def empty(schema: pa.Schema, path: Path) -> Path:
    """An empty Parquet file, where a log has none of a kind."""
    pq.write_table(schema.empty_table(), path)
    return path


def refuse_senseless(engine: Engine, reward: Reward) -> None:
    """Refuse a reward that the engine cannot compute, before anything is changed.

    Raises:
        BadInput: the expression does not parse, or speaks of columns that are not there.
    """
    try:
        engine.query(f"""
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
