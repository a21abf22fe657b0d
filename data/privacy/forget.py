"""Takes profiles out of logs, runs, examples and tables: file by file, each whole or not at all.

Started again after a crash it ends where it would have ended: a file that holds none of the
profiles is left as it is.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.atomic_write import whole_file
from data.errors import BadInput, first_line
from data.log.damage import REJECTED
from data.log.embedded import DATABASE, WriterTurn
from data.log.journal import FOLDER as LIVE
from data.log.journal import segments
from data.log.precompute_runs import run_files
from data.log.roll import roll

COLUMN = "profile_id"


class Forgotten(NamedTuple):
    """What was taken out."""

    rows: int
    files: int


def forget_in_log(log: Path, profiles: Sequence[str]) -> tuple[Forgotten, int]:
    """Take profiles out of a log: decisions, events, runs, and what was set aside.

    What serving has appended is rolled into Parquet first. A process that still runs holds a
    segment of up to 16 MB open, whose bytes stay until it is full: they hold what was rolled.

    Args:
        log: folder.
        profiles: their ids, as logged.

    Returns:
        What was taken out, and how many segments in use still hold one of the profiles.

    Raises:
        BadInput: a file cannot be read; those before it are done.
    """
    if (log / DATABASE).is_file():
        roll(log, keep_runs=True)
    log.mkdir(parents=True, exist_ok=True)
    with WriterTurn(log, ".roll.lock"):
        files = [*log.glob("decisions/**/*.parquet"), *log.glob("events/**/*.parquet")]
        done = forget_in_files([*sorted(files), *run_files(log)], profiles)
        aside = _forget_lines(log / REJECTED, profiles)
    needles = [profile.encode() for profile in profiles]
    held = sum(
        any(needle in path.read_bytes() for needle in needles)
        for path in (segments(log) if (log / LIVE).is_dir() else [])
    )
    return Forgotten(done.rows + aside.rows, done.files + aside.files), held


def forget_in_files(files: Iterable[Path], profiles: Sequence[str]) -> Forgotten:
    """Take the rows of profiles out of Parquet files that have a column `profile_id`.

    Raises:
        BadInput: a file cannot be read; those before it are done.
    """
    rows = changed = 0
    for file in files:
        try:
            with pq.ParquetFile(file) as opened:
                if COLUMN not in opened.schema_arrow.names:
                    continue
                ids = opened.read(columns=[COLUMN])[COLUMN].cast(pa.string())
                mine = pc.is_in(ids, value_set=pa.array(profiles, pa.string()))
                count = pc.sum(mine).as_py() or 0
                if not count:
                    continue
                left = opened.read().filter(pc.invert(mine))
                codec = opened.metadata.row_group(0).column(0).compression.lower()
        except (pa.ArrowException, OSError) as error:
            raise BadInput(
                f"{file} cannot be read ({first_line(error)}), so nobody can be taken out"
                " of it; mend or remove it, and say this again"
            ) from None
        with whole_file(file) as part:
            pq.write_table(left, part, compression="none" if codec == "uncompressed" else codec)
        rows, changed = rows + count, changed + 1
    return Forgotten(rows, changed)


def _forget_lines(file: Path, profiles: Sequence[str]) -> Forgotten:
    """Take lines that name one of the profiles out of a file of records that were rejected."""
    if not file.is_file():
        return Forgotten(0, 0)
    names = set(profiles)
    lines = file.read_bytes().splitlines(keepends=True)
    left = [line for line in lines if not _names_one(line, names)]
    if len(left) == len(lines):
        return Forgotten(0, 0)
    with whole_file(file) as part:
        part.write_bytes(b"".join(left))
    return Forgotten(len(lines) - len(left), 1)


def _names_one(line: bytes, names: set[str]) -> bool:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return any(name.encode() in line for name in names)
    return isinstance(record, dict) and record.get(COLUMN) in names
