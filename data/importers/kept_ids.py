"""`ids.parquet` of a catalogue: which name has which title id, so that none ever moves."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import whole_file
from data.catalogue import LARGEST_TITLE_ID
from data.errors import BadInput
from data.reading.conformed_files import conformed_table

IDS = "ids.parquet"
KEPT_IDS = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("title_id", pa.int64(), nullable=False),
    ]
)


def kept_titles(catalogue: Path) -> dict[str, int]:
    """Name → title id; empty where the catalogue has no `ids.parquet`.

    Raises:
        BadInput: a name or an id stands there twice.
    """
    file = catalogue / IDS
    if not file.is_file():
        return {}
    rows = conformed_table(file, KEPT_IDS)
    names, ids = rows["name"].to_pylist(), rows["title_id"].to_pylist()
    for column, values in (("name", names), ("title_id", ids)):
        if len(set(values)) < len(values):
            twice = next(v for v in values if values.count(v) > 1)
            raise BadInput(f"{file}, column {column}: {twice!r} stands there twice; keep one row")
    return dict(zip(names, ids, strict=True))


def with_new_titles(kept: dict[str, int], names: Iterable[str]) -> dict[str, int]:
    """Ids of names, those kept as they are; a new one has a hash of its name.

    Where two hashes are equal, the later name is hashed again, which is kept from then on.
    """
    ids, taken = dict(kept), set(kept.values())
    for name in names:
        again = 0
        while name not in ids:
            at = title_hash(name, again)
            again += 1
            if at not in taken:
                ids[name] = at
                taken.add(at)
    return ids


def title_hash(name: str, again: int = 0) -> int:
    """A whole number from 1 to LARGEST_TITLE_ID."""
    salt = again.to_bytes(8, "big")
    digest = blake2b(name.encode(), digest_size=8, salt=salt).digest()
    return 1 + int.from_bytes(digest, "big") % LARGEST_TITLE_ID


def write_kept(ids: dict[str, int], folder: Path) -> None:
    """Write `ids.parquet`."""
    with whole_file(folder / IDS) as part:
        pq.write_table(pa.table([list(ids), list(ids.values())], schema=KEPT_IDS), part)
