"""A block of members decided: features, one matrix product, votes, new draws where due, maps.

All of it arrays, and the same on every engine: `serve.precompute` runs blocks in processes of this
machine, `serve.precompute.spark` on executors. A draw that is still open goes on; whether it is
follows from the calendar and the catalogue, never from what was drawn (`docs/propensities.md`).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int, Int8, UInt8, UInt64

from bandit.choice import profile_keys
from bandit.draws import (
    DrawRules,
    Epochs,
    context_words,
    draw_seeds,
    epoch_numbers,
    opening_salts,
    text_word,
)
from bandit.thompson_batch import Workspace
from data.log.precompute_runs import RunHeader, run_bytes
from data.schema.page_facts import without_page_facts
from serve.maps.artwork_map import UNKNOWN_CODE, Run, bundle_tag, encode_maps
from serve.maps.layout import Layout
from serve.maps.run_info import CatalogueWords, RunInfo, propensity_codes
from serve.precompute.previous_draws import (
    Before,
    openings,
    read_before,
    still_open,
    used_runs,
)
from serve.precompute.probability_codebook import Codes
from serve.scoring.candidate_bank import Bank, decide_members
from serve.scoring.member_model import MemberFunctionals, MemberModel, described_members
from serve.scoring.served_policy import ServedPolicy

TILE = 32
"""Members decided at once: 16 heads × 1,800 artworks × 4 bytes each, which stay in cache."""


@dataclass(frozen=True)
class Work:
    """What a run decides and by which rules; the same for every engine."""

    members: MemberModel
    """Facts → functionals of every head, and fingerprints."""
    bank: Bank
    """Candidate vectors in the layout's order."""
    layout: Layout
    """Today's titles and artworks."""
    policy: ServedPolicy
    """The bundle's."""
    day: int
    """Days since 1970-01-01."""
    logged: bool = False
    """Whether draws are logged."""
    heads: int = 16
    """Of the bundle."""
    epochs: Epochs = field(default_factory=Epochs)
    """How long draws last."""
    changed_only: bool = False
    """Draw only where there is no draw; epochs that have ended wait for a full run."""
    block: int = 1024
    """Members decided and written together."""
    best: Int[np.ndarray, " titles"] | None = None
    """Ordinals of what members without a map are shown; None: nothing is said of them."""

    @property
    def rules(self) -> DrawRules:
        """What the run's draws have in common."""
        return self.policy.draw_rules(self.heads, self.epochs)

    @property
    def info(self) -> RunInfo:
        """The same, with whether they are logged."""
        return RunInfo(self.rules, self.logged)

    page_facts: tuple[str, ...] = ()
    """Declared facts that only a page knows."""


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
        before = read_before(old, layout, self.older)
        open_now = before.same
        if not work.changed_only:
            titles = layout.title_words
            open_now = still_open(before, keys, titles, work.day, work.epochs.days)
        opening = openings(before, work.day, self.again)
        runs = [*before.runs, *self.runs]
        run_of = np.where(open_now, before.run_of, len(before.runs) + opening)
        drawn = self._draw(described, keys, before, ~open_now, opening)
        mine = described.fingerprints.astype(np.uint32)
        prints = np.c_[before.prints, np.repeat(mine[:, None], len(self.runs), 1)]
        used = used_runs(run_of, runs, prints)
        if used.too_many.any():
            # Members whose maps name too many runs, once more and from nothing.
            left = [None if gone else o for o, gone in zip(old, used.too_many, strict=True)]
            return self.block(index, table.filter(good), left)._replace(skipped=skipped)
        fresh = ~open_now
        at = np.flatnonzero(
            fresh.any(1) | np.array([digest != layout.digest for digest in before.layouts], bool)
        )
        maps = encode_maps(
            layout.digest,
            layout.width,
            np.full(len(at), self.version, np.uint64),
            described.fingerprints[at],
            drawn.choices[at],
            used.run_of[at].astype(np.uint8),
            [used.runs[i] for i in at.tolist()],
            bundle_tag(work.policy.bundle),
            codes=drawn.codes[at],
            explicit=[sorted(drawn.explicit[i].items()) for i in at.tolist()],
            prints=used.prints[at] if used.prints is not None else None,
        )
        total, run = int(fresh.sum()), None
        if drawn.log is not None and total:
            made = np.where(fresh, opening, -1)
            run = self._log(index, members, facts, described.fingerprints, made, drawn)
        changed = fresh & (before.choices >= 0) & (drawn.choices != before.choices)
        counts = (len(names), total, int(open_now.sum()), int(changed.sum()))
        return Block(index, [names[i] for i in at.tolist()], maps, run, *counts, skipped)

    def _draw(
        self,
        described: MemberFunctionals,
        keys: UInt64[np.ndarray, " members"],
        before: Before,
        due: Bool[np.ndarray, "members titles"],
        opening: Int8[np.ndarray, "members titles"],
    ) -> "Drawn":
        """What members are shown: new draws where they are due, what was drawn before elsewhere."""
        work, bank = self.work, self.work.bank
        rules, words = work.rules, self.words
        slots = np.arange(len(words.titles))
        drawn = Drawn(
            before.choices.copy(),
            before.codes.copy(),
            [dict(explicit) for explicit in before.explicit],
            Codes(work.layout, rules, len(keys)) if work.logged else None,
        )
        room = Workspace()
        rows = np.flatnonzero(due.any(1))
        for start in range(0, len(rows), TILE):
            tile = rows[start : start + TILE]
            key = keys[tile][:, None]
            mine = described.at(tile)
            context = context_words(mine.fingerprints[:, None], words.candidates, rules.word)
            epochs = epoch_numbers(key, words.titles, work.day, work.epochs.days)
            salts = self.salts[opening[tile]]
            seeds = draw_seeds(key, words.titles, epochs, context, salts)
            had = np.where(before.choices[tile] >= 0, before.choices[tile] - words.starts, -1)
            if described.functionals.shape[1] != work.heads:
                raise ValueError(
                    f"bundle {rules.bundle} has {described.functionals.shape[1]} heads, its "
                    f"manifest says {work.heads}"
                )
            decided = decide_members(
                mine.functionals,
                bank,
                seeds,
                work.policy.head_policy,
                room,
                had,
                work.epochs.keep,
                mine.names,
            )
            new = due[tile]
            drawn.choices[tile] = np.where(new, words.starts + decided.choice, before.choices[tile])
            won = np.take_along_axis(decided.votes.won, decided.choice[:, None], 1)[:, 0]
            codes = propensity_codes(rules, won, had >= 0, had == decided.choice)
            for member, title in decided.votes.tied.tolist():
                codes[member, title] = UNKNOWN_CODE
            drawn.codes[tile] = np.where(new, codes, before.codes[tile])
            for row, member in enumerate(tile.tolist()):
                for title in [at for at in drawn.explicit[member] if new[row, at]]:
                    del drawn.explicit[member][title]
            for row, title in np.argwhere(new & (codes == UNKNOWN_CODE)).tolist():
                drawn.explicit[tile[row]][title] = float(decided.propensity[row, title])
            if drawn.log is not None:
                drawn.log.put(tile, slots, decided, had)
        return drawn

    def _log(
        self,
        index: int,
        members: pa.Array,
        facts: pa.StructArray,
        fingerprints: Int[np.ndarray, " members"],
        made: Int8[np.ndarray, "members titles"],
        drawn: "Drawn",
    ) -> LoggedRun:
        """A block's draws as one file."""
        assert drawn.log is not None
        layout, rules = self.work.layout, self.work.rules
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
        )
        ranks = drawn.choices - layout.starts[:-1]
        # By content: done again after some of its maps were written, a block has fewer draws, and
        # its file must not take the place of the one that has them all.
        content = text_word(crc32(made.tobytes()), crc32(np.where(made >= 0, ranks, -1).tobytes()))
        name = f"precompute-{self.version}-{index:06d}-{content:016x}.parquet"
        body = run_bytes(header, members, facts, fingerprints, made, ranks, drawn.log.codes)
        return LoggedRun(name, body)


class Drawn(NamedTuple):
    """What a block's members are shown, and how likely that was."""

    choices: Int[np.ndarray, "members titles"]  # ordinals
    codes: UInt8[np.ndarray, "members titles"]  # of the propensities
    explicit: list[dict[int, float]]  # those that no code stands for, by slot
    log: Codes | None  # of all candidates' probabilities; None: nothing is logged
