"""A block of members decided: features, one matrix product, votes, choices, the sticky rule, maps.

All of it arrays, and the same on every engine: `serve.precompute` runs blocks in processes of this
machine, `serve.precompute.spark` on executors.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from bandit.choice import decision_seeds, profile_keys
from bandit.thompson_batch import Workspace
from data.log.precompute_runs import FOLDER, RunHeader, write_run
from data.page_facts import without_page_facts
from serve.maps.artwork_map import Run, bundle_tag, encode_maps
from serve.maps.layout import Layout
from serve.precompute.probability_codebook import Codes
from serve.precompute.sticky import Before, Sticky, compact_runs, keeps, read_before
from serve.scoring.candidate_bank import Bank, decide_members
from serve.scoring.member_model import MemberModel
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
    log: Path | None = None
    """Folder of the logs; None writes none."""
    sticky: Sticky = field(default_factory=Sticky)
    """When an artwork may change."""
    changed_only: bool = False
    """Redo only what changed since the last run: facts, candidates, bundle."""
    block: int = 1024
    """Members decided and written together."""


class Block(NamedTuple):
    """A block's outcome, ready to be written."""

    number: int
    profile_ids: list[str]
    maps: list[bytes]
    part: Path | None  # decisions, under a name that no reader opens yet
    profiles: int
    decisions: int
    kept: int
    changed: int


@dataclass(frozen=True)
class Job:
    """A run under way: its work, its place among runs, and what came before."""

    work: Work
    version: int
    time_us: int
    older: dict[bytes, Layout]

    @property
    def run(self) -> Run:
        """This run's entry in the maps."""
        name = f"{self.work.policy.bundle}/{self.version}".encode()
        nonce = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")
        return Run(self.work.day, self.work.policy.salt, nonce)

    def block(self, index: int, table: pa.Table, old: list[bytes | None]) -> Block:
        """Decide a block of members.

        Args:
            index: its place in the run.
            table: `profile_id` and `facts`.
            old: the members' present maps.
        """
        work, layout = self.work, self.work.layout
        members = table["profile_id"].combine_chunks()
        facts = without_page_facts(table["facts"].combine_chunks())
        names = members.to_pylist()
        keys = np.asarray(profile_keys(names), np.uint64)
        described = work.members.functionals_of(facts)
        before = read_before(old, layout, self.older)
        choices = before.choices.copy()
        runs = [*before.runs, self.run]
        run_of = np.where(choices >= 0, before.run_of, 0)
        fresh = np.zeros(choices.shape, bool)
        heads = described.functionals.shape[1]
        codes = Codes(layout, heads, work.policy.head_policy, len(names)) if work.log else None
        kept = 0
        room = Workspace()
        for who, slots, bank in self._parts(before, described.fingerprints):
            for start in range(0, len(who), TILE):
                tile = who[start : start + TILE]
                seeds = self._seeds(keys[tile], slots)
                decided = decide_members(
                    described.functionals[tile], bank, seeds, work.policy.head_policy, room
                )
                here = np.ix_(tile, slots)
                was = before._replace(choices=before.choices[here], run_of=before.run_of[here])
                stay = keeps(work.sticky, was, work.day, bank.starts, *decided[:3])
                kept += int(stay.sum())
                choices[here] = np.where(stay, was.choices, bank.starts + decided.choice)
                run_of[here] = np.where(stay, was.run_of, len(runs) - 1)
                fresh[here] = ~stay
                if codes is not None:
                    codes.put(tile, slots, decided)
        changed = int((fresh & (before.choices >= 0) & (choices != before.choices)).sum())
        run_of, used, too_many = compact_runs(run_of, runs, len(runs) - 1)
        if too_many.any():
            # Members whose maps name too many runs, once more and from nothing.
            left = [
                None if gone else value for value, gone in zip(old, too_many.tolist(), strict=True)
            ]
            return self.block(index, table, left)
        tag = bundle_tag(work.policy.bundle)
        same = zip(before.layouts, before.tags, before.facts == described.fingerprints, strict=True)
        as_was = np.array([(a, b, c) == (layout.digest, tag, True) for a, b, c in same], bool)
        at = np.flatnonzero(fresh.any(1) | ~as_was)
        maps = encode_maps(
            layout.digest,
            layout.width,
            np.full(len(at), self.version, np.uint64),
            described.fingerprints[at],
            choices[at],
            run_of[at].astype(np.uint8),
            [used[i] for i in at.tolist()],
            tag,
        )
        written = [names[i] for i in at.tolist()]
        total = int(fresh.sum())
        part = None
        if codes is not None and total:
            part = self._log(index, members, facts, fresh, choices, codes)
        return Block(index, written, maps, part, len(names), total, kept, changed)

    def _parts(
        self, before: Before, fingerprints: Int[np.ndarray, " members"]
    ) -> list[tuple[np.ndarray, np.ndarray, Bank]]:
        """Members, the slots to decide for them, and the bank of those slots."""
        work, layout = self.work, self.work.layout
        slots = np.arange(len(layout.title_ids))
        if not work.changed_only:
            return [(np.arange(len(fingerprints)), slots, work.bank)]
        tag = bundle_tag(work.policy.bundle)
        groups: dict[bytes, list[int]] = {}
        for row, (digest, was, facts) in enumerate(
            zip(before.layouts, before.tags, before.facts == fingerprints, strict=True)
        ):
            groups.setdefault(digest if facts and was == tag else b"", []).append(row)
        parts = []
        for digest, rows in groups.items():
            if digest == layout.digest:
                continue
            some = self._changed_slots(self.older[digest]) if digest else slots
            if len(some):
                bank = work.bank if len(some) == len(slots) else work.bank.take(some)
                parts.append((np.array(rows), some, bank))
        return parts

    def _changed_slots(self, then: Layout) -> Int[np.ndarray, " some"]:
        """Titles that are new, or whose candidates changed, since an older layout."""
        layout = self.work.layout
        slot = {int(title): at for at, title in enumerate(then.title_ids)}
        return np.array(
            [
                at
                for at, title in enumerate(layout.title_ids.tolist())
                if title not in slot or then.candidates(slot[title]) != layout.candidates(at)
            ],
            np.int64,
        )

    def _seeds(self, keys: np.ndarray, slots: np.ndarray) -> np.ndarray:
        titles = self.work.layout.title_ids[slots].astype(np.int64)
        return decision_seeds(keys[:, None], titles, self.work.day, self.work.policy.salt)

    def _log(
        self,
        index: int,
        members: pa.Array,
        facts: pa.StructArray,
        fresh: np.ndarray,
        choices: np.ndarray,
        codes: Codes,
    ) -> Path:
        """A block's decisions as one file beside its later name."""
        assert self.work.log is not None
        layout, policy = self.work.layout, self.work.policy
        header = RunHeader(
            time_us=self.time_us,
            day=self.work.day,
            salt=policy.salt,
            nonce=self.run.nonce,
            policy=policy.head_policy.kind,
            bundle=policy.bundle,
            title_ids=layout.title_ids.tolist(),
            artwork_ids=layout.artwork_ids,
            starts=layout.starts.tolist(),
            chances=codes.chances,
        )
        part = self.work.log / FOLDER / f"precompute-{self.version}-{index:06d}.parquet.part"
        write_run(part, header, members, facts, fresh, choices - layout.starts[:-1], codes.codes)
        return part
