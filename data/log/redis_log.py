"""The scaled log: Redis Streams, drained to Parquet by a group of consumers.

Redis acknowledges what is on disk only with `appendonly yes` and `appendfsync always`, so a log
refuses a server that is set otherwise unless told that it may. A consumer has one batch at a time
and writes it under a name made from its stream ids; a batch that is delivered again, to the same
consumer or to one that takes over from the dead, becomes the same file: exactly once in effect.
"""

import hashlib
import os
import socket
from pathlib import Path
from typing import Any

import redis

from data.errors import BadInput
from data.log.buffer import CAPACITY, BufferedLog
from data.log.journal import Row
from data.log.parquet import append_table
from data.log.records import SCHEMAS, decode_each, rejected_line

GROUP = "roll"
DRAIN_BATCH = 20_000
STREAM_LIMIT = 5_000_000
"""Records that wait in Redis before appends fail: about 5 GB."""


class StreamFullError(RuntimeError):
    """The drain is behind: the stream holds all that it may."""


class RedisLog(BufferedLog):
    """The log in a Redis server that many machines share; the interface of `EventLog`."""

    def __init__(
        self,
        url: str,
        prefix: str = "marquee",
        capacity: int = CAPACITY,
        limit: int = STREAM_LIMIT,
        durable: bool = True,
    ) -> None:
        """Connect.

        Args:
            url: redis://host:port/db.
            prefix: streams are PREFIX:decisions and PREFIX:events.
            capacity: records buffered in this process before `append` refuses.
            limit: records in a stream before commits fail.
            durable: refuse a server that acknowledges before the disk has it.

        Raises:
            BadInput: no server there, or one that is not durable.
        """
        self.place, self.prefix, self.limit = url, prefix, limit
        self._length = 0  # of the longer stream, as the last commit left it
        try:
            self._redis: Any = redis.Redis.from_url(url)  # its answers are typed for both clients
            settings = self._redis.config_get("append*") if durable else {}
            self._redis.ping()
        except (redis.RedisError, ValueError) as error:
            raise BadInput(
                f"no Redis log at {url} ({error}); start redis-server or mend the address"
            ) from error
        if durable and (settings["appendonly"], settings["appendfsync"]) != ("yes", "always"):
            self._redis.close()
            raise BadInput(
                f"{url} acknowledges records before they are on disk (appendonly "
                f"{settings['appendonly']}, appendfsync {settings['appendfsync']}); set them to "
                "yes and always, or open the log with durable=False and accept the loss"
            )
        super().__init__(capacity)

    def stream(self, kind: str) -> str:
        """The stream's key."""
        return f"{self.prefix}:{kind}"

    def commit(self, rows: list[Row]) -> Exception | None:
        """One transaction of XADDs, acknowledged by the server after its disk."""
        try:
            kinds = sorted({kind for kind, _ in rows})
            if self._length >= self.limit:
                self._length = max(self._redis.xlen(self.stream(kind)) for kind in kinds)
            if self._length >= self.limit:
                return StreamFullError(
                    f"{self.place} holds {self.limit} records that no drain has taken; "
                    "run python -m data roll --log LOG --redis URL more often"
                )
            pipeline = self._redis.pipeline(transaction=True)
            for kind, body in rows:
                pipeline.xadd(self.stream(kind), {"body": body})
            for kind in kinds:
                pipeline.xlen(self.stream(kind))
            self._length = max(pipeline.execute()[-len(kinds) :])
        except redis.RedisError as error:
            return error
        return None

    def close(self) -> None:
        """Write what is buffered, then stop."""
        super().close()
        self._redis.close()

    def drain(
        self, log_dir: Path | str, consumer: str | None = None, take_over_ms: int = 60_000
    ) -> dict[str, int]:
        """Move what the streams hold into `decisions/day=…` and `events/day=…`.

        Any number of consumers drain at once. Records leave Redis after their file is on disk.

        Args:
            log_dir: the log's folder.
            consumer: this consumer's name, the same after a restart; machine and process if None.
            take_over_ms: a consumer that has been silent for so long is taken for dead, and its
                batch is written by this one.

        Returns:
            decisions, events (records moved), files, rejected.
        """
        consumer = consumer or f"{socket.gethostname()}-{os.getpid()}"
        moved = {"decisions": 0, "events": 0, "files": 0, "rejected": 0}
        for kind in SCHEMAS:
            stream = self.stream(kind)
            try:
                self._redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
            except redis.ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
            for silent in self._redis.xinfo_consumers(stream, GROUP):
                name = silent["name"].decode()
                if silent["pending"] and (name == consumer or silent["idle"] >= take_over_ms):
                    entries = self._unfinished(kind, name, consumer, take_over_ms)
                    if entries:
                        self._store(kind, entries, Path(log_dir), moved)
            while batch := self._redis.xreadgroup(
                GROUP, consumer, {stream: ">"}, count=DRAIN_BATCH
            ):
                self._store(kind, batch[0][1], Path(log_dir), moved)
        return moved

    def _unfinished(
        self, kind: str, name: str, consumer: str, take_over_ms: int
    ) -> list[tuple[bytes, dict]]:
        """The batch that a consumer was given and did not finish, now this one's."""
        stream = self.stream(kind)
        pending = self._redis.xpending_range(stream, GROUP, "-", "+", DRAIN_BATCH, name)
        ids = [entry["message_id"] for entry in pending]
        if ids and name != consumer:
            return self._redis.xclaim(stream, GROUP, consumer, take_over_ms, ids)
        entries = self._redis.xreadgroup(GROUP, consumer, {stream: "0"}, count=DRAIN_BATCH)
        return entries[0][1] if entries else []

    def _store(
        self, kind: str, entries: list[tuple[bytes, dict]], log_dir: Path, moved: dict[str, int]
    ) -> None:
        """Write one batch, then take it out of Redis."""
        ids = [entry for entry, _ in entries]
        table, rejected = decode_each(kind, [fields[b"body"] for _, fields in entries if fields])
        digest = hashlib.blake2b(b" ".join(ids), digest_size=6).hexdigest()
        files = append_table(log_dir, kind, table, f"stream-{ids[0].decode()}-{digest}")
        if rejected:
            with (log_dir / "rejected.jsonl").open("ab") as file:
                file.writelines(rejected_line(body) + b"\n" for body in rejected)
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xack(self.stream(kind), GROUP, *ids)
        pipeline.xdel(self.stream(kind), *ids)
        pipeline.execute()
        moved[kind] += table.num_rows
        moved["files"] += len(files)
        moved["rejected"] += len(rejected)
