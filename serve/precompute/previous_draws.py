"""What a block's members were shown before, and which of those draws are still open.

A draw is open until its epoch ends or its title's candidates change: neither depends on what the
draw fell on, so who is drawn anew is as random as the draws themselves.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int8, UInt8, UInt32, UInt64

from bandit.draws import FIRST, REDRAWN, RENEWED, epoch_stagger
from serve.maps.artwork_map import RUNS_MAX, UNKNOWN_CODE, ArtworkMap, CorruptMapError, Run
from serve.maps.layout import Layout


class Before(NamedTuple):
    """What a block's members had, in today's layout."""

    choices: Int[np.ndarray, "members titles"]  # ordinals, −1: none, or withdrawn
    run_of: Int[np.ndarray, "members titles"]  # index into `runs`; 0 where there is none
    codes: UInt8[np.ndarray, "members titles"]  # of the propensities
    same: Bool[np.ndarray, "members titles"]  # drawn among today's candidates
    shown: Bool[np.ndarray, "members titles"]  # something was, withdrawn or not
    runs: list[Run]  # of the whole block, their fingerprints 0
    prints: UInt32[np.ndarray, "members runs"]  # facts fingerprint of each member in each run
    explicit: list[dict[int, float]]  # propensities that no code stands for, by slot
    layouts: list[bytes]  # digest of each member's map; empty: no map
    ruled: UInt64[np.ndarray, "members titles"]  # word of the effect of rules; 0: there was none


def read_before(
    values: Sequence[bytes | None], layout: Layout, older: Mapping[bytes, Layout]
) -> Before:
    """Old maps of a block, translated; corrupt ones and those of an unknown layout are forgotten.

    Args:
        values: maps as stored.
        layout: today's.
        older: other layouts by digest.
    """
    shape = (len(values), len(layout.title_ids))
    choices = np.full(shape, -1, np.int64)
    run_of = np.zeros(shape, np.int64)
    codes = np.full(shape, UNKNOWN_CODE, np.uint8)
    same, shown = np.zeros(shape, bool), np.zeros(shape, bool)
    explicit: list[dict[int, float]] = [{} for _ in values]
    layouts, ruled = [b""] * len(values), np.zeros(shape, np.uint64)
    known: dict[Run, int] = {}
    prints: list[tuple[int, int, int]] = []
    moves: dict[bytes, _Move] = {}
    for row, value in enumerate(values):
        if value is None:
            continue
        try:
            old = ArtworkMap.parse(value)
        except CorruptMapError:
            continue
        if old.layout != layout.digest and old.layout not in older:
            continue
        index = np.zeros(max(len(old.runs), 1), np.int64)
        for at, run in enumerate(old.runs):
            index[at] = known.setdefault(run._replace(fingerprint=0), len(known))
            prints.append((row, int(index[at]), run.fingerprint))
        if old.layout == layout.digest:
            choices[row], run_of[row] = old.choices, index[old.run_of]
            codes[row] = UNKNOWN_CODE if old.codes is None else old.codes
            same[row] = shown[row] = old.choices >= 0
            explicit[row] = dict(old.explicit)
            _put_words(ruled[row], old.ruled, range(shape[1]))
        else:
            if old.layout not in moves:
                moves[old.layout] = _Move.between(older[old.layout], layout)
            move = moves[old.layout]
            here = np.where(old.choices >= 0, move.ordinals[old.choices], -1)[move.kept]
            choices[row, move.slots] = here
            run_of[row, move.slots] = index[old.run_of][move.kept]
            if old.codes is not None:
                codes[row, move.slots] = old.codes[move.kept]
            same[row, move.slots] = (here >= 0) & move.same
            shown[row, move.slots] = (old.choices >= 0)[move.kept]
            explicit[row] = {
                move.slot_of[slot]: p for slot, p in old.explicit if slot in move.slot_of
            }
            _put_words(ruled[row], old.ruled, move.slot_of)
        layouts[row] = old.layout
    table = np.zeros((len(values), len(known)), np.uint32)
    if prints:
        rows, columns, numbers = np.array(prints, np.int64).T
        table[rows, columns] = numbers.astype(np.uint32)
    return Before(choices, run_of, codes, same, shown, list(known), table, explicit, layouts, ruled)


def _put_words(
    row: UInt64[np.ndarray, " titles"],
    words: Sequence[tuple[int, int]],
    slot_of: Mapping[int, int] | range,
) -> None:
    """Write down words of a map's titles that are still there, by their slots of today."""
    for slot, word in words:
        if slot in slot_of:
            row[slot_of[slot]] = word


class _Move(NamedTuple):
    """From an older layout to today's."""

    ordinals: Int[np.ndarray, " older_artworks"]  # today's, −1: gone
    kept: Bool[np.ndarray, " older_titles"]  # titles that are still there
    slots: Int[np.ndarray, " kept"]  # today's slots of those
    same: Bool[np.ndarray, " kept"]  # their candidates are what they were
    slot_of: dict[int, int]

    @staticmethod
    def between(there: Layout, here: Layout) -> "_Move":
        slots, kept = here.slots(there.title_ids)
        same = [
            there.candidates(old) == here.candidates(int(slots[old]))
            for old in np.flatnonzero(kept).tolist()
        ]
        slot_of = {old: int(slots[old]) for old in np.flatnonzero(kept).tolist()}
        return _Move(here.translate(there), kept, slots[kept], np.array(same, bool), slot_of)


def still_open(
    before: Before,
    keys: UInt64[np.ndarray, " members"],
    titles: UInt64[np.ndarray, " titles"],
    day: int,
    days: int,
) -> Bool[np.ndarray, "members titles"]:
    """Where the draw of before goes on.

    Args:
        before: what members had.
        keys: of the profiles.
        titles: words of today's slots.
        day: today, since 1970-01-01.
        days: of an epoch.
    """
    if not before.runs or not before.same.any():
        return np.zeros(before.choices.shape, bool)
    days_gone = (day + epoch_stagger(keys[:, None], titles, days)) % days
    named = np.array([run.days > 0 for run in before.runs], bool)[before.run_of]
    return before.same & named & (day - _drawn_on(before) <= days_gone)


def openings(before: Before, day: int, again: bool) -> Int8[np.ndarray, "members titles"]:
    """How a draw opens that is made today: FIRST, RENEWED or REDRAWN of `bandit.draws`.

    Args:
        before: what members had.
        day: today.
        again: maps were made for today, or a later day, before: the day alone tells no two apart.
    """
    if not before.runs:
        return np.full(before.choices.shape, FIRST, np.int8)
    replaced = np.where(again | (_drawn_on(before) >= day), REDRAWN, RENEWED)
    return np.where(before.shown, replaced, FIRST).astype(np.int8)


def _drawn_on(before: Before) -> Int[np.ndarray, "members titles"]:
    """The day that the draw of before was opened on; of no meaning where there is none."""
    return np.array([run.day for run in before.runs], np.int64)[before.run_of]


class UsedRuns(NamedTuple):
    """The runs that maps point into."""

    run_of: Int[np.ndarray, "members titles"]  # index into the member's own
    runs: list[tuple[Run, ...]]  # of each member
    prints: UInt32[np.ndarray, "members runs"] | None  # where all members have the same runs
    too_many: Bool[np.ndarray, " members"]  # more than a map has room for


def used_runs(
    run_of: Int[np.ndarray, "members titles"],
    runs: Sequence[Run],
    prints: UInt32[np.ndarray, "members runs"],
) -> UsedRuns:
    """The runs that maps need: the block's where they are few, else each member's own.

    Args:
        run_of: index into `runs`.
        runs: of the block.
        prints: facts fingerprint of each member in each run.
    """
    none = np.zeros(len(run_of), bool)
    used = np.unique(run_of)
    if len(used) <= RUNS_MAX:
        at = np.zeros(len(runs), np.int64)
        at[used] = np.arange(len(used))
        shared = tuple(runs[i] for i in used.tolist())
        return UsedRuns(at[run_of], [shared] * len(run_of), prints[:, used], none)
    out, own, too_many = np.zeros_like(run_of), [], none
    for row, indices in enumerate(run_of):
        used, at = np.unique(indices, return_inverse=True)
        if len(used) > RUNS_MAX:
            too_many[row], used, at = True, used[:1], np.zeros_like(indices)
        out[row] = at
        marks = prints[row].tolist()
        own.append(tuple(runs[i]._replace(fingerprint=marks[i]) for i in used.tolist()))
    return UsedRuns(out, own, None, too_many)
