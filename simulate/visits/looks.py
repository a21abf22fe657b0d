"""What members had in view: the looks from which the truth of draws follows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data.log.parquet import write_whole

LOOKS = pa.schema(
    [
        ("time", pa.int64()),
        ("day", pa.int64()),
        ("member", pa.int64()),
        ("title", pa.int64()),
        ("decision_id", pa.string()),
        ("artwork", pa.int64()),
        ("rendered", pa.bool_()),
        ("last", pa.int64()),
        ("offset", pa.float64()),
    ]
)


class TitleLook(NamedTuple):
    """A place in view that shows something of the catalogue; the member may skip it."""

    time: int
    """Of the impression, in microseconds since 1970."""
    day: int
    """Of the simulation."""
    member: int
    title: int
    decision_id: str
    artwork: int
    """Row of what is shown."""
    rendered: bool
    """False: skipped, since the title was played before."""
    last: int
    """Row of the artwork that the member saw last of the title; −1: none."""
    offset: float
    """Of the place, in logits of a play, less what the page's other titles take from it."""


def read_looks(file: Path) -> list[TitleLook]:
    """What `write_looks` stored; none if there is no such file."""
    if not file.is_file():
        return []
    columns = pq.ParquetFile(file).read().to_pydict()
    return [TitleLook(*row) for row in zip(*columns.values(), strict=True)]


def write_looks(looks: Sequence[TitleLook], file: Path) -> None:
    """Store looks, whole or not at all."""
    columns = [[getattr(look, name) for look in looks] for name in LOOKS.names]
    write_whole(pa.table(columns, schema=LOOKS), file.resolve())
