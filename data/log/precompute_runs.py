"""Precompute's decisions as they were made: one row a profile, some 8 bytes a decision.

A run decides every title for every profile, of which a page will show a few. Written out as rows
of `data.records.DECISIONS` that is a hundred times the work of deciding. So a run logs each
profile's facts once, and for each decision the rank that was chosen and a code for each
candidate's probability; `data.log.roll` expands that into the rows that the join reads, and takes
the file away. Seeds and decision ids are not written: they follow from profile, title and run.

A file is Parquet of `SCHEMA`; its metadata holds a `RunHeader`.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Int, UInt16

from bandit.choice import decision_ids, decision_seeds, profile_keys
from data.records import DECISIONS, FACTS, SCHEMA_VERSION, TIMESTAMP

FOLDER = "runs"
HEADER = b"marquee_run"
SCHEMA = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("facts", FACTS, nullable=False),
        pa.field("slots", pa.binary()),  # uint32 each: titles decided; null: all of the header
        pa.field("ranks", pa.binary(), nullable=False),  # uint16 each: chosen candidate
        pa.field("codes", pa.binary(), nullable=False),  # uint8 or uint16, candidate by candidate
    ]
)
ROWS = 50_000
"""Decisions expanded at once: a table of about 100 MB."""


@dataclass(frozen=True)
class RunHeader:
    """What the decisions of a run have in common."""

    time_us: int
    day: int
    """Day that was decided for, since 1970-01-01."""
    salt: int
    nonce: int
    policy: str
    bundle: str
    title_ids: Sequence[int]
    artwork_ids: Sequence[str]
    starts: Sequence[int]
    """Where each title's candidates begin in `artwork_ids`, and the end."""
    chances: Sequence[float]
    """Code → probability."""
    schema_version: int = SCHEMA_VERSION

    @property
    def most(self) -> int:
        """Candidates of the title that has most."""
        return int(np.diff(self.starts).max())


def write_run(
    path: Path,
    header: RunHeader,
    profile_ids: pa.Array,
    facts: pa.StructArray,
    made: Bool[np.ndarray, "profiles titles"],
    ranks: Int[np.ndarray, "profiles titles"],
    codes: UInt16[np.ndarray, "profiles candidates titles"],
) -> None:
    """Write the decisions that were made for a block of profiles; on disk when this returns.

    Args:
        path: of the file, which a reader must not open before it is renamed.
        header: what they have in common.
        profile_ids: profiles.
        facts: what was known of them.
        made: where there is a decision; elsewhere an earlier one was kept.
        ranks: chosen candidate, by its place among the title's.
        codes: position of each candidate's probability in `header.chances`.
    """
    counts = made.sum(1)
    small = np.uint8 if len(header.chances) <= 256 else np.uint16
    if made.all():
        slots: pa.Array = pa.nulls(len(made), pa.binary())
        flat_codes = codes.astype(small)
    else:
        slots = _binary(np.nonzero(made)[1].astype("<u4"), counts)
        flat_codes = codes[np.broadcast_to(made[:, None], codes.shape)].astype(small)
    table = pa.table(
        [
            profile_ids,
            facts,
            slots,
            _binary(ranks[made].astype("<u2"), counts),
            _binary(flat_codes, counts * codes.shape[1]),
        ],
        schema=SCHEMA.with_metadata({HEADER: orjson.dumps(asdict(header))}),
    ).filter(pa.array(counts > 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        pq.write_table(
            table,
            file,
            compression="zstd",
            compression_level=1,
            use_dictionary=False,
            write_statistics=False,
        )
        file.flush()
        os.fsync(file.fileno())


def _binary(values: np.ndarray, counts: Int[np.ndarray, " profiles"]) -> pa.Array:
    """One binary value a profile, of so many numbers each."""
    offsets = np.concatenate([[0], np.cumsum(counts)]) * values.itemsize
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(values.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(counts), buffers)


def run_files(log_dir: Path) -> list[Path]:
    """Files of runs that were not expanded yet."""
    return sorted((log_dir / FOLDER).glob("*.parquet"))


def expand(path: Path, rows: int = ROWS) -> Iterator[pa.Table]:
    """A run file's decisions as rows of `data.records.DECISIONS`, so many at a time."""
    table = pq.ParquetFile(path).read()
    header = RunHeader(**orjson.loads(table.schema.metadata[HEADER]))
    step = max(1, rows // len(header.title_ids))
    for start in range(0, len(table), step):
        yield _expanded(header, table.slice(start, step).combine_chunks())


def _expanded(header: RunHeader, table: pa.Table) -> pa.Table:
    titles, starts = np.asarray(header.title_ids), np.asarray(header.starts)
    names = table["profile_id"].to_pylist()
    ranks, counts = _numbers(table["ranks"], np.dtype("<u2"))
    codes, widths = _numbers(table["codes"], np.dtype("u1"))
    if len(codes) != len(ranks) * header.most:
        codes, widths = _numbers(table["codes"], np.dtype("<u2"))
    of = np.repeat(np.arange(len(names)), counts)
    before = np.cumsum(counts) - counts
    place = np.arange(len(of)) - before[of]  # among the profile's decisions
    if table["slots"].null_count:
        slots = place
    else:
        slots, _ = _numbers(table["slots"], np.dtype("<u4"))
    keys = np.asarray(profile_keys(names))[of]
    seeds = decision_seeds(keys, titles[slots], header.day, header.salt)
    ids = decision_ids(seeds ^ np.uint64(header.nonce), keys, titles[slots], header.day)

    shown = np.diff(starts)[slots]
    at = (np.cumsum(widths) - widths)[of] + place
    every = at[:, None] + np.arange(header.most) * counts[of][:, None]
    chances = np.asarray(header.chances)[codes[every]]
    kept = chances[np.arange(header.most) < shown[:, None]]
    offsets = pa.array(np.concatenate([[0], np.cumsum(shown)]).astype(np.int32))
    artworks = pa.array(header.artwork_ids, pa.string())
    candidates = pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), artworks)
    positions = pa.array(of)
    count = len(of)
    columns = {
        "schema_version": pa.repeat(pa.scalar(header.schema_version, pa.int16()), count),
        "decision_id": pa.array(ids, pa.string()),
        "time": pa.repeat(pa.scalar(header.time_us, pa.int64()), count).cast(TIMESTAMP),
        "profile_id": table["profile_id"].combine_chunks().take(positions),
        "title_id": pa.array(titles[slots]),
        "facts": table["facts"].combine_chunks().take(positions),
        "candidates": candidates.take(pa.array(slots)),
        "action": artworks.take(pa.array(starts[slots] + ranks)),
        "propensity": pa.array(chances[np.arange(count), ranks]),
        "probabilities": pa.ListArray.from_arrays(offsets, pa.array(kept)),
        "policy": pa.repeat(pa.scalar(header.policy), count),
        "bundle": pa.repeat(pa.scalar(header.bundle), count),
        "seed": pa.array(seeds),
        "level": pa.repeat(pa.scalar("personalised"), count),
        "cell": pa.nulls(count, pa.string()),
    }
    return pa.Table.from_arrays(
        [columns[field.name].cast(field.type) for field in DECISIONS], schema=DECISIONS
    )


def _numbers(
    column: pa.ChunkedArray, kind: np.dtype
) -> tuple[np.ndarray, Int[np.ndarray, " profiles"]]:
    """All numbers of a binary column behind one another, and how many each profile has."""
    array = column.combine_chunks()
    _, offsets, values = array.buffers()
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    raw = np.frombuffer(values, np.uint8)[ends[0] : ends[-1]]
    return raw.view(kind).astype(np.int64), np.diff(ends).astype(np.int64) // kind.itemsize
