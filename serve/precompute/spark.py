"""Precompute on Spark: the same blocks, spread by `mapInArrow`.

Executors decide; the driver writes decisions and maps, so that executors share no folder with it
and an embedded store works too: code, the bundle and members' facts travel to them as bytes. Blocks
come back in order; their maps are those of the local engine.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from data import clock
from data.log.open_log import RunLog
from data.spark.session import open_spark, refused
from serve.maps.store import MapStore
from serve.precompute.member_block import Block, Job, LoggedRun, Work
from serve.precompute.precompute import Report, carry_out, packed
from serve.scoring.travelling_members import travelling

if TYPE_CHECKING:  # Spark's package is optional
    from pyspark.sql import DataFrame, SparkSession

_OUT = (
    "block int, profile_ids array<string>, maps array<binary>, profiles int, decisions long, "
    "kept long, changed long, name string, body binary, skipped array<array<string>>"
)
_SCHEMA = pa.schema(
    [
        ("block", pa.int32()),
        ("profile_ids", pa.list_(pa.string())),
        ("maps", pa.list_(pa.binary())),
        ("profiles", pa.int32()),
        ("decisions", pa.int64()),
        ("kept", pa.int64()),
        ("changed", pa.int64()),
        ("name", pa.string()),
        ("body", pa.binary()),
        ("skipped", pa.list_(pa.list_(pa.string()))),
    ]
)


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

    @refused("decide")
    def blocks(job: Job, first: int) -> Iterator[Block]:
        frame = _shipped(opened.session, first, facts, store, work.block)
        yield from _blocks(frame, replace(job, work=replace(job.work, members=members)))

    try:
        return carry_out(blocks, work, facts, store, log, progress, now)
    finally:
        opened.close()


def _shipped(
    session: "SparkSession", first: int, facts: pa.Table, store: MapStore, block: int
) -> "DataFrame":
    """Blocks of members with their present maps, in order: how far a run has come is one number."""
    starts = range(first * block, len(facts), block)
    parts = [facts.slice(start, block) for start in starts]
    table = pa.table(
        {
            "block": pa.array([start // block for start in starts], pa.int32()),
            "table": pa.array([packed(part) for part in parts], pa.binary()),
            "old": pa.array(
                [store.get_many(part["profile_id"].to_pylist()) for part in parts],
                pa.list_(pa.binary()),
            ),
        }
    )
    frame = session.createDataFrame(table).repartitionByRange(max(1, min(len(parts), 64)), "block")
    return frame.sortWithinPartitions("block")


def _blocks(frame: "DataFrame", job: Job) -> Iterator[Block]:
    """Decided blocks as they come back, one partition in the driver's memory at a time."""

    def decide(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                table = pa.ipc.open_stream(row["table"]).read_all()
                done = job.block(row["block"], table, row["old"])
                yield pa.RecordBatch.from_pylist(
                    [
                        {
                            "block": done.number,
                            "profile_ids": done.profile_ids,
                            "maps": done.maps,
                            "profiles": done.profiles,
                            "decisions": done.decisions,
                            "kept": done.kept,
                            "changed": done.changed,
                            "name": done.run.name if done.run is not None else None,
                            "body": done.run.body if done.run is not None else None,
                            "skipped": [list(member) for member in done.skipped],
                        }
                    ],
                    _SCHEMA,
                )

    for row in frame.mapInArrow(decide, _OUT).toLocalIterator():
        yield Block(
            row["block"],
            list(row["profile_ids"]),
            [bytes(value) for value in row["maps"]],
            LoggedRun(row["name"], bytes(row["body"])) if row["name"] is not None else None,
            row["profiles"],
            row["decisions"],
            row["kept"],
            row["changed"],
            [(name, why) for name, why in row["skipped"]],
        )
