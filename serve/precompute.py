"""Profiles × titles → artwork maps: what every page will show, decided before it is asked for.

Members come in blocks. A block is features, one matrix product, votes, choices, the sticky rule
and encoding, all arrays; blocks run in processes (two threads of one process did half of what
one thread does: they wait for the interpreter lock and for each other's page faults) and are
written in order: decisions to the log first, then maps, then how far the run has come.
A run that was interrupted goes on at the first block that is not marked; a block done twice
writes the same decision ids to the same file.
"""

import hashlib
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from bandit.choice import decision_ids, decision_seeds, profile_keys
from serve.artwork_map import Run, bundle_tag, encode_maps
from serve.decide import Bank, Workspace, decide
from serve.decision_rows import candidate_lists, decision_rows, without_page
from serve.layout import Layout
from serve.sticky import Before, Sticky, compact_runs, keeps, read_before
from serve.store import MapStore

TILE = 32
"""Members decided at once: 16 heads × 1,800 artworks × 4 bytes each, which stay in cache."""


class Policy(NamedTuple):
    """What the bundle says about deciding."""

    bundle: str
    epsilon: float
    salt: int
    name: str = "thompson"


class Facts(NamedTuple):
    """A block's facts as the model sees them."""

    functionals: Float[np.ndarray, "members heads dimension"]
    fingerprints: Int[np.ndarray, " members"]  # of the features: equal facts, equal number


@dataclass
class Report:
    """What a run did."""

    version: int = 0
    day: int = 0
    bundle: str = ""
    profiles: int = 0
    written: int = 0
    unchanged: int = 0
    decisions: int = 0
    kept: int = 0
    artwork_changed: int = 0
    resumed_at: int = 0
    seconds: float = 0.0
    pairs_per_second: float = 0.0


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
    """Everything that a block needs, the same on every engine."""

    layout: Layout
    bank: Bank
    policy: Policy
    describe: Callable[[pa.StructArray], Facts]
    day: int
    version: int
    sticky: Sticky
    older: dict[bytes, Layout]
    changed_only: bool
    log: Path | None
    probabilities: bool
    time_us: int

    @property
    def run(self) -> Run:
        """This run's entry in the maps."""
        name = f"{self.policy.bundle}/{self.version}".encode()
        nonce = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")
        return Run(self.day, self.policy.salt, nonce)

    def block(self, index: int, table: pa.Table, old: list[bytes | None]) -> Block:
        """Decide a block of members.

        Args:
            index: its place in the run.
            table: `profile_id` and `facts`.
            old: the members' present maps.
        """
        members = table["profile_id"].combine_chunks()
        facts = without_page(table["facts"].combine_chunks())
        names = members.to_pylist()
        keys = np.asarray(profile_keys(names), np.uint64)
        described = self.describe(facts)
        before = read_before(old, self.layout, self.older)
        choices = before.choices.copy()
        runs = [*before.runs, self.run]
        run_of = np.where(choices >= 0, before.run_of, 0)
        fresh = np.zeros(choices.shape, bool)
        rows: list[pa.Table] = []
        lists = candidate_lists(self.layout)
        kept = 0
        room = Workspace()
        parts = self._parts(before, described.fingerprints)
        for who, slots, bank in parts:
            for start in range(0, len(who), TILE):
                tile = who[start : start + TILE]
                seeds = self._seeds(keys[tile], slots)
                decided = decide(
                    described.functionals[tile], bank, seeds, self.policy.epsilon, room
                )
                here = np.ix_(tile, slots)
                was = before._replace(choices=before.choices[here], run_of=before.run_of[here])
                stay = keeps(self.sticky, was, self.day, bank.starts, *decided)
                kept += int(stay.sum())
                choices[here] = np.where(stay, was.choices, bank.starts + decided.choice)
                run_of[here] = np.where(stay, was.run_of, len(runs) - 1)
                fresh[here] = ~stay
                if self.log is not None:
                    rows.append(
                        self._rows(~stay, tile, slots, keys, seeds, decided, members, facts, lists)
                    )
        changed = int((fresh & (before.choices >= 0) & (choices != before.choices)).sum())
        run_of, used, too_many = compact_runs(run_of, runs, len(runs) - 1)
        if too_many.any():
            return self._without_old(index, table, old, too_many)
        tag = bundle_tag(self.policy.bundle)
        same = zip(before.layouts, before.tags, before.facts == described.fingerprints, strict=True)
        as_was = np.array([(a, b, c) == (self.layout.digest, tag, True) for a, b, c in same], bool)
        at = np.flatnonzero(fresh.any(1) | ~as_was)
        maps = encode_maps(
            self.layout.digest,
            self.layout.width,
            np.full(len(at), self.version, np.uint64),
            described.fingerprints[at],
            choices[at],
            run_of[at].astype(np.uint8),
            [used[i] for i in at.tolist()],
            tag,
        )
        written = [names[i] for i in at.tolist()]
        total = int(fresh.sum())
        part = self._write_rows(index, rows)
        return Block(index, written, maps, part, len(names), total, kept, changed)

    def _parts(
        self, before: Before, fingerprints: Int[np.ndarray, " members"]
    ) -> list[tuple[np.ndarray, np.ndarray, Bank]]:
        """Members, the slots to decide for them, and the bank of those slots."""
        slots = np.arange(len(self.layout.title_ids))
        if not self.changed_only:
            return [(np.arange(len(fingerprints)), slots, self.bank)]
        tag = bundle_tag(self.policy.bundle)
        groups: dict[bytes, list[int]] = {}
        for row, (digest, was, facts) in enumerate(
            zip(before.layouts, before.tags, before.facts == fingerprints, strict=True)
        ):
            groups.setdefault(digest if facts and was == tag else b"", []).append(row)
        parts = []
        for digest, rows in groups.items():
            if digest == self.layout.digest:
                continue
            some = self._changed_slots(self.older[digest]) if digest else slots
            if len(some):
                bank = self.bank if len(some) == len(slots) else self.bank.take(some)
                parts.append((np.array(rows), some, bank))
        return parts

    def _changed_slots(self, then: Layout) -> Int[np.ndarray, " some"]:
        """Titles that are new, or whose candidates changed, since an older layout."""
        slot = {int(title): at for at, title in enumerate(then.title_ids)}
        return np.array(
            [
                at
                for at, title in enumerate(self.layout.title_ids.tolist())
                if title not in slot or then.candidates(slot[title]) != self.layout.candidates(at)
            ],
            np.int64,
        )

    def _write_rows(self, index: int, rows: list[pa.Table]) -> Path | None:
        """A block's decisions as one Parquet file beside its later name."""
        if self.log is None or not any(len(table) for table in rows):
            return None
        # The folder of the day it was decided on, as `data.log` files records.
        decided = np.datetime64(self.time_us, "us").astype("datetime64[D]")
        folder = self.log / "decisions" / f"day={decided}"
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"precompute-{self.version}-{index:06d}.parquet.part"
        with pq.ParquetWriter(part, rows[0].schema, compression="zstd") as writer:
            for table in rows:
                writer.write_table(table)
        return part

    def _without_old(
        self, index: int, table: pa.Table, old: list[bytes | None], drop: np.ndarray
    ) -> Block:
        """The block once more, members whose maps name too many runs decided from nothing."""
        left = [None if gone else value for value, gone in zip(old, drop.tolist(), strict=True)]
        return self.block(index, table, left)

    def _seeds(self, keys: np.ndarray, slots: np.ndarray) -> np.ndarray:
        titles = np.tile(self.layout.title_ids[slots].astype(np.int64), len(keys))
        seeds = decision_seeds(np.repeat(keys, len(slots)), titles, self.day, self.policy.salt)
        return np.asarray(seeds).reshape(len(keys), len(slots))

    def _rows(
        self,
        new: np.ndarray,
        tile: np.ndarray,
        slots: np.ndarray,
        keys: np.ndarray,
        seeds: np.ndarray,
        decided: tuple[np.ndarray, ...],
        members: pa.Array,
        facts: pa.StructArray,
        lists: pa.ListArray,
    ) -> pa.Table:
        row, column = np.nonzero(new)
        choice, propensity, probabilities = decided
        titles = self.layout.title_ids[slots[column]].astype(np.int64)
        picked = seeds[row, column]
        mixed = picked ^ np.uint64(self.run.nonce)
        return decision_rows(
            ids=decision_ids(mixed, keys[tile[row]], titles, self.day),
            time_us=self.time_us,
            profile_ids=members,
            facts=facts,
            layout=self.layout,
            lists=lists,
            members=tile[row],
            slots=slots[column],
            choice=choice[row, column],
            propensity=propensity[row, column],
            probabilities=probabilities[row, :, column] if self.probabilities else None,
            seeds=picked,
            policy=self.policy.name,
            bundle=self.policy.bundle,
        )


def precompute_maps(
    describe: Callable[[pa.StructArray], Facts],
    bank: Bank,
    layout: Layout,
    policy: Policy,
    facts: pa.Table,
    store: MapStore,
    log: Path | None,
    day: int,
    *,
    sticky: Sticky | None = None,
    changed_only: bool = False,
    block: int = 1024,
    workers: int = 2,
    probabilities: bool = True,
    progress: Callable[[int, int], None] | None = None,
    now: Callable[[], float] = time.time,
) -> Report:
    """Decide and store the maps of many members.

    Args:
        describe: facts → functionals of every head, and fingerprints.
        bank: candidate vectors in the layout's order.
        layout: today's titles and artworks.
        policy: the bundle's.
        facts: `profile_id` and `facts`, one row a member.
        store: where maps go.
        log: folder of the logs; None writes none.
        day: days since 1970-01-01.
        sticky: when an artwork may change.
        changed_only: redo only what changed since the last run: facts, candidates, bundle.
        block: members a block.
        workers: processes; with more than one, `describe` must be picklable.
        probabilities: log the whole probability vector, not the propensity alone.
        progress: called with members done and members in all.
        now: seconds since 1970-01-01.
    """
    started = time.perf_counter()
    begun, job = begin(
        describe,
        bank,
        layout,
        policy,
        facts,
        store,
        log,
        day,
        sticky=sticky,
        changed_only=changed_only,
        block=block,
        probabilities=probabilities,
        now=now,
    )
    report = Report(begun["version"], day, policy.bundle, resumed_at=begun["done"])
    for done in _blocks(job, facts, store, block, workers, begun["done"]):
        if done.part is not None:
            done.part.replace(done.part.with_suffix(""))
        add(report, done, store.put_many(done.profile_ids, done.maps))
        begun["done"] = done.number + 1
        store.put_shared("run", orjson.dumps(begun))
        if progress is not None:
            progress(min((done.number + 1) * block, len(facts)), len(facts))
    finish(report, begun, layout, store, started)
    return report


def begin(
    describe: Callable[[pa.StructArray], Facts],
    bank: Bank,
    layout: Layout,
    policy: Policy,
    facts: pa.Table,
    store: MapStore,
    log: Path | None,
    day: int,
    *,
    sticky: Sticky | None,
    changed_only: bool,
    block: int,
    probabilities: bool = True,
    now: Callable[[], float] = time.time,
) -> tuple[dict, Job]:
    """The record of a run, new or resumed, and what its blocks need."""
    last = orjson.loads(store.get_shared("run") or b"{}")
    begun = _begin(last, layout, policy, facts, day, block, now())
    job = Job(
        layout=layout,
        bank=bank,
        policy=policy,
        describe=describe,
        day=day,
        version=begun["version"],
        sticky=sticky or Sticky(),
        older=_older_layouts(store, last, layout),
        changed_only=changed_only,
        log=log,
        probabilities=probabilities,
        time_us=begun["time_us"],
    )
    store.put_shared(f"layout:{layout.digest.hex()}", layout.to_bytes())
    store.put_shared("run", orjson.dumps(begun))
    return begun, job


def add(report: Report, done: Block, written: int) -> None:
    """Count a block."""
    report.written += written
    report.profiles += done.profiles
    report.unchanged += done.profiles - len(done.profile_ids)
    report.decisions += done.decisions
    report.kept += done.kept
    report.artwork_changed += done.changed


def finish(report: Report, begun: dict, layout: Layout, store: MapStore, started: float) -> None:
    """Point readers at the layout and mark the run whole."""
    store.put_shared("layout", layout.digest)
    store.put_shared("run", orjson.dumps(begun | {"complete": True}))
    report.seconds = time.perf_counter() - started
    report.pairs_per_second = report.profiles * len(layout.artwork_ids) / report.seconds


def _blocks(
    job: Job, facts: pa.Table, store: MapStore, block: int, workers: int, first: int
) -> Iterator[Block]:
    """Blocks in order, a few in work at a time, so that memory stays that of a few blocks."""
    todo = range(first, -(-len(facts) // block))

    def given(index: int) -> tuple[int, pa.Table, list[bytes | None]]:
        table = facts.slice(index * block, block)
        return index, table, store.get_many(table["profile_id"].to_pylist())

    if workers <= 1 or len(todo) <= 1:
        for index in todo:
            yield job.block(*given(index))
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a core a process, read when it starts
    waiting: deque[Future[Block]] = deque()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start, initargs=(job,)) as pool:
        for index in todo:
            number, table, old = given(index)
            waiting.append(pool.submit(_work, number, _packed(table), old))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begin(
    last: dict, layout: Layout, policy: Policy, facts: pa.Table, day: int, block: int, now: float
) -> dict:
    """The record of this run: the last one's where that was interrupted and is the same work."""
    names = facts["profile_id"].combine_chunks()
    digest = crc32(b"".join(b or b"" for b in names.buffers()[1:] if b is not None))
    same = {
        "day": day,
        "bundle": policy.bundle,
        "layout": layout.digest.hex(),
        "profiles": [len(facts), digest],
        "block": block,
    }
    unfinished = last and not last.get("complete") and all(last.get(k) == same[k] for k in same)
    if unfinished:
        return last
    version = max(int(now * 1000), last.get("version", 0) + 1)
    return {
        **same,
        "version": version,
        "time_us": int(now * 1e6),
        "done": 0,
        "complete": False,
        "layouts": list(dict.fromkeys([*last.get("layouts", []), layout.digest.hex()]))[-8:],
    }


def _older_layouts(store: MapStore, last: dict, layout: Layout) -> dict[bytes, Layout]:
    """Layouts that maps in the store may still be written in."""
    found = {}
    for name in last.get("layouts", []):
        raw = store.get_shared(f"layout:{name}")
        if raw is not None and name != layout.digest.hex():
            found[bytes.fromhex(name)] = Layout.from_bytes(raw)
    return found


_job: Job | None = None
"""What this worker process works on."""


def _start(job: Job) -> None:
    global _job
    _job = job


def _work(index: int, table: bytes, old: list[bytes | None]) -> Block:
    assert _job is not None
    return _job.block(index, pa.ipc.open_stream(table).read_all(), old)


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def as_json(report: Report) -> dict:
    """A report as one flat JSON object."""
    return asdict(report)
