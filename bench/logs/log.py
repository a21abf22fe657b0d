"""Log appends acknowledged a second, beside one SQLite commit for each and the disk's own syncs."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from data.log import BufferedLog, EventLog, encode

DECISION = {
    "time": 1_767_268_800_000_000,
    "profile_id": "profile-17",
    "title_id": 4242,
    "facts": {
        "country": "BR", "language": "pt", "device": "tv", "surface": "home", "row": 1,
        "column": 4, "day_part": "evening", "tenure_days": 400.0,
        "watched_genres": {"comedy": 4.0, "drama": 2.0, "crime": 1.0}, "watched_cast": {},
    },
    "candidates": [f"4242-{i}" for i in range(6)],
    "action": "4242-3",
    "propensity": 0.5,
    "probabilities": [0.1, 0.1, 0.1, 0.5, 0.1, 0.1],
    "policy": "thompson",
    "seed": 2**63,
    "level": "personalised",
}  # fmt: skip


@contextmanager
def redis_server() -> Iterator[str | None]:
    """The URL of a durable redis-server of our own on 127.0.0.1; None where there is none."""
    if shutil.which("redis-server") is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes",
             "--appendfsync", "always", "--save", "", "--dir", folder],
            stdout=subprocess.PIPE, text=True,
        ) as server,
    ):  # fmt: skip
        try:
            if not any("Ready to accept" in line for line in server.stdout or ()):
                raise RuntimeError("redis-server did not start")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def acknowledged(log: BufferedLog, writers: int, records: int, seconds: float) -> dict[str, Any]:
    """Threads that append and wait for the disk, over and over: their rate and waits."""
    appends: list[list[float]] = [[] for _ in range(writers)]
    waits: list[list[float]] = [[] for _ in range(writers)]
    refused = [0] * writers
    start = threading.Barrier(writers + 1)

    def write(writer: int) -> None:
        start.wait()
        until = time.perf_counter() + seconds
        for number in range(10**9):
            began = time.perf_counter()
            if began >= until:
                return
            page = [
                {**DECISION, "decision_id": f"{writer:08x}{number:016x}{i:08x}"}
                for i in range(records)
            ]
            made = time.perf_counter()
            ticket = log.append("decisions", page)
            appends[writer].append(time.perf_counter() - made)
            if ticket is None:
                refused[writer] += records
                continue
            ticket.result()
            waits[writer].append(time.perf_counter() - made)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(writers)]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    done = np.concatenate([np.asarray(w) for w in waits])
    return {
        "writers": writers,
        "records_a_call": records,
        "acknowledged_per_second": round(done.size * records / took),
        "append_p99_ms": milliseconds(np.concatenate([np.asarray(a) for a in appends]), 99),
        "acknowledged_p50_ms": milliseconds(done, 50),
        "acknowledged_p99_ms": milliseconds(done, 99),
        "refused": sum(refused),
    }


def milliseconds(seconds: Any, percentile: float) -> float:
    """A percentile, in milliseconds."""
    return round(float(np.percentile(seconds, percentile)) * 1e3, 3)


def commit_each(folder: Path, seconds: float) -> int:
    """Records a second of SQLite with one durable commit a record: no group, no threads."""
    connection = sqlite3.connect(folder / "each.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, body BLOB)")
    body, count = encode("decisions", {**DECISION, "decision_id": "0" * 32}), 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        connection.execute("INSERT INTO records (body) VALUES (?)", (body,))
        count += 1
    connection.close()
    return round(count / seconds)


def syncs(folder: Path, seconds: float) -> int:
    """Writes of one record with fdatasync that the disk does a second."""
    body, count = encode("decisions", {**DECISION, "decision_id": "0" * 32}), 0
    with (folder / "syncs").open("wb", buffering=0) as file:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            file.write(body)
            os.fdatasync(file.fileno())
            count += 1
    return round(count / seconds)


def log(
    writers: list[int] | None = None,
    records: int = 1,
    seconds: float = 3.0,
    folder: Path | None = None,
    redis: bool = True,
    json: bool = False,
) -> dict[str, Any]:
    """Records acknowledged a second from 1, 8 and 64 writers, on SQLite and on Redis.

    Args:
        writers: threads that append at once.
        records: records in one append, a page's decisions.
        seconds: how long each measurement lasts.
        folder: a folder on the disk to measure; a temporary one if not given.
        redis: measure Redis too, when redis-server is on this machine.
        json: print one JSON object.
    """
    from data.log.redis_log import RedisLog

    result: dict[str, Any] = {"cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        result["disk_syncs_per_second"] = syncs(Path(scratch), seconds)
        result["sqlite_commit_each_per_second"] = commit_each(Path(scratch), seconds)
        for count in writers or [1, 8, 64]:
            with EventLog(Path(scratch) / f"log-{count}") as embedded:
                result[f"sqlite_{count}"] = acknowledged(embedded, count, records, seconds)
                print(result[f"sqlite_{count}"], file=sys.stderr)
    if redis:
        with redis_server() as url:
            if url is None:
                print("redis-server is not on PATH: Redis is not measured", file=sys.stderr)
                return result
            for count in writers or [1, 8, 64]:
                with RedisLog(url, prefix=f"bench-{count}") as scaled:
                    result[f"redis_{count}"] = acknowledged(scaled, count, records, seconds)
                    print(result[f"redis_{count}"], file=sys.stderr)
    return result
