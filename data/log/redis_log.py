"""The scaled log: Redis Streams that many machines append to, drained by `data.log.redis_drain`.

With each group of records the server says, in the same transaction, how it is set: what it would
forget is not acknowledged, whenever the setting changed. Where it has replicas, one of them has
the records too before they count.
"""

import sys
import threading
import time
from collections.abc import Iterable, Sequence

import redis

from data.errors import BadInput, Unavailable
from data.log.buffer import CAPACITY, BufferedLog
from data.log.journal import Row
from data.log.precompute_runs import FOLDER as RUNS
from data.log.records import SCHEMAS
from data.log.redis_drain import BODY, NAME, ensure_group
from data.servers.redis_server import (
    REPLICA_MS,
    SETTINGS,
    Client,
    ForgetfulServerError,
    RedisAddress,
    in_its_own_words,
    info_of,
    settings_of,
    why_forgetful,
)

STREAM_LIMIT = 5_000_000
"""Records that wait in Redis before appends fail: about 5 GB."""
RUNS_SHARE = 0.5
"""Of the server's memory that may be full when precompute adds a block: the rest is for pages."""
RUNS_PATIENCE, PAUSE = 1200.0, 0.5
"""Seconds that precompute waits for drains, and between looks: they come every few minutes."""
STREAMS = (*SCHEMAS, RUNS)
"""Of runs an entry is a block of members."""

Entry = tuple[str, Sequence[bytes]]
"""Kind; names and values of fields, in turn."""


class StreamFullError(RuntimeError):
    """The drain is behind: the stream holds all that it may."""


class RedisLog(BufferedLog):
    """The log in a Redis server that many machines share; the interface of `EventLog`."""

    def __init__(
        self,
        address: RedisAddress,
        capacity: int = CAPACITY,
        limit: int = STREAM_LIMIT,
        patience: float = RUNS_PATIENCE,
    ) -> None:
        """Connect.

        Args:
            address: of the server; streams are PREFIX:decisions, PREFIX:events and PREFIX:runs.
            capacity: records buffered in this process before `append` refuses.
            limit: entries in a stream before commits fail.
            patience: seconds that `write_run` waits for room.

        Raises:
            BadInput: no server there, or one that may forget what it acknowledges.
        """
        self.address, self.limit, self.patience = address, limit, patience
        self.place = str(address)
        self._length = 0  # of the longest stream, as the last commit left it
        self._replicated = False  # whether the server has had replicas
        self._turn = threading.Lock()
        self._redis: Client = address.connect()
        try:
            self._open()
        except redis.RedisError as error:
            self._redis.close()
            raise BadInput(f"{address} cannot hold a log: {error}") from error
        except ForgetfulServerError as error:
            self._redis.close()
            raise BadInput(str(error)) from error
        super().__init__(capacity)

    def _open(self) -> None:
        """See how the server is set, and make what drains read by, while there is memory."""
        in_its_own_words(self._redis)
        self._refuse_forgetful(self._redis.config_get(*SETTINGS), self._redis.info("replication"))
        for kind in STREAMS:
            ensure_group(self._redis, self.address.stream(kind))

    def _refuse_forgetful(self, settings: Client, replication: Client) -> None:
        said = info_of(replication)
        why = why_forgetful(settings_of(settings), said)
        if why is not None:
            raise ForgetfulServerError(f"{self.address} cannot hold a log: {why}")
        self._replicated |= said["connected_slaves"] != "0"

    def commit(self, rows: list[Row]) -> Exception | None:
        """One transaction of XADDs, acknowledged by the server's disk and by replicas."""
        return self._add({kind for kind, _ in rows}, ((kind, (BODY, body)) for kind, body in rows))

    def write_run(self, name: str, body: bytes) -> None:
        """Append a block of precompute's decisions; on disk when this returns.

        Args:
            name: of the file that a drain writes.
            body: as `data.log.precompute_runs.run_bytes` makes it.

        Raises:
            Unavailable: it could not be written, or no drain made room for it.
        """
        failure = self._no_room(len(body)) or self._add(
            {RUNS}, [(RUNS, (NAME, name.encode(), BODY, body))]
        )
        if failure is not None:
            raise Unavailable(
                f"the log at {self.place} did not take {name}: {failure}"
            ) from failure

    def _no_room(self, size: int) -> Exception | None:
        """Wait until a block leaves pages their room; why it never did.

        A pass over all members can wait for drains, and is many times what a server holds; a page
        cannot, and is unlogged where there is no room.
        """
        until, told = time.monotonic() + self.patience, False
        while True:
            try:
                said = info_of(self._redis.info("memory"))
            except (redis.RedisError, OSError) as error:
                return error
            most = int(said["maxmemory"])
            if not most or int(said["used_memory"]) + size <= RUNS_SHARE * most:
                return None
            if time.monotonic() >= until:
                return StreamFullError(
                    f"its server is {RUNS_SHARE:.0%} full, of maxmemory {most:,}, and the rest is"
                    " for pages; run python -m data roll --log LOG --redis URL beside precompute"
                )
            if not told:
                print(f"note: waiting until a drain makes room in {self.place}", file=sys.stderr)
            told = True
            time.sleep(PAUSE)

    def _add(self, kinds: Iterable[str], entries: Iterable[Entry]) -> Exception | None:
        """Entries of some kinds on disk, all or none; what went wrong, if anything did."""
        with self._turn:
            return self._add_in_turn(kinds, entries)

    def _add_in_turn(self, kinds: Iterable[str], entries: Iterable[Entry]) -> Exception | None:
        streams = {kind: self.address.stream(kind) for kind in kinds}
        try:
            if self._length >= self.limit:
                self._length = max(self._redis.xlen(stream) for stream in streams.values())
            if self._length >= self.limit:
                return StreamFullError(
                    f"{self.place} holds {self.limit} records that no drain has taken; "
                    "run python -m data roll --log LOG --redis URL more often"
                )
            with self._redis.pipeline(transaction=True) as pipeline:
                for kind, fields in entries:  # `xadd` in fewer calls
                    pipeline.execute_command("XADD", streams[kind], "*", *fields)
                for stream in streams.values():
                    pipeline.xlen(stream)
                pipeline.config_get(*SETTINGS)
                pipeline.info("replication")
                pipeline.client_id()
                *answers, settings, replication, wrote = pipeline.execute()
            self._length = max(answers[-len(streams) :])
            self._refuse_forgetful(settings, replication)
            self._wait_for_replicas(wrote)
        except (redis.RedisError, ForgetfulServerError, OSError) as error:
            return error
        return None

    def _wait_for_replicas(self, wrote: int) -> None:
        """Until as many replicas as are asked for have what was written before.

        Args:
            wrote: number of the connection that wrote: WAIT is a connection's own question.
        """
        wanted = self.address.replicas
        if wanted is None:
            # A server that had replicas is one whose place another may take at any time.
            wanted = 1 if self._replicated else 0
        if not wanted:
            return
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.client_id()
            pipeline.execute_command("WAIT", wanted, REPLICA_MS)
            asked, reached = pipeline.execute()
        if asked != wrote or reached < wanted:
            raise ForgetfulServerError(
                f"{self.address}: {reached} of {wanted} replicas are known to have the records; a"
                " failover could lose them. Mend the replicas, or accept that with ?replicas=0"
            )

    def close(self) -> None:
        """Write what is buffered, then stop."""
        super().close()
        self._redis.close()
