"""What a join reads: the log's files and the titles' runtimes, refused if they cannot be read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import BadInput
from data.reading.conformed_files import conformed_files, conformed_table, file_schema
from data.records import (
    DECISIONS,
    EVENTS,
    KIND_COLUMNS,
    PAGE_COLUMNS,
    PLAIN_EVENTS,
    SCHEMA_VERSION,
    TitleId,
    titles_as,
)
from data.schema_cast import column_chunk, one_kind, opened, parquet_files

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
    """What is read of events."""
    joined: pa.Schema = JOINED
    """What is read of decisions."""

    @classmethod
    def of(cls, log: Path, optional: Collection[str] = ()) -> "LogFiles":
        """All that a log's folder holds.

        Args:
            log: the folder.
            optional: columns of events that are read beside those that every log has.

        Raises:
            BadInput: no decisions.
        """
        names = {*PLAIN_EVENTS.names, *optional}
        schema = pa.schema([field for field in EVENTS if field.name in names])
        decisions = log_files(log, "decisions")
        if not decisions:
            raise BadInput(
                f"{log} holds no decisions/*.parquet; give the folder that the log is rolled into"
            )
        return cls(log, decisions, log_files(log, "events"), schema, joined_schema(decisions))

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
        return LogFiles(self.root, decisions, events, self.schema, self.joined)

    def conformed(self, scratch: Path) -> "LogFiles":
        """The same rows in files that follow the schemas exactly, copies in `scratch`.

        Raises:
            BadInput: a file does not become its schema: by file, column and row.
        """
        decisions = conformed_files(self.decisions, self.joined, scratch)
        events = conformed_files(self.events, self.schema, scratch)
        return LogFiles(self.root, decisions, events, self.schema, self.joined)

    @property
    def page_columns(self) -> list[str]:
        """What each stood and was chosen beside; none where the log has none."""
        return self.joined.names[len(JOINED) :]

    @property
    def firsts(self) -> list[Path]:
        """The first file of each kind that there is."""
        return [*self.decisions[:1], *self.events[:1]]

    def name(self, file: Path) -> str:
        """The file's path within the log."""
        return str(file.relative_to(self.root))


def joined_schema(decisions: Collection[Path]) -> pa.Schema:
    """What the join reads of decisions: what they stood and were chosen beside, if a file says."""
    there = {name for file in decisions for name in file_schema(file).names}
    groups = (("page_id", PAGE_COLUMNS), ("kinds", KIND_COLUMNS))
    return pa.schema([*JOINED, *(field for key, of in groups if key in there for field in of)])


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
        titles = runtimes(titles_path, files.root)
        given, files = files, files.conformed(staging)
        # A file of each: those of one folder were compared when they were conformed.
        firsts = zip(given.firsts, files.firsts, strict=True)
        named = [(name, file_schema(at)) for name, at in firsts]
        kind = one_kind([*([titles.named] if titles.named else []), *named])
        events = files.events or [empty(titles_as(files.schema, kind), staging / "none.parquet")]
        return cls(files.decisions, events, [titles.write(kind, staging)])


def log_files(log: Path, kind: str) -> list[Path]:
    """The Parquet files of one kind, whether or not they lie in day folders."""
    return parquet_files(log / kind)


class Runtimes(NamedTuple):
    """Runtimes of titles, and a file that says which kind their ids are of."""

    minutes: dict[TitleId, float]
    named: tuple[Path, pa.Schema] | None
    """None: there are no titles."""

    def write(self, kind: pa.DataType, staging: Path) -> Path:
        """One Parquet file of title_id and runtime_minutes, with ids of a kind."""
        file = staging / "titles.parquet"
        columns = [list(self.minutes), list(self.minutes.values())]
        pq.write_table(pa.table(columns, schema=titles_as(RUNTIMES, kind)), file)
        return file


def runtimes(titles_path: Path | str | None, log: Path) -> Runtimes:
    """The catalogue's runtimes of titles, then the log's own.

    Raises:
        BadInput: the catalogue's titles.parquet is not there, or the two have ids of two kinds.
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
    minutes: dict[TitleId, float] = {}
    read = [(path, conformed_table(path, RUNTIMES)) for path in tables]
    one_kind((path, table.schema) for path, table in read)
    for _, table in read:
        for title in table.to_pylist():
            minutes.setdefault(title["title_id"], title["runtime_minutes"])
    return Runtimes(minutes, (read[0][0], read[0][1].schema) if read else None)


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
