"""Log appends acknowledged a second, beside one SQLite commit for each and the disk's own syncs."""

import os
import sqlite3
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from bench.optional import why_no_redis
from bench.servers import redis_server
from data.log import BufferedLog, EventLog, encode

TIME = 1_767_268_800_000_000
DECISION: dict[str, object] = {
    "time": TIME,
    "profile_id": "profile-17",
    "title_id": 4242,
    "facts": {
        "country": "BR",
        "language": "pt",
        "device": "tv",
        "surface": "home",
        "row": 1,
        "column": 4,
        "day_part": "evening",
        "tenure_days": 400.0,
        "watched_genres": {"comedy": 4.0, "drama": 2.0, "crime": 1.0},
        "watched_cast": {},
    },
    "candidates": [f"4242-{i}" for i in range(6)],
    "action": "4242-3",
    "propensity": 0.5,
    "probabilities": [0.1, 0.1, 0.1, 0.5, 0.1, 0.1],
    "policy": "thompson",
    "seed": 2**63,
    "level": "personalised",
}


def acknowledged(log: BufferedLog, writers: int, records: int, seconds: float) -> dict[str, float]:
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
            started = time.perf_counter()
            ticket = log.append("decisions", page)
            appends[writer].append(time.perf_counter() - started)
            if ticket is None:
                refused[writer] += records
                continue
            ticket.result()
            waits[writer].append(time.perf_counter() - started)

    threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(writers)]
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


def milliseconds(seconds: np.ndarray, percentile: float) -> float:
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
    quick: bool = False,
) -> dict[str, object]:
    """Records acknowledged a second from 1, 8 and 64 writers, on SQLite and on Redis.

    Args:
        writers: threads that append at once.
        records: records in one append, a page's decisions.
        seconds: how long each measurement lasts.
        folder: a folder on the disk to measure; a temporary one if not given.
        redis: measure Redis too, when redis-server is on this machine.
        quick: 1 and 2 writers if none are given, for a moment: to see that it works.
    """
    counts = writers or ([1, 2] if quick else [1, 8, 64])
    if quick:
        seconds = min(seconds, 0.2)
    result: dict[str, object] = {"cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        result["disk_syncs_per_second"] = syncs(Path(scratch), seconds)
        result["sqlite_commit_each_per_second"] = commit_each(Path(scratch), seconds)
        for count in counts:
            with EventLog(Path(scratch) / f"log-{count}") as embedded:
                result[f"sqlite_{count}"] = acknowledged(embedded, count, records, seconds)
                print(result[f"sqlite_{count}"], file=sys.stderr)
    if redis and (why := why_no_redis()):
        print(f"Redis is not measured: {why}", file=sys.stderr)
        return result | {"left_out": {"redis": why}}
    if redis:
        # redis is an optional package
        from data.log.redis_log import RedisLog
        from data.servers.redis_server import RedisAddress

        with redis_server() as server:
            assert server is not None
            for count in counts:
                with RedisLog(RedisAddress(server.url, f"bench-{count}")) as scaled:
                    result[f"redis_{count}"] = acknowledged(scaled, count, records, seconds)
                    print(result[f"redis_{count}"], file=sys.stderr)
    return result
