"""What a join reads: the log's files and the titles' runtimes, refused if they cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import BadInput
from data.reading.conformed_files import conformed_files, conformed_table
from data.records import DECISIONS, EVENTS, PLAIN_EVENTS, SCHEMA_VERSION
from data.schema_cast import column_chunk, opened, parquet_files

JOINED = pa.schema(
    [
        field
        for field in DECISIONS
        if field.name not in ("probabilities", "seed", "epoch", "fingerprint", "layout")
    ]
)
"""What the join reads of decisions: a log of an earlier version has all of it."""
RUNTIMES = pa.schema(
    [
        pa.field("title_id", pa.int64(), nullable=False),
        pa.field("runtime_minutes", pa.float32(), nullable=False),
    ]
)


@dataclass(frozen=True)
class LogFiles:
    """The Parquet files of a log."""

    root: Path
    decisions: list[Path]
    events: list[Path]
    schema: pa.Schema = PLAIN_EVENTS
    """What is read of events: with their values where those are summed."""

    @classmethod
    def of(cls, log: Path, valued: bool = False) -> "LogFiles":
        """All that a log's folder holds.

        Args:
            log: the folder.
            valued: whether values of events are read.

        Raises:
            BadInput: no decisions.
        """
        schema = EVENTS if valued else PLAIN_EVENTS
        files = cls(log, log_files(log, "decisions"), log_files(log, "events"), schema)
        if not files.decisions:
            raise BadInput(
                f"{log} holds no decisions/*.parquet; give the folder that the log is rolled into"
            )
        return files

    @property
    def every(self) -> list[Path]:
        """Decisions, then events."""
        return [*self.decisions, *self.events]

    def marks(self) -> dict[str, list[int]]:
        """Path within the log → what tells a file that has changed: size and time of writing."""
        stats = {self.name(file): file.stat() for file in self.every}
        return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}

    def unread(self, marks: Mapping[str, list[int]], read: Mapping[str, list[int]]) -> "LogFiles":
        """The files whose mark is not the one that they were read with."""
        decisions, events = (
            [f for f in files if read.get(self.name(f)) != marks[self.name(f)]]
            for files in (self.decisions, self.events)
        )
        return LogFiles(self.root, decisions, events, self.schema)

    def conformed(self, scratch: Path) -> "LogFiles":
        """The same rows in files that follow the schemas exactly, copies in `scratch`.

        Raises:
            BadInput: a file does not become its schema: by file, column and row.
        """
        decisions = conformed_files(self.decisions, JOINED, scratch)
        events = conformed_files(self.events, self.schema, scratch)
        return LogFiles(self.root, decisions, events, self.schema)

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
        """A log's files, conformed, and the titles; what there is none of is an empty file.

        Raises:
            BadInput: a file does not become its schema: by file, column and row.
        """
        files = files.conformed(staging)
        events = files.events or [empty(files.schema, staging / "none.parquet")]
        return cls(files.decisions, events, [title_file(titles_path, files.root, staging)])


def log_files(log: Path, kind: str) -> list[Path]:
    """The Parquet files of one kind, whether or not they lie in day folders."""
    return parquet_files(log / kind)


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
        for title in conformed_table(path, RUNTIMES).to_pylist():
            runtimes.setdefault(title["title_id"], title["runtime_minutes"])
    file = staging / "titles.parquet"
    pq.write_table(pa.table([list(runtimes), list(runtimes.values())], schema=RUNTIMES), file)
    return file


def empty(schema: pa.Schema, path: Path) -> Path:
    """An empty Parquet file, where a log has none of a kind."""
    pq.write_table(schema.empty_table(), path)
    return path


def refuse_newer_schema(file: Path, name: Path | None = None) -> None:
    """Refuse a file that a later Marquee wrote; every earlier version is read.

    Args:
        file: that follows DECISIONS or EVENTS.
        name: what messages call it; its own if None.

    Raises:
        BadInput: it holds a record of a later schema version.
    """
    with opened(file) as source:
        newest = _newest_version(source)
    if newest > SCHEMA_VERSION:
        raise BadInput(
            f"{name or file} holds records of schema version {newest}; this Marquee reads up "
            f"to {SCHEMA_VERSION}: upgrade it"
        )


def _newest_version(source: pq.ParquetFile) -> int:
    """By the footer; by the rows where their writer kept no statistics."""
    newest = 0
    for number in range(source.num_row_groups):
        statistics = column_chunk(source, number, "schema_version").statistics
        if statistics is not None and statistics.has_min_max:
            newest = max(newest, statistics.max)
        elif source.metadata.row_group(number).num_rows:
            versions = source.read_row_group(number, columns=["schema_version"]).column(0)
            newest = max(newest, pc.max(versions).as_py())  # pyright: ignore[reportAttributeAccessIssue]
    return newest
