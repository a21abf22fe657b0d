"""What a drain moved out of a server, and how its records become Parquet by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.log.damage import keep_rejected
from data.log.parquet import append_table
from data.log.records import decode_each, json_line


@dataclass
class Drained:
    """What a drain moved."""

    decisions: int = 0
    events: int = 0
    runs: int = 0
    files: int = 0
    rejected: int = 0
    """Records that do not fit their schema, in `rejected.jsonl`."""
    damaged: int = 0
    """Entries that are no records, in `damaged/`."""
    lost: int = 0
    """Entries that were gone before they were drained."""
    pending: int = 0
    """Entries that another drain has and may still be writing."""


def write_bodies(
    log_dir: Path, kind: str, bodies: Sequence[bytes], batch: str, moved: Drained
) -> set[bytes]:
    """Write a batch's records by day, counted; gives the bodies that are no records.

    Args:
        log_dir: the log's folder.
        kind: decisions or events.
        bodies: as `data.log.records.encode` makes them.
        batch: names its files: written again it becomes the same ones.
        moved: so far.
    """
    tables, refused = decode_each(kind, bodies)
    for at, table in enumerate(tables):
        setattr(moved, kind, getattr(moved, kind) + table.num_rows)
        name = f"{batch}-{at}" if at else batch
        moved.files += len(append_table(log_dir, kind, table, name))
    lines, strange = [], set[bytes]()
    for body in refused:
        try:
            lines.append(json_line(body))
        except ValueError:
            strange.add(body)
    keep_rejected(log_dir, lines)
    moved.rejected += len(lines)
    return strange
