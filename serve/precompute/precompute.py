"""Profiles × titles → artwork maps: what every page will show, decided before it is asked for.

Members come in blocks (`serve.precompute.member_block`). Blocks run in processes (two threads of
one process did half of what one thread does: they wait for the interpreter lock and for each
other's page faults) and are written in order: decisions to the log first, then maps, then how far
the run has come. A run that was interrupted goes on at the first block that is not marked; a block
done twice writes the same decision ids to the same file.
"""

import multiprocessing
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field

import pyarrow as pa

from data import clock
from data.log.open_log import RunLog
from data.problem import SHOWN
from serve.maps.store import MapStore, StoreUnavailableError
from serve.precompute.checkpoint import StoreLostError, begin, finish, note_done
from serve.precompute.member_block import Block, Job, Work

TRIES = 3
"""Times that a run is done, where the store loses its data meanwhile."""


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
    opted_out: int = 0
    resumed_at: int = 0
    seconds: float = 0.0
    pairs_per_second: float = 0.0
    skipped: int = 0
    """Members that could not be decided."""
    skipped_members: list[tuple[str, str]] = field(default_factory=list)
    """The first of them, and why."""
    artworks_left_out: int = 0
    """Their images cannot be had."""
    artworks_of_other_canvas: int = 0
    """They lack the canvas that the bundle reads, and are read as another of theirs."""
    refused: int = 0
    """Maps that the store did not take, since it has later ones."""
    followed: bool = True
    """Whether readers open pages in this run's catalogue: not where a later run has its own."""

    def skip(self, members: Sequence[tuple[str, str]]) -> None:
        """Count members who are left out, and keep the names of the first."""
        self.skipped += len(members)
        self.skipped_members += members[: SHOWN - len(self.skipped_members)]

    def add(self, done: Block, written: int) -> None:
        """Count a block."""
        self.written += written
        self.refused += len(done.maps) - written
        self.profiles += done.profiles
        self.unchanged += done.profiles - len(done.profile_ids) - len(done.skipped)
        self.decisions += done.decisions
        self.kept += done.kept
        self.artwork_changed += done.changed
        self.skip(done.skipped)


def precompute_maps(
    work: Work,
    facts: pa.Table,
    store: MapStore,
    log: RunLog | None = None,
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
    now: Callable[[], float] = clock.now,
) -> Report:
    """Decide and store the maps of many members.

    Args:
        work: what to decide and how.
        facts: `profile_id` and `facts`, one row a member.
        store: where maps go.
        log: where draws are logged; `work.logged` says that they are.
        workers: processes.
        progress: called with members done and members in all.
        now: seconds since 1970-01-01.
    """

    def blocks(job: Job, first: int) -> Iterator[Block]:
        return _blocks(job, facts, store, workers, first)

    return carry_out(blocks, work, facts, store, log, progress, now)


# What an engine differs in, and what every engine is given.
def carry_out(
    blocks: Callable[[Job, int], Iterator[Block]],
    work: Work,
    facts: pa.Table,
    store: MapStore,
    log: RunLog | None,
    progress: Callable[[int, int], None] | None,
    now: Callable[[], float],
) -> Report:
    """Log and store blocks as they come, and again from the start where the store lost its data.

    Args:
        blocks: decides, in order, all from a number on.
        work: as `precompute_maps`, as are the others.
        facts: as there.
        store: as there.
        log: as there.
        progress: as there.
        now: as there.

    Raises:
        StoreUnavailableError: the store loses its data again and again.
    """
    started, lost = time.perf_counter(), None
    for _ in range(TRIES):
        begun, job = begin(work, facts, store, now(), log, lost)
        report = Report(begun["version"], work.day, work.policy.bundle, resumed_at=begun["done"])
        try:
            for done in blocks(job, begun["done"]):
                report.add(done, _keep(done, store, log))
                note_done(begun, done.number, store)
                if progress is not None:
                    progress(min((done.number + 1) * work.block, len(facts)), len(facts))
            report.followed = finish(begun, work, store)
        except StoreLostError as error:
            print(f"{error}; all maps are made again", file=sys.stderr)
            lost = begun
            continue
        report.seconds = time.perf_counter() - started
        report.pairs_per_second = report.profiles * len(work.layout.artwork_ids) / report.seconds
        return report
    raise StoreUnavailableError("store_lost", f"the store lost its data {TRIES} times in this run")


def _keep(done: Block, store: MapStore, log: RunLog | None) -> int:
    """Log a block's draws, then store its maps: none is shown that is not logged.

    Returns:
        Maps that were written.
    """
    if done.run is not None:
        assert log is not None  # begin has seen to it
        log.write_run(*done.run)
    return store.put_many(done.profile_ids, done.maps)


def _blocks(
    job: Job, facts: pa.Table, store: MapStore, workers: int, first: int
) -> Iterator[Block]:
    """Blocks in order, a few in work at a time, so that memory stays that of a few blocks."""
    block = job.work.block
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
            waiting.append(pool.submit(_work, number, packed(table), old))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


_job: Job | None = None
"""What this worker process works on."""


def _start(job: Job) -> None:
    global _job
    _job = job


def _work(index: int, table: bytes, old: list[bytes | None]) -> Block:
    assert _job is not None
    return _job.block(index, pa.ipc.open_stream(table).read_all(), old)


def packed(table: pa.Table) -> bytes:
    """A table as it travels to other processes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
