"""The live service under load, beside a bare handler with a product of the same size."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from bench.serving.live_app import LOG
from bench.serving.load_generator import Load, load, post

STEP = 1.3
"""Each rate tried is this much above the one before."""
TOP = 6
"""Steps above the rate of the first measurement at which the search for the highest begins."""
HALVINGS = 2
"""Of the step between the highest rate that was held and the lowest that was not."""
STRETCHES = 3
"""Measurements of each rate; the one with the middle p99 counts. A machine that does something
else for a moment must not decide."""


def live(
    rate: float = 500,
    seconds: float = 5.0,
    titles: int = 40,
    decisions: int = 0,
    log: Path | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Latency at a rate, the highest rate held, and what happens at three times that.

    One worker, the load generator on the same machine, every decision durable before its answer.
    Beside it: a bare handler, the disk's own flush, and the same with the log in memory.

    Args:
        rate: Requests a second of the first measurement.
        seconds: Length of each stretch of load.
        titles: Titles on a page, of six candidates each.
        decisions: Live decisions of the memory measurement, 1000000 for the full one; 0: none.
        log: Folder on the disk that is to hold the log; a temporary one if not given.
        json: Print one JSON object and nothing else.
    """
    del json
    pages = page_requests(titles)
    with served("bench.serving.live_app:bare") as (port, _):
        load(port, pages, rate, 1.0)
        bare = load(port, pages, rate, seconds)
        bare_fast = load(port, pages, 1000, seconds)
    with _logged(log) as (port, pid):
        load(port, pages, rate, 2.0)
        every_first = _stretches(port, pages, rate, seconds)
        model_ms, log_ms = _mean_ms(port, "model"), _mean_ms(port, "log")
        held, best = _highest(port, pages, rate, seconds)
        every_over = _stretches(port, pages, 3 * (held or rate), seconds, connections=256)
        memory = _memory(port, pages, pid, held or rate, decisions, titles) if decisions else {}
    first, over = _middle(every_first), _middle(every_over)
    flushes = _flushes(log, rate, seconds)
    return {
        **_percentiles(first),
        "p99_ms_of_each_stretch": [got.milliseconds(99) for got in every_first],
        "non_200": sum(map(_non_200, (*every_first, best, *every_over))),
        "fallbacks": sum(first.reasons.values()),
        "model_mean_ms": model_ms,
        "log_mean_ms": log_ms,
        "max_rps": round(held),
        "max_rps_p99_ms": best.milliseconds(99),
        "overload_offered_rps": round(over.offered),
        "overload_p99_ms": over.milliseconds(99),
        "overload_p99_ms_of_each_stretch": [got.milliseconds(99) for got in every_over],
        "overload_non_200": sum(map(_non_200, every_over)),
        "overload_shed_share": round(sum(over.reasons.values()) / max(over.sent, 1), 3),
        **_percentiles(bare, "bare_"),
        "bare_1000_rps_p99_ms": bare_fast.milliseconds(99),
        "disk_flush_p50_ms": round(float(np.percentile(flushes, 50)), 3),
        "disk_flush_p99_ms": round(float(np.percentile(flushes, 99)), 3),
        **_without_disk(pages, rate, seconds),
        "rate": rate,
        "titles": titles,
        "load_average": os.getloadavg()[0],
        **memory,
    }


def _percentiles(got: Load, prefix: str = "") -> dict[str, float]:
    """Latency in milliseconds."""
    return {
        f"{prefix}p50_ms": got.milliseconds(50),
        f"{prefix}p99_ms": got.milliseconds(99),
        f"{prefix}p999_ms": got.milliseconds(99.9),
    }


def _without_disk(pages: list[bytes], rate: float, seconds: float) -> dict[str, float]:
    """The same with the log in memory: what is left when a flush takes no time."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        return {}
    with _logged(memory) as (port, _):
        load(port, pages, rate, 1.0)
        return _percentiles(load(port, pages, rate, seconds), "log_in_memory_")


def _flushes(folder: Path | None, rate: float, seconds: float) -> np.ndarray:
    """Milliseconds from when a page's record was due to when it was on disk, at a rate.

    The least that a log can do: one writer, no other work, what is due written and flushed
    together over blocks that are there already.
    """
    record, size, waited = os.urandom(3000), 16 << 20, []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())
        start, at, due = time.perf_counter(), 0, 0
        while due < rate * seconds:
            now = time.perf_counter() - start
            ready = int(now * rate) + 1 - due
            if ready <= 0:
                time.sleep(due / rate - now)
                continue
            os.pwrite(file.fileno(), record * ready, at)
            os.fdatasync(file.fileno())
            done = time.perf_counter() - start
            waited += [(done - number / rate) * 1000 for number in range(due, due + ready)]
            due += ready
            at = (at + len(record) * ready) % (size // 2)
    return np.array(waited)


def _stretches(
    port: int, pages: list[bytes], rate: float, seconds: float, connections: int = 64
) -> list[Load]:
    return [load(port, pages, rate, seconds, connections) for _ in range(STRETCHES)]


def _middle(stretches: list[Load]) -> Load:
    """The stretch with the middle p99."""
    return sorted(stretches, key=lambda got: got.milliseconds(99))[len(stretches) // 2]


def _highest(port: int, pages: list[bytes], rate: float, seconds: float) -> tuple[float, Load]:
    """Highest rate held and what came of it; 0 and the last try if none was.

    Looked for from far above, downwards to a twelfth of the rate given: a miss that was the
    disk's or a neighbour's costs a step, where on the way up it would end the search. Then half
    steps upwards, towards the lowest rate that was not held.
    """
    tried: dict[float, Load] = {}

    def held(rate: float) -> bool:
        middle = tried[rate] = _middle(_stretches(port, pages, rate, seconds))
        said = f"p99 {middle.milliseconds(99)} ms, {sum(middle.reasons.values())} fallbacks"
        print(f"{rate:.0f} requests a second: {said}", file=sys.stderr)
        return _holds(middle)

    low = high = rate * STEP**TOP
    if held(low):
        while held(high := low * STEP):
            low = high
    else:
        while not held(low := low / STEP):
            if low < rate / 12:
                return 0.0, tried[low]
            high = low
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if held(middle) else (low, middle)
    return low, tried[low]


def _holds(got: Load) -> bool:
    """Whether p99 is below 10 ms and fewer than 1% of pages were not decided live."""
    live_enough = sum(got.reasons.values()) < 0.01 * got.sent
    return got.milliseconds(99) < 10 and live_enough and not _non_200(got)


def _memory(
    port: int, pages: list[bytes], pid: int, rate: float, decisions: int, titles: int
) -> dict[str, Any]:
    """Resident memory over many decisions, after a tenth of them as a warm-up."""
    rate *= 0.7
    sizes = []
    for _ in range(10):
        load(port, pages, rate, decisions / titles / rate / 10)
        sizes.append(_resident(pid))
    return {
        "memory_decisions": decisions,
        "memory_start_mb": round(sizes[0] / 1e6, 1),
        "memory_end_mb": round(sizes[-1] / 1e6, 1),
        "memory_growth": round(sizes[-1] / sizes[0] - 1, 4),
    }


def _resident(pid: int) -> int:
    """Bytes resident in a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    total = 0
    for each in (str(pid), *children):
        pages = int(Path(f"/proc/{each}/statm").read_text().split()[1])
        total += pages * os.sysconf("SC_PAGE_SIZE")
    return total


def page_requests(titles: int) -> list[bytes]:
    """Requests to decide a page of some titles, for 500 members."""
    rng = np.random.default_rng(0)
    requests = []
    for member in range(500):
        body = {
            "profile_id": f"profile-{member}",
            "title_ids": rng.choice(300, titles, replace=False).tolist(),
            "facts": {
                "country": "FR",
                "language": "fr",
                "device": "tv",
                "surface": "home",
                "tenure_days": float(member),
                "watched_genres": {"drama": 3.0, "comedy": 1.0},
            },
        }
        body["title_ids"] = [title + 1 for title in body["title_ids"]]
        requests.append(post("/v1/decide", orjson.dumps(body)))
    return requests


def _non_200(got: Load) -> int:
    return sum(count for status, count in got.statuses.items() if status != 200)


def _mean_ms(port: int, what: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    name = f"marquee_{what}_seconds"
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith(name))
    return round(float(values[f"{name}_sum"]) / float(values[f"{name}_count"]) * 1000, 3)


@contextmanager
def _logged(folder: Path | None) -> Iterator[tuple[int, int]]:
    """The service with its log in a folder."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as log,
        served("bench.serving.live_app:service", log) as running,
    ):
        yield running


@contextmanager
def served(application: str, log: str = "", **more: str) -> Iterator[tuple[int, int]]:
    """A server process of one worker: its port and process id; ended by SIGTERM."""
    port = free_port()
    command = [sys.executable, "-c", "import sys; from serve.live.server import listen"]
    command[-1] += "; listen(sys.argv[1], '127.0.0.1', int(sys.argv[2]))"
    command += [application, str(port)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", LOG: log} | more
    server = subprocess.Popen(command, env=environment)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json").close()
                break
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > until or server.poll() is not None:
                    raise RuntimeError(f"{application} did not start") from None
                time.sleep(0.05)
        yield port, server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
