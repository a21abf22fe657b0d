"""Precompute on Spark: the same blocks, a task each.

Executors decide; the driver writes decisions and maps, so that executors share no folder with it
and an embedded store works too: code, the bundle and members' facts travel to them as bytes. Blocks
come back in order; their maps are those of the local engine.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from data import clock
from data.log.open_log import RunLog
from data.spark.session import open_spark, refused
from serve.maps.store import MapStore
from serve.precompute.member_block import Block, Job, Work
from serve.precompute.precompute import Report, carry_out, packed
from serve.scoring.travelling_members import travelling

if TYPE_CHECKING:  # Spark's package is optional
    from pyspark import SparkContext

MOST_AT_ONCE = 64
"""Blocks of one Spark job: their results, MBs each, must fit in `spark.driver.maxResultSize`."""


def precompute_spark(
    work: Work,
    facts: pa.Table,
    store: MapStore,
    log: RunLog | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
    now: Callable[[], float] = clock.now,
    master: str | None = None,
) -> Report:
    """`serve.precompute.precompute_maps` on a Spark session.

    Args:
        work: as there.
        facts: as there.
        store: read and written by the driver.
        log: written by the driver, so that executors need see nothing of it.
        progress: as there.
        now: as there.
        master: URL, see `data.spark.session.open_spark`.

    Raises:
        BadInput: Spark cannot be had, or its executors cannot do the work.
    """
    opened = open_spark("marquee precompute", master)
    members = travelling(work.members)

    def blocks(job: Job, first: int) -> Iterator[Block]:
        sent = replace(job, work=replace(job.work, members=members))
        with refused("decide"):
            yield from _blocks(opened.session.sparkContext, sent, facts, store, first)

    try:
        return carry_out(blocks, work, facts, store, log, progress, now)
    finally:
        opened.close()


class _Given(NamedTuple):
    """What a block is decided from, as it travels."""

    number: int
    facts: bytes
    old: list[bytes | None]


def _blocks(
    context: "SparkContext", job: Job, facts: pa.Table, store: MapStore, first: int
) -> Iterator[Block]:
    """Blocks in order, of two Spark jobs at a time.

    The second keeps executors busy while the first's last blocks are decided and written; the
    driver's memory is that of two jobs' blocks.
    """
    block = job.work.block
    sent = context.broadcast(job)

    def given(number: int) -> _Given:
        part = facts.slice(number * block, block)
        return _Given(number, packed(part), store.get_many(part["profile_id"].to_pylist()))

    def decide(given: _Given) -> Block:
        table = pa.ipc.open_stream(given.facts).read_all()
        return sent.value.block(given.number, table, given.old)

    def decided(some: list[_Given]) -> list[Block]:
        return context.parallelize(some, len(some)).map(decide).collect()

    todo = range(first, -(-len(facts) // block))
    at_once = max(1, min(context.defaultParallelism, MOST_AT_ONCE))
    earlier: Future[list[Block]] | None = None
    try:
        with ThreadPoolExecutor(2) as jobs:
            for start in range(0, len(todo), at_once):
                later = jobs.submit(decided, [given(number) for number in todo[start:][:at_once]])
                if earlier is not None:
                    yield from earlier.result()
                earlier = later
            if earlier is not None:
                yield from earlier.result()
    finally:
        sent.destroy()
