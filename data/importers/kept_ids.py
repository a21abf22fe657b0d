"""`ids.parquet` of a catalogue: which name has which title id, so that none ever moves."""

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import whole_file
from data.errors import BadInput
from data.reading.conformed_files import conformed_table
from data.records import TitleId, titles_as
from data.sound import title_problem

IDS = "ids.parquet"
LARGEST_HASH = 2**32 - 1
KEPT_IDS = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("title_id", pa.int64(), nullable=False),
    ]
)


def kept_titles(catalogue: Path) -> dict[str, TitleId]:
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


def with_new_titles(kept: dict[str, TitleId], names: Iterable[str]) -> dict[str, TitleId]:
    """Ids of names, those kept as they are, and of their kind.

    In a catalogue that begins, names that are all whole numbers are numbers, and other names are
    themselves the ids. One whose ids are numbers already goes on with numbers: a new name that is
    none has a hash of it. Where two hashes are equal, the later name is hashed again, which is kept
    from then on.
    """
    names, ids, taken = list(names), dict(kept), set(kept.values())
    numbers = {name: int(name) for name in names if _is_number(name)}
    begun_as_text = any(isinstance(title, str) for title in taken)
    if begun_as_text or (not kept and len(numbers) < len(names)):
        return {**{name: name for name in names}, **ids}
    ids = {**{name: number for name, number in numbers.items() if number not in taken}, **ids}
    taken = set(ids.values())
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
    """A whole number from 1 to 2³² − 1."""
    salt = again.to_bytes(8, "big")
    digest = blake2b(name.encode(), digest_size=8, salt=salt).digest()
    return 1 + int.from_bytes(digest, "big") % LARGEST_HASH


def write_kept(ids: dict[str, TitleId], folder: Path) -> None:
    """Write `ids.parquet`."""
    titles = pa.array(list(ids.values()))
    schema = titles_as(KEPT_IDS, titles.type)
    with whole_file(folder / IDS) as part:
        pq.write_table(pa.table([pa.array(list(ids)), titles], schema=schema), part)


def _is_number(name: str) -> bool:
    """Whether a name reads as a whole number, and is written as one is."""
    is_one = name.isascii() and name.isdigit() and str(int(name)) == name
    return is_one and title_problem(int(name)) is None
