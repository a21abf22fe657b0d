"""A block of members decided: features, one matrix product, votes, new draws where due, maps.

All of it arrays, and the same on every engine: `serve.precompute` runs blocks in processes of this
machine, `serve.precompute.spark` on executors. A draw that is still open goes on; whether it is
follows from the calendar and the catalogue, never from what was drawn (`docs/propensities.md`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int, Int8, UInt64

from bandit.choice import profile_keys
from bandit.draws import opening_salts, text_word
from bandit.rules.decide import Ruled
from data.log.precompute_runs import RunHeader, run_bytes
from data.log.ruled_draws import RuledDraws
from data.schema.page_facts import without_page_facts
from serve.maps.artwork_map import MapBeside, Run, bundle_tag, encode_maps
from serve.maps.beside.kind_table import KindTable
from serve.maps.layout import Layout
from serve.maps.run_info import CatalogueWords
from serve.precompute.beside_draws import BesideDraws, with_kinds_of_before
from serve.precompute.new_draws import Drawn, Due, new_draws
from serve.precompute.previous_draws import Before, openings, read_before, still_open, used_runs
from serve.precompute.row_parts import held_part, row_parts
from serve.precompute.work import Work
from serve.scoring.member_model import MemberFunctionals, described_members

__all__ = ["Block", "Job", "LoggedRun", "Work"]


class LoggedRun(NamedTuple):
    """A block's draws as a file of the log, which travels from where it was decided."""

    name: str
    body: bytes


class Block(NamedTuple):
    """A block's outcome, ready to be written."""

    number: int
    profile_ids: list[str]
    maps: list[bytes]
    run: LoggedRun | None  # decisions, to be logged before the maps are shown
    profiles: int
    decisions: int
    kept: int
    changed: int
    skipped: list[tuple[str, str]]
    """Members that the model has no decision for, and why."""


@dataclass(frozen=True)
class Job:
    """A run under way: its work, its place among runs, and what came before."""

    work: Work
    version: int
    time_us: int
    older: dict[bytes, Layout]
    again: bool = False  # whether the store's maps were made for this day, or a later one, before
    history: int = 0  # a hash of the runs that made the store's maps
    older_kinds: Mapping[bytes, KindTable] = field(default_factory=dict)

    @cached_property
    def words(self) -> CatalogueWords:
        """Hashes of today's catalogue."""
        return CatalogueWords.of(self.work.layout)

    @cached_property
    def salts(self) -> UInt64[np.ndarray, " openings"]:
        """Of this run's draws, by how they open."""
        work = self.work
        return opening_salts(work.policy.salt, work.day, self.version, self.history)

    @property
    def runs(self) -> list[Run]:
        """This run's entries in the maps by how draws open, without a profile's facts."""
        work = self.work
        nonce, days = work.info.nonce, work.epochs.days
        return [Run(work.day, salt, nonce, days) for salt in self.salts.tolist()]

    # One pass: each part follows from those before.
    def block(self, index: int, table: pa.Table, old: list[bytes | None]) -> Block:
        """Decide a block of members.

        Args:
            index: its place in the run.
            table: `profile_id` and `facts`.
            old: the members' present maps.
        """
        work, layout = self.work, self.work.layout
        facts = without_page_facts(table["facts"].combine_chunks(), work.page_facts)
        described, wrong = described_members(work.members, facts)
        everybody = table["profile_id"].combine_chunks()
        skipped = [(everybody[row].as_py(), why) for row, why in wrong.items()]
        good = pa.array([row not in wrong for row in range(len(table))], pa.bool_())
        members, facts = everybody.filter(good), facts.filter(good)
        old = [value for row, value in enumerate(old) if row not in wrong]
        if not len(members):
            return Block(index, [], [], None, 0, 0, 0, 0, skipped)
        names = members.to_pylist()
        keys = np.asarray(profile_keys(names), np.uint64)
        before, ruled = self._under_rules(read_before(old, layout, self.older), facts)
        kinds, tables = work.kinds, self.older_kinds
        before, had = with_kinds_of_before(before, old, layout, kinds, tables)
        beside = None
        if work.kinds is not None and had is not None:
            beside = BesideDraws(work.kinds, facts, had, work.epochs.keep, work.logged)
        open_now = before.same
        if not work.changed_only:
            open_now = still_open(before, keys, layout.title_words, work.day, work.epochs.days)
        opening = openings(before, work.day, self.again)
        runs = [*before.runs, *self.runs]
        run_of = np.where(open_now, before.run_of, len(before.runs) + opening)
        fresh = ~open_now
        due = Due(keys, before, fresh, opening, self.salts, ruled, beside)
        drawn, fingerprints = new_draws(work, self.words, described, due), described.fingerprints
        mine = np.repeat(fingerprints.astype(np.uint32)[:, None], len(self.runs), 1)
        used = used_runs(run_of, runs, np.c_[before.prints, mine])
        if used.too_many.any():
            # Members whose maps name too many runs, once more and from nothing.
            left = [None if gone else o for o, gone in zip(old, used.too_many, strict=True)]
            return self.block(index, table.filter(good), left)._replace(skipped=skipped)
        parts, others = self._rows(described, facts, ruled, old)
        moved = np.array([digest != layout.digest for digest in before.layouts], bool)
        at = np.flatnonzero(fresh.any(1) | moved | others)
        maps = encode_maps(
            layout.digest,
            layout.width,
            np.full(len(at), self.version, np.uint64),
            fingerprints[at],
            drawn.choices[at],
            used.run_of[at].astype(np.uint8),
            [used.runs[i] for i in at.tolist()],
            bundle_tag(work.policy.bundle),
            codes=drawn.codes[at],
            explicit=[sorted(drawn.explicit[i].items()) for i in at.tolist()],
            ruled=None if ruled is None else _ruled_slots(ruled.words[at]),
            prints=used.prints[at] if used.prints is not None else None,
            rows=None if work.rows is None else [parts[i] for i in at.tolist()],
            beside=None if beside is None else _beside(beside, at),
        )
        total, run, made = int(fresh.sum()), None, np.where(fresh, opening, -1)
        if drawn.log is not None and total:
            who = _Members(members, facts, fingerprints)
            run = self._log(index, who, made, drawn, ruled, beside)
        changed = fresh & (before.choices >= 0) & (drawn.choices != before.choices)
        counts = (len(names), total, int(open_now.sum()), int(changed.sum()))
        return Block(index, [names[i] for i in at.tolist()], maps, run, *counts, skipped)

    def _under_rules(self, before: Before, facts: pa.StructArray) -> tuple[Before, Ruled | None]:
        """What rules do to members' titles now, and which draws of before were made under that."""
        rules = self.work.ruled
        ruled = None if rules is None else rules.of_members(facts, self.time_us)
        words = np.uint64(0) if ruled is None else ruled.words
        # What rules do to a title is part of what its draw was made among.
        return before._replace(same=before.same & (before.ruled == words)), ruled

    def _rows(
        self,
        described: MemberFunctionals,
        facts: pa.StructArray,
        ruled: Ruled | None,
        old: list[bytes | None],
    ) -> tuple[list[bytes], Bool[np.ndarray, " members"]]:
        """What maps keep for rows, nothing of a run without; and where that is not what they do."""
        work, parts = self.work, [b""] * len(facts)
        if work.rows is not None:
            codes = None if ruled is None else ruled.codes > 0
            parts = row_parts(work.rows, work.bank, described, facts, codes)
        held = [held_part(value, work.layout) for value in old]
        return parts, np.array([a != b for a, b in zip(parts, held, strict=True)], bool)

    def _log(
        self,
        index: int,
        who: "_Members",
        made: Int8[np.ndarray, "members titles"],
        drawn: Drawn,
        ruled: Ruled | None,
        beside: BesideDraws | None,
    ) -> LoggedRun:
        """A block's draws as one file."""
        assert drawn.log is not None
        layout, rules = self.work.layout, self.work.rules
        effects = None
        if ruled is not None and self.work.ruled is not None:
            effects = RuledDraws.of(ruled.codes, made >= 0, self.work.ruled.book)
        header = RunHeader(
            time_us=self.time_us,
            day=self.work.day,
            rules=rules,
            layout=layout.digest.hex(),
            title_ids=layout.title_ids.tolist(),
            artwork_ids=layout.artwork_ids,
            starts=layout.starts.tolist(),
            chances=drawn.log.chances,
            salts=self.salts.tolist(),
            effects=None if effects is None else effects.effects,
            kinds=None if beside is None else beside.kinds.header,
        )
        ranks = drawn.choices - layout.starts[:-1]
        # By content: done again after some of its maps were written, a block has fewer draws, and
        # its file must not take the place of the one that has them all.
        content = text_word(crc32(made.tobytes()), crc32(np.where(made >= 0, ranks, -1).tobytes()))
        name = f"precompute-{self.version}-{index:06d}-{content:016x}.parquet"
        drawn_by = None if effects is None else effects.places
        body = run_bytes(
            header,
            *who,
            openings=made,
            ranks=ranks,
            codes=drawn.log.codes,
            effects=drawn_by,
            kinds=None if beside is None else beside.log,
        )
        return LoggedRun(name, body)


def _beside(draws: BesideDraws, at: Int[np.ndarray, " members"]) -> list[MapBeside]:
    """What maps of some of a block's members show beside their artwork."""
    digest = draws.kinds.table.digest
    return [MapBeside(digest, draws.codes[member]) for member in at.tolist()]


class _Members(NamedTuple):
    """Whom a block's draws are for."""

    profile_ids: pa.Array
    facts: pa.StructArray
    fingerprints: Int[np.ndarray, " members"]


def _ruled_slots(words: UInt64[np.ndarray, "members titles"]) -> list[list[tuple[int, int]]]:
    """Slot and word of each member's titles that rules change."""
    pairs: list[list[tuple[int, int]]] = [[] for _ in range(len(words))]
    rows, slots = np.nonzero(words)
    its = words[rows, slots].tolist()
    for row, slot, word in zip(rows.tolist(), slots.tolist(), its, strict=True):
        pairs[row].append((slot, word))
    return pairs
