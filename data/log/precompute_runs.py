"""Precompute's decisions as they were made: one row a profile, some 8 bytes a decision.

A run decides every title for every profile, of which a page will show a few. Written out as rows
of `data.records.DECISIONS` that is a hundred times the work of deciding. So a run logs each
profile's facts once, and for each draw the rank that was chosen and a code for each candidate's
probability. `data.log.roll` expands that into rows; the join finds the few that were rendered
(`data/join/rendered_draws.py`). Seeds and decision ids are not written: they follow from the rest.

A file is Parquet of `SCHEMA`; its metadata holds a `RunHeader`.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int, UInt16, UInt64

from bandit.choice import decision_ids, decision_seeds, profile_keys
from bandit.draws import (
    DrawRules,
    Epochs,
    artwork_words,
    candidate_words,
    context_words,
    draw_ids,
    draw_seeds,
    epoch_numbers,
)
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
        pa.field("fingerprint", pa.int64()),  # of the facts; null: made before there were epochs
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
    rules: DrawRules
    layout: str
    """Digest, in hex."""
    title_ids: Sequence[int]
    artwork_ids: Sequence[str]
    starts: Sequence[int]
    """Where each title's candidates begin in `artwork_ids`, and the end."""
    chances: Sequence[float]
    """Code → probability."""
    schema_version: int = SCHEMA_VERSION
    nonce: int | None = None
    """Of a run that was made before there were epochs: schema 1."""

    @staticmethod
    def from_json(raw: bytes) -> "RunHeader":
        """Read a header of this version or an earlier one."""
        got = orjson.loads(raw)
        if "rules" in got:
            rules = got["rules"] | {"epochs": Epochs(**got["rules"]["epochs"])}
            return RunHeader(**got | {"rules": DrawRules(**rules)})
        rules = DrawRules(got.pop("bundle"), got.pop("policy"), 0.0, got.pop("salt"), 1)
        return RunHeader(**got, rules=rules, layout="")

    @property
    def most(self) -> int:
        """Candidates of the title that has most."""
        return int(np.diff(self.starts).max())


def write_run(
    path: Path,
    header: RunHeader,
    profile_ids: pa.Array,
    facts: pa.StructArray,
    fingerprints: Int[np.ndarray, " profiles"],
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
        fingerprints: of the features that the facts became.
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
            pa.array(fingerprints, pa.int64()),
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


def run_time(path: Path) -> int:
    """When a run decided, in microseconds since 1970-01-01."""
    return RunHeader.from_json(pq.read_schema(path).metadata[HEADER]).time_us


class RunFile(NamedTuple):
    """A run's draws as they lie on disk."""

    header: RunHeader
    table: pa.Table

    @staticmethod
    def read(path: Path) -> "RunFile":
        """Read a file that `write_run` wrote, in this version or an earlier one."""
        table = pq.ParquetFile(path).read()
        if "fingerprint" not in table.schema.names:
            table = table.append_column("fingerprint", pa.nulls(len(table), pa.int64()))
        return RunFile(RunHeader.from_json(table.schema.metadata[HEADER]), table)


def expand(path: Path, rows: int = ROWS) -> Iterator[pa.Table]:
    """A run file's decisions as rows of `data.records.DECISIONS`, so many at a time."""
    header, table = RunFile.read(path)
    step = max(1, rows // len(header.title_ids))
    for start in range(0, len(table), step):
        yield _expanded(header, table.slice(start, step).combine_chunks())


def expand_some(
    run: RunFile, profiles: Int[np.ndarray, " draws"], title_ids: Int[np.ndarray, " draws"]
) -> pa.Table:
    """The rows of `data.records.DECISIONS` of some draws; those that the run did not make are not.

    Args:
        run: its file.
        profiles: rows of its table, one a draw.
        title_ids: title of each.
    """
    header = run.header
    titles = np.asarray(header.title_ids)
    slots = np.minimum(titles.searchsorted(title_ids), len(titles) - 1)
    there = titles[slots] == title_ids
    pairs = np.unique(profiles[there] * len(titles) + slots[there])
    rows, at = np.unique(pairs // len(titles), return_inverse=True)
    wanted = at * len(titles) + pairs % len(titles)
    table = run.table.take(pa.array(rows)).combine_chunks()
    made = _draws(table)
    every = made.of * len(titles) + made.slots
    place = np.minimum(every.searchsorted(wanted), max(len(every) - 1, 0))
    if not len(every):
        return DECISIONS.empty_table()
    return _expanded(header, table, place[every[place] == wanted])


class _Draws(NamedTuple):
    """The draws of a run's rows, one after another."""

    of: Int[np.ndarray, " draws"]  # row of the profile
    place: Int[np.ndarray, " draws"]  # among the profile's draws
    slots: Int[np.ndarray, " draws"]  # of the titles
    ranks: Int[np.ndarray, " draws"]  # chosen
    counts: Int[np.ndarray, " profiles"]  # draws of each profile


def _draws(table: pa.Table) -> _Draws:
    ranks, counts = _numbers(table["ranks"], np.dtype("<u2"))
    of = np.repeat(np.arange(len(table)), counts)
    place = np.arange(len(of)) - (np.cumsum(counts) - counts)[of]
    if table["slots"].null_count:
        slots = place
    else:
        slots, _ = _numbers(table["slots"], np.dtype("<u4"))
    return _Draws(of, place, slots, ranks, counts)


def _expanded(
    header: RunHeader, table: pa.Table, chosen: Int[np.ndarray, " some"] | None = None
) -> pa.Table:
    """Draws as rows: all of them, or those at some places."""
    titles, starts = np.asarray(header.title_ids), np.asarray(header.starts)
    names = table["profile_id"].to_pylist()
    of, place, slots, ranks, counts = _draws(table)
    codes, widths = _numbers(table["codes"], np.dtype("u1"))
    if len(codes) != len(ranks) * header.most:
        codes, widths = _numbers(table["codes"], np.dtype("<u2"))
    if chosen is not None:
        of, place, slots, ranks = of[chosen], place[chosen], slots[chosen], ranks[chosen]

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
    propensities = chances[np.arange(count), ranks]
    ordinals = starts[slots] + ranks
    keys = np.asarray(profile_keys(names))[of]
    named = _named(header, table, keys, of, slots, ordinals, propensities)
    columns = {
        "schema_version": pa.repeat(pa.scalar(header.schema_version, pa.int16()), count),
        "decision_id": pa.array(named.ids, pa.string()),
        "time": pa.repeat(pa.scalar(header.time_us, pa.int64()), count).cast(TIMESTAMP),
        "profile_id": table["profile_id"].combine_chunks().take(positions),
        "title_id": pa.array(titles[slots]),
        "facts": table["facts"].combine_chunks().take(positions),
        "candidates": candidates.take(pa.array(slots)),
        "action": artworks.take(pa.array(ordinals)),
        "propensity": pa.array(propensities),
        "probabilities": pa.ListArray.from_arrays(offsets, pa.array(kept)),
        "policy": pa.repeat(pa.scalar(header.rules.policy), count),
        "bundle": pa.repeat(pa.scalar(header.rules.bundle), count),
        "seed": pa.array(named.seeds),
        "level": pa.repeat(pa.scalar("personalised"), count),
        "cell": pa.nulls(count, pa.string()),
        "epoch": named.epochs,
        "fingerprint": named.fingerprints,
        "layout": pa.nulls(count, pa.string())
        if header.nonce is not None
        else pa.repeat(pa.scalar(header.layout), count),
    }
    return pa.Table.from_arrays(
        [columns[field.name].cast(field.type) for field in DECISIONS], schema=DECISIONS
    )


class _Named(NamedTuple):
    """Seeds and names of draws, and what they follow from."""

    seeds: UInt64[np.ndarray, " draws"]
    ids: list[str]
    epochs: pa.Array
    fingerprints: pa.Array


def _named(
    header: RunHeader,
    table: pa.Table,
    keys: UInt64[np.ndarray, " draws"],
    of: Int[np.ndarray, " draws"],
    slots: Int[np.ndarray, " draws"],
    ordinals: Int[np.ndarray, " draws"],
    propensities: Float[np.ndarray, " draws"],
) -> _Named:
    """Name a run's draws again.

    Args:
        header: of the run.
        table: rows of `SCHEMA`.
        keys: of the profiles, draw by draw.
        of: row of each draw's profile.
        slots: of the titles.
        ordinals: of what is shown.
        propensities: as drawn.
    """
    titles, rules = np.asarray(header.title_ids)[slots], header.rules
    if header.nonce is not None:
        seeds = decision_seeds(keys, titles, header.day, rules.salt)
        ids = decision_ids(seeds ^ np.uint64(header.nonce), keys, titles, header.day)
        none = pa.nulls(len(of), pa.int64())
        return _Named(seeds, ids, none.cast(pa.int32()), none)
    prints = table["fingerprint"].to_numpy()[of]
    candidates = candidate_words(header.artwork_ids, header.starts)[slots]
    epochs = epoch_numbers(keys, titles, header.day, rules.epochs.days)
    context = context_words(prints, candidates, rules.word)
    seeds = draw_seeds(keys, titles, epochs, context, rules.salt)
    shown = artwork_words(header.artwork_ids)[ordinals]
    ids = draw_ids(seeds, keys, titles, shown, propensities, rules.record_word())
    return _Named(seeds, ids, pa.array(epochs, pa.int32()), pa.array(prints, pa.int64()))


def _numbers(
    column: pa.ChunkedArray, kind: np.dtype
) -> tuple[np.ndarray, Int[np.ndarray, " profiles"]]:
    """All numbers of a binary column behind one another, and how many each profile has."""
    array = column.combine_chunks()
    _, offsets, values = array.buffers()
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    raw = np.frombuffer(values, np.uint8)[ends[0] : ends[-1]]
    return raw.view(kind).astype(np.int64), np.diff(ends).astype(np.int64) // kind.itemsize
