"""From Kafka to Parquet by day, exactly once in effect.

How far a folder has read is kept in the folder, beside what was read, and not at the brokers. What
is about to be written is noted first: a drain that is cut off is gone on with by the next one,
which reads the same records again and writes the same file.
"""

import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import orjson
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from data.atomic_write import write_text_whole
from data.errors import BadInput, Unavailable
from data.log.damage import FOLDER as DAMAGED
from data.log.drained import Drained, write_bodies
from data.log.kafka.kafka_address import KafkaAddress, no_broker, words
from data.log.kafka.positions import POSITIONS, Moving, Positions
from data.log.precompute_runs import FOLDER as RUNS
from data.log.precompute_runs import FolderRuns
from data.log.records import SCHEMAS
from data.log.redis_drain import RUN_NAME
from data.records import SCHEMA_VERSION

LOCK = "kafka.lock"
BATCH = 20_000
"""Messages written at once."""
ANSWERS = 10.0
"""Seconds in which a broker must answer."""


def drain(
    address: KafkaAddress,
    log_dir: Path | str,
    named: Callable[[str], str] | None = None,
    batch: int = BATCH,
) -> dict[str, int]:
    """Move what topics hold now into `decisions/day=…`, `events/day=…` and `runs/`.

    Messages of the events' topic may be others': JSON of `data.records.EVENTS`, of which
    `event_id`, `received` and `schema_version` may be left out. They are then named by where they
    lie in the topic, and their profiles are `named`.

    Args:
        address: of the brokers.
        log_dir: the log's folder.
        named: what logs call a profile; None: by its id.
        batch: messages written at once.

    Returns:
        The fields of `Drained`.

    Raises:
        BadInput: another drain is at it, or the topics are not those that were read before.
        NoServerError: no broker answers.
        Unavailable: brokers went away meanwhile; the next drain goes on.
    """
    log_dir, moved = Path(log_dir), Drained()
    log_dir.mkdir(parents=True, exist_ok=True)
    with _alone(log_dir), _consumer(address) as consumer:
        positions = Positions.read(log_dir / POSITIONS)
        drain_of = _Drain(consumer, log_dir, positions, moved)
        drain_of.named, drain_of.batch = named, batch
        try:
            drain_of.finish()
            for kind in (*SCHEMAS, RUNS):
                drain_of.topic(kind, address.topic(kind))
        except KafkaException as error:
            raise Unavailable(
                f"the log at {address} was drained in part ({asdict(moved)}), then: {words(error)};"
                " run it again"
            ) from None
    return asdict(moved)


class _Drain:
    named: Callable[[str], str] | None = None
    batch = BATCH

    def __init__(
        self, consumer: Consumer, log_dir: Path, positions: Positions, moved: Drained
    ) -> None:
        self._consumer, self._log_dir, self._positions = consumer, log_dir, positions
        self._moved = moved

    def finish(self) -> None:
        """Write what a drain before was writing when it was cut off."""
        moving = self._positions.moving
        if moving is None:
            return
        low, _ = self._consumer.get_watermark_offsets(
            TopicPartition(moving.topic, moving.partition), timeout=ANSWERS
        )
        if low > moving.first:  # gone meanwhile: what is on disk of it stays
            self._moved.lost += min(low, moving.end) - moving.first
        found = self._read(moving.topic, moving.partition, max(low, moving.first), moving.end)
        self._store(moving, [one for part in found for one in part])

    def topic(self, kind: str, topic: str) -> None:
        """Write what a topic holds beyond what was written."""
        described = self._consumer.list_topics(topic, timeout=ANSWERS).topics[topic]
        for partition in sorted(described.partitions):
            name = f"{topic}/{partition}"
            low, high = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=ANSWERS
            )
            at = self._positions.done.get(name, low)
            if at > high:
                raise BadInput(
                    f"{topic} of partition {partition} ends at {high}, and was read up to {at}: it "
                    f"is another topic of that name; drain it into another folder"
                )
            self._moved.lost += max(0, low - at)
            for messages in self._read(topic, partition, max(low, at), high):
                first, end = _offset(messages[0]), _offset(messages[-1]) + 1
                self._positions.moving = Moving(topic, partition, first, end)
                self._positions.write()
                self._store(self._positions.moving, messages)

    def _read(self, topic: str, partition: int, first: int, end: int) -> Iterator[list[Message]]:
        """Messages from an offset up to, and without, another; some offsets have none."""
        if first >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, first)])
        at, since = first, time.monotonic()
        while at < end:
            some = self._consumer.consume(min(self.batch, end - at), timeout=0.5)
            wanted, is_end = list[Message](), False
            for one in some:
                failed = one.error()
                if failed is None:
                    wanted.append(one)
                elif failed.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(failed)
                else:
                    is_end = True
            if kept := [one for one in wanted if _offset(one) < end]:
                yield kept
            if is_end or (wanted and len(kept) < len(wanted)):
                return
            if wanted:
                at, since = _offset(wanted[-1]) + 1, time.monotonic()
            elif time.monotonic() - since > ANSWERS:
                raise Unavailable(
                    f"{topic}: nothing came of offsets {at} to {end} within {ANSWERS:g} s; run it "
                    "again"
                )

    def _store(self, moving: Moving, messages: Sequence[Message]) -> None:
        """Write a batch, then keep that it is written."""
        kind = moving.topic.rpartition(".")[2]
        name = f"kafka-{moving.topic}-{moving.partition}-{moving.first}-{moving.end}"
        if kind == RUNS:
            strange = self._write_runs(messages)
        else:
            bodies = [self._body(kind, one) for one in messages]
            odd = write_bodies(self._log_dir, kind, bodies, name, self._moved)
            strange = [one for one, body in zip(messages, bodies, strict=True) if body in odd]
        if strange:
            folder = self._log_dir / DAMAGED
            folder.mkdir(exist_ok=True)
            lines = [f"{_offset(one)} {(one.value() or b'').hex()}\n" for one in strange]
            write_text_whole(folder / f"{name}.txt", "".join(lines))
            self._moved.damaged += len(strange)
        self._positions.done[f"{moving.topic}/{moving.partition}"] = moving.end
        self._positions.moving = None
        self._positions.write()

    def _write_runs(self, messages: Sequence[Message]) -> list[Message]:
        strange = []
        for one in messages:
            key, body = one.key() or b"", one.value()
            key = key.encode() if isinstance(key, str) else key
            if body is None or not RUN_NAME.fullmatch(key):
                strange.append(one)
                continue
            FolderRuns(self._log_dir).write_run(key.decode(), bytes(body))
            self._moved.runs += 1
        return strange

    def _body(self, kind: str, message: Message) -> bytes:
        """A message as the log has it: what others who wrote it left out is put in.

        What is no record stays as it is, and is found to be none.
        """
        raw = bytes(message.value() or b"")
        if not raw.startswith(b"{"):
            return raw
        try:
            record = orjson.loads(raw)
        except ValueError:
            return raw
        if not isinstance(record, dict) or "each" in record:
            return raw
        if kind == "events" and "received" not in record:
            place = f"{message.topic()}/{message.partition()}/{message.offset()}"
            name = hashlib.blake2b(place.encode(), digest_size=16).hexdigest()
            _, stamped = message.timestamp()
            record = {"time": stamped * 1000, "event_id": name, **record}
            record["received"] = stamped * 1000
            if self.named and isinstance(record.get("profile_id"), str):
                record["profile_id"] = self.named(record["profile_id"])
        elif record.get("schema_version") is not None:
            return raw
        if record.get("schema_version") is None:
            record["schema_version"] = SCHEMA_VERSION
        return orjson.dumps(record)


def _offset(message: Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset


@contextmanager
def _consumer(address: KafkaAddress) -> Iterator[Consumer]:
    """A consumer that belongs to no group: it keeps its own positions.

    Raises:
        BadInput: librdkafka does not take the options.
        NoServerError: no broker answers.
    """
    settings = {
        **address.told,
        "bootstrap.servers": address.brokers,
        "group.id": f"{address.prefix}-roll",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
    }
    try:
        consumer = Consumer(settings)
    except KafkaException as error:
        raise BadInput(f"{address}: librdkafka refuses its options ({words(error)})") from None
    try:
        try:
            consumer.list_topics(timeout=ANSWERS)
        except KafkaException as error:
            raise no_broker(address, error) from None
        yield consumer
    finally:
        consumer.close()


@contextmanager
def _alone(log_dir: Path) -> Iterator[None]:
    """One drain of a folder at a time.

    Raises:
        BadInput: another has it.
    """
    with (log_dir / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadInput(
                f"another drain of Kafka is writing into {log_dir}; wait for it"
            ) from None
        yield
