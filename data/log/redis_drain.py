"""From Redis Streams to Parquet by day, exactly once in effect, by any number of drains.

A consumer of the streams' group has one batch at a time, and writes it under a name made from its
stream ids. A batch that is delivered again becomes the same file: to the same consumer, or to a
drain that takes it over *under the silent consumer's name*, so that no batch is ever mixed with
another. Entries leave Redis after their file is on disk. No command here needs memory that a full
server would refuse, and none is sent in a transaction, where it refuses all of them.
"""

import base64
import hashlib
import os
import re
import socket
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import orjson
import redis

from data.atomic_write import whole_file
from data.errors import BadInput, Unavailable
from data.log.damage import FOLDER as DAMAGED
from data.log.drained import Drained, write_bodies
from data.log.precompute_runs import FOLDER as RUN_FOLDER
from data.log.precompute_runs import FolderRuns
from data.log.records import SCHEMAS
from data.servers.redis_server import Client, RedisAddress

GROUP = "roll"
BODY, NAME = b"body", b"name"
BATCH, RUN_BATCH = 20_000, 16
"""Entries taken at once: pages of decisions or events; blocks of precompute, some 500 KB each."""
RUN_NAME = re.compile(rb"[\w.-]{1,200}\.parquet")

Entry = tuple[bytes, dict[bytes, bytes]]
"""Stream id and fields."""


class Streams(NamedTuple):
    """What a drain works with."""

    client: Client
    address: RedisAddress
    log_dir: Path
    moved: Drained


def drain(
    address: RedisAddress,
    log_dir: Path | str,
    consumer: str | None = None,
    take_over_ms: int = 60_000,
) -> dict[str, int]:
    """Move what the streams hold into `decisions/day=…`, `events/day=…` and `runs/`.

    Args:
        address: of the server.
        log_dir: the log's folder.
        consumer: this consumer's name, the same after a restart and no other drain's; if None,
            one that no drain ever had, which leaves Redis with it.
        take_over_ms: a consumer that has been silent for so long is taken for dead, and its batch
            is written by this one.

    Returns:
        The fields of `Drained`.

    Raises:
        BadInput: no server there, or one that holds no log that can be drained.
        Unavailable: the server went away meanwhile; nothing that it held is lost.
    """
    log_dir = Path(log_dir)
    # Containers of one host may all be process 1 of one name: a batch would be two drains' at once.
    mine = consumer or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    client = address.connect()
    streams = Streams(client, address, log_dir, Drained())
    try:
        for kind in (*SCHEMAS, RUN_FOLDER):
            _drain_stream(streams, kind, mine.encode(), take_over_ms)
            if consumer is None:  # all of its entries were written: nobody asks for it again
                client.xgroup_delconsumer(address.stream(kind), GROUP, mine)
    except redis.RedisError as error:
        gone = isinstance(error, (redis.ConnectionError, redis.TimeoutError))
        raise (Unavailable if gone else BadInput)(
            f"the log at {address} was drained in part ({asdict(streams.moved)}), then: {error};"
            " run it again once that is mended"
        ) from error
    finally:
        client.close()
    return asdict(streams.moved)


def ensure_group(client: Client, stream: str) -> None:
    """Make the group that drains read by, where there is none.

    Raises:
        BadInput: the server is full.
        redis.RedisError: it cannot be made.
    """
    # Asked before it is made: a full server refuses to make even what is there.
    if client.exists(stream) and any(
        group["name"] == GROUP.encode() for group in client.xinfo_groups(stream)
    ):
        return
    try:
        client.xgroup_create(stream, GROUP, id="0", mkstream=True)
    except redis.OutOfMemoryError as error:
        raise BadInput(
            f"{stream} has no group {GROUP} yet and the server has no memory to make one; give"
            " it a little more (CONFIG SET maxmemory), drain, and set it back"
        ) from error
    except redis.ResponseError as error:
        if "BUSYGROUP" not in str(error):  # made by another meanwhile
            raise


def _drain_stream(streams: Streams, kind: str, consumer: bytes, take_over_ms: int) -> None:
    """This consumer's own batch, those of the dead, then what is new."""
    client, stream = streams.client, streams.address.stream(kind)
    ensure_group(client, stream)
    count = BATCH if kind in SCHEMAS else RUN_BATCH
    _finish(streams, kind, consumer, count)
    for silent in client.xinfo_consumers(stream, GROUP):
        # Under the same name: whoever comes after finds the batch as it was given out, and two
        # that take it over at once write the same file.
        if silent["pending"] and silent["idle"] >= take_over_ms:
            _finish(streams, kind, silent["name"], count)
    while batch := client.xreadgroup(GROUP, consumer, {stream: ">"}, count=count):
        _store(streams, kind, batch[0][1])
    streams.moved.pending += client.xpending(stream, GROUP)["pending"]
    _sweep(client, stream)


def _finish(streams: Streams, kind: str, consumer: bytes, count: int) -> None:
    """Write what a consumer was given and did not finish."""
    stream = streams.address.stream(kind)
    while True:
        given = streams.client.xreadgroup(GROUP, consumer, {stream: "0"}, count=count)
        entries = given[0][1] if given else []
        if not entries:
            return
        _store(streams, kind, entries)


def _sweep(client: Client, stream: str) -> None:
    """Take out what was acknowledged by a drain that died before it could."""
    [group] = [g for g in client.xinfo_groups(stream) if g["name"] == GROUP.encode()]
    oldest = client.xpending(stream, GROUP)["min"]
    if oldest is None:
        millis, _, number = group["last-delivered-id"].partition(b"-")
        oldest = b"%b-%d" % (millis, int(number) + 1)
    client.xtrim(stream, minid=oldest, approximate=False)


def _store(
    streams: Streams, kind: str, entries: Sequence[tuple[bytes, dict[bytes, bytes] | None]]
) -> None:
    """Write one batch, then take it out of Redis.

    An entry without fields was taken out of the stream by somebody else.
    """
    ids = [name for name, _ in entries]
    there = [(name, fields) for name, fields in entries if fields]
    streams.moved.lost += len(entries) - len(there)
    digest = hashlib.blake2b(b" ".join(ids), digest_size=6).hexdigest()
    batch = f"stream-{ids[0].decode()}-{digest}"
    write = _write_runs if kind == RUN_FOLDER else _write_records
    strange = write(streams, kind, there, batch)
    if strange:
        _lay_aside(streams, kind, strange, batch)
    stream = streams.address.stream(kind)
    # A batch is acknowledged by one command: what is delivered again is whole, or nothing.
    streams.client.xack(stream, GROUP, *ids)
    streams.client.xdel(stream, *ids)


def _write_records(
    streams: Streams, kind: str, entries: Sequence[Entry], batch: str
) -> list[Entry]:
    """Write records by day; gives the entries that are none."""
    bodies = [fields.get(BODY, b"") for _, fields in entries]
    strange = write_bodies(streams.log_dir, kind, bodies, batch, streams.moved)
    return [entry for entry, body in zip(entries, bodies, strict=True) if body in strange]


def _write_runs(streams: Streams, _: str, entries: Sequence[Entry], __: str) -> list[Entry]:
    """Write blocks of precompute as the files that roll expands; gives what is none."""
    strange = []
    for entry in entries:
        name, body = entry[1].get(NAME, b""), entry[1].get(BODY)
        if body is None or not RUN_NAME.fullmatch(name):
            strange.append(entry)
            continue
        FolderRuns(streams.log_dir).write_run(name.decode(), body)
        streams.moved.runs += 1
    return strange


def _lay_aside(streams: Streams, kind: str, entries: Sequence[Entry], batch: str) -> None:
    """Keep entries that are no records where somebody can look into them."""
    folder = streams.log_dir / DAMAGED
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / f"{kind}-{batch}.jsonl") as part:
        part.write_bytes(b"".join(_as_line(kind, *entry) for entry in entries))
    streams.moved.damaged += len(entries)


def _as_line(kind: str, name: bytes, fields: dict[bytes, bytes]) -> bytes:
    kept = {
        base64.b64encode(field).decode(): base64.b64encode(value).decode()
        for field, value in fields.items()
    }
    return orjson.dumps({"stream": kind, "id": name.decode(), "base64": kept}) + b"\n"
