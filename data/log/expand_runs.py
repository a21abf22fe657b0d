"""A run's decisions as rows of `data.records.DECISIONS`: all of them, or some.

Seeds and decision ids, which a run's file does not hold, are made again from what it does.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int, UInt64

from bandit.choice import decision_ids, decision_seeds, profile_keys, title_words
from bandit.draws import (
    FIRST,
    artwork_words,
    candidate_words,
    context_words,
    draw_ids,
    draw_seeds,
    epoch_numbers,
)
from bandit.kinds.many import candidates_with_kinds
from bandit.rules.decide import candidates_under_rules
from data.log.kind_draws import COLUMNS, KindColumns, flat
from data.log.precompute_runs import EFFECTS, RunFile, RunHeader
from data.log.ruled_draws import EffectColumns
from data.records import DECISIONS, KIND_COLUMNS, PINNED, RULED_DECISIONS, TIMESTAMP, titles_as

ROWS = 50_000
"""Decisions expanded at once: a table of about 100 MB."""


def expand(path: Path, rows: int = ROWS) -> Iterator[pa.Table]:
    """A run file's decisions as rows of `data.records.DECISIONS`, so many at a time."""
    header, table = RunFile.read(path)
    step = max(1, rows // len(header.title_ids))
    for start in range(0, len(table), step):
        yield _expanded(header, table.slice(start, step).combine_chunks())


def expand_some(run: RunFile, profiles: Int[np.ndarray, " draws"], title_ids: pa.Array) -> pa.Table:
    """The rows of `data.records.DECISIONS` of some draws; those that the run did not make are not.

    Args:
        run: its file.
        profiles: rows of its table, one a draw.
        title_ids: title of each, int64 or string.
    """
    header = run.header
    titles = pa.array(header.title_ids)
    slots = np.full(len(title_ids), -1)
    if titles.type == title_ids.type:  # else the run was made when titles had other ids
        slots = pc.index_in(title_ids, value_set=titles).fill_null(-1).to_numpy()
    there = slots >= 0
    pairs = np.unique(profiles[there] * len(titles) + slots[there])
    rows, at = np.unique(pairs // len(titles), return_inverse=True)
    wanted = at * len(titles) + pairs % len(titles)
    table = run.table.take(pa.array(rows)).combine_chunks()
    draws = _draws(table)
    every = draws.of * len(titles) + draws.slots
    place = np.minimum(every.searchsorted(wanted), max(len(every) - 1, 0))
    if not len(every):
        return titles_as(DECISIONS, titles.type).empty_table()
    return _expanded(header, table, place[every[place] == wanted])


class _Draws(NamedTuple):
    """The draws of a run's rows, one after another."""

    of: Int[np.ndarray, " draws"]  # row of the profile
    place: Int[np.ndarray, " draws"]  # among the profile's draws
    slots: Int[np.ndarray, " draws"]  # of the titles
    openings: Int[np.ndarray, " draws"]  # how each opens
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
    openings = np.full(len(of), FIRST, np.int64)
    if not table["openings"].null_count:
        openings, _ = _numbers(table["openings"], np.dtype("u1"))
    return _Draws(of, place, slots, openings, ranks, counts)


# A row's columns, each by what it follows from.
def _expanded(
    header: RunHeader, table: pa.Table, chosen: Int[np.ndarray, " some"] | None = None
) -> pa.Table:
    """Draws as rows: all of them, or those at some places."""
    titles, starts = pa.array(header.title_ids), np.asarray(header.starts)
    names = table["profile_id"].to_pylist()
    of, place, slots, openings, ranks, counts = _draws(table)
    every_slot = slots
    codes, widths = _codes(table["codes"], len(ranks) * header.most)
    if chosen is not None:
        of, place, slots, ranks = of[chosen], place[chosen], slots[chosen], ranks[chosen]
        openings = openings[chosen]

    shown = np.diff(starts)[slots]
    at = (np.cumsum(widths) - widths)[of] + place
    every = at[:, None] + np.arange(header.most) * counts[of][:, None]
    chances = np.asarray(header.chances)[codes[every]]
    probabilities = chances[np.arange(header.most) < shown[:, None]]
    offsets = pa.array(np.concatenate([[0], np.cumsum(shown)]).astype(np.int32))
    artworks = pa.array(header.artwork_ids, pa.string())
    candidates = pa.ListArray.from_arrays(pa.array(starts.astype(np.int32)), artworks)
    positions = pa.array(of)
    count = len(of)
    propensities = chances[np.arange(count), ranks]
    ordinals = starts[slots] + ranks
    keys = np.asarray(profile_keys(names))[of]
    salts = np.full(count, header.rules.salt, np.uint64)
    if header.salts is not None:
        salts = np.array(header.salts, np.uint64)[openings]
    ruled = _Ruled.of(header, _effects(table, chosen), slots, shown, chances)
    beside = _logged_kinds(header, table, starts)
    named = _named(
        header, table, keys, salts, of, slots, ordinals, propensities, ruled.words, beside
    )
    columns = {
        "schema_version": pa.repeat(pa.scalar(header.schema_version, pa.int16()), count),
        "decision_id": pa.array(named.ids, pa.string()),
        "time": pa.repeat(pa.scalar(header.time_us, pa.int64()), count).cast(TIMESTAMP),
        "profile_id": table["profile_id"].combine_chunks().take(positions),
        "title_id": titles.take(pa.array(slots)),
        "facts": table["facts"].combine_chunks().take(positions),
        "candidates": candidates.take(pa.array(slots)),
        "action": artworks.take(pa.array(ordinals)),
        "propensity": pa.array(propensities),
        "probabilities": pa.ListArray.from_arrays(offsets, pa.array(probabilities)),
        "policy": pa.repeat(pa.scalar(header.rules.policy), count),
        "bundle": pa.repeat(pa.scalar(header.rules.bundle), count),
        "seed": pa.array(named.seeds),
        "level": pa.repeat(pa.scalar("personalised"), count),
        "cell": pa.repeat(pa.scalar(header.rules.cell, pa.string()), count),
        "epoch": named.epochs,
        "fingerprint": named.fingerprints,
        "layout": pa.nulls(count, pa.string())
        if header.nonce is not None
        else pa.repeat(pa.scalar(header.layout), count),
    }
    columns |= ruled.columns
    schema = titles_as(RULED_DECISIONS if ruled.columns else DECISIONS, titles.type)
    if beside is not None:
        changed = np.zeros(count, bool) if ruled.words is None else ruled.words != 0
        wanted = np.arange(count) if chosen is None else chosen
        columns |= beside.columns(table, every_slot, wanted, propensities, chances, changed)
        schema = pa.schema([*schema, *KIND_COLUMNS])
    return pa.Table.from_arrays(
        [columns[field.name].cast(field.type) for field in schema], schema=schema
    )


def _logged_kinds(
    header: RunHeader, table: pa.Table, starts: Int[np.ndarray, " titles_and_one"]
) -> KindColumns | None:
    """What was drawn beside a run's artwork; None: nothing."""
    if header.kinds is None or not set(COLUMNS.names) <= set(table.column_names):
        return None
    return KindColumns(header.kinds, np.diff(starts), header.rules.epochs.keep)


class _Ruled(NamedTuple):
    """What rules make of draws' rows."""

    words: UInt64[np.ndarray, " draws"] | None
    columns: dict[str, pa.Array]
    """In place of those without rules."""

    @staticmethod
    def of(
        header: RunHeader,
        effects: Int[np.ndarray, " draws"] | None,
        slots: Int[np.ndarray, " draws"],
        shown: Int[np.ndarray, " draws"],
        chances: Float[np.ndarray, "draws ranks"],
    ) -> "_Ruled":
        """Candidates and probabilities after rules, the level of what is pinned, the rules' ids."""
        if effects is None or header.effects is None:
            return _Ruled(None, {})
        told = EffectColumns.of(header.effects, header.most)
        left = told.allowed[effects] & (np.arange(header.most) < shown[:, None])
        offsets = pa.array(np.concatenate([[0], np.cumsum(left.sum(1))]).astype(np.int32))
        ordinals = np.asarray(header.starts)[slots][:, None] + np.arange(header.most)
        artworks = pa.array(header.artwork_ids, pa.string()).take(pa.array(ordinals[left]))
        levels = np.where(told.pinned[effects], PINNED, "personalised")
        columns = {
            "candidates": pa.ListArray.from_arrays(offsets, artworks),
            "probabilities": pa.ListArray.from_arrays(offsets, pa.array(chances[left])),
            "level": pa.array(levels.tolist(), pa.string()),
            "rules": told.rules.take(pa.array(effects)),
        }
        return _Ruled(told.words[effects], columns)


class _Named(NamedTuple):
    """Seeds and names of draws, and what they follow from."""

    seeds: UInt64[np.ndarray, " draws"]
    ids: list[str]
    epochs: pa.Array
    fingerprints: pa.Array


# What a draw's name follows from, a column each.
def _named(
    header: RunHeader,
    table: pa.Table,
    keys: UInt64[np.ndarray, " draws"],
    salts: UInt64[np.ndarray, " draws"],
    of: Int[np.ndarray, " draws"],
    slots: Int[np.ndarray, " draws"],
    ordinals: Int[np.ndarray, " draws"],
    propensities: Float[np.ndarray, " draws"],
    ruled: UInt64[np.ndarray, " draws"] | None,
    beside: KindColumns | None,
) -> _Named:
    """Name a run's draws again.

    Args:
        header: of the run.
        table: rows of `SCHEMA`.
        keys: of the profiles, draw by draw.
        salts: of the draws.
        of: row of each draw's profile.
        slots: of the titles.
        ordinals: of what is shown.
        propensities: as drawn.
        ruled: words of the effects of rules, 0: there was none; None: no draw has one.
        beside: what was drawn beside artwork; None: nothing.
    """
    titles, rules = title_words(header.title_ids)[slots], header.rules
    if header.nonce is not None:
        seeds = decision_seeds(keys, titles, header.day, rules.salt)
        ids = decision_ids(seeds ^ np.uint64(header.nonce), keys, titles, header.day)
        none = pa.nulls(len(of), pa.int64())
        return _Named(seeds, ids, none.cast(pa.int32()), none)
    prints = table["fingerprint"].to_numpy()[of]
    artworks, pools = _words(tuple(header.artwork_ids), tuple(header.starts))
    epochs = epoch_numbers(keys, titles, header.day, rules.epochs.days)
    candidates = pools[slots]
    if ruled is not None:
        candidates = candidates_under_rules(candidates, ruled)
    if beside is not None:
        candidates = candidates_with_kinds(candidates, beside.words[slots])
    context = context_words(prints, candidates, rules.word)
    seeds = draw_seeds(keys, titles, epochs, context, salts)
    ids = draw_ids(seeds, keys, titles, artworks[ordinals], propensities, rules.record_word())
    return _Named(seeds, ids, pa.array(epochs, pa.int32()), pa.array(prints, pa.int64()))


@lru_cache(maxsize=4)
def _words(
    artwork_ids: tuple[str, ...], starts: tuple[int, ...]
) -> tuple[UInt64[np.ndarray, " artworks"], UInt64[np.ndarray, " titles"]]:
    """Hashes of a catalogue, which all files of a run share."""
    return artwork_words(artwork_ids), candidate_words(artwork_ids, starts)


def _codes(
    column: pa.ChunkedArray, count: int
) -> tuple[Int[np.ndarray, " codes"], Int[np.ndarray, " profiles"]]:
    """So many codes of 1, 2 or 4 bytes each, and how many each profile has."""
    for kind in ("u1", "<u2"):
        codes, widths = _numbers(column, np.dtype(kind))
        if len(codes) == count:
            return codes, widths
    return _numbers(column, np.dtype("<u4"))


def _effects(
    table: pa.Table, chosen: Int[np.ndarray, " some"] | None
) -> Int[np.ndarray, " draws"] | None:
    """What rules did to each draw, by its place in the header; None: nothing to any."""
    if EFFECTS.name not in table.column_names or table[EFFECTS.name].null_count:
        return None
    effects, _ = _numbers(table[EFFECTS.name], np.dtype("<u4"))
    return effects if chosen is None else effects[chosen]


def _numbers(
    column: pa.ChunkedArray, kind: np.dtype
) -> tuple[np.ndarray, Int[np.ndarray, " profiles"]]:
    """All numbers of a binary column behind one another, and how many each profile has."""
    lengths = pc.binary_length(column).to_numpy().astype(np.int64)
    return flat(column, kind).astype(np.int64), lengths // kind.itemsize
