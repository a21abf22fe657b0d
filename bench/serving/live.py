"""The live service under load, beside a bare handler with a product of the same size."""

import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson

from bench.servers import served
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


class Stretch(NamedTuple):
    """Load of a rate on pages, and how often it is measured."""

    pages: list[bytes]
    rate: float  # requests a second
    seconds: float
    times: int = STRETCHES

    def once(self, port: int, connections: int = 64) -> Load:
        """One measurement."""
        return load(port, self.pages, self.rate, self.seconds, connections)

    def each(self, port: int, connections: int = 64) -> list[Load]:
        """All of them."""
        return [self.once(port, connections) for _ in range(self.times)]


# The record is the function: one line a figure.
def live(
    rate: float = 500,
    seconds: float = 5.0,
    titles: int = 40,
    decisions: int = 0,
    log: Path | None = None,
    quick: bool = False,
) -> dict[str, object]:
    """Latency at a rate, the highest rate held, and what happens at three times that.

    One worker, the load generator on the same machine, every decision durable before its answer.
    Beside it: a bare handler, the disk's own flush, and the same with the log in memory.

    Args:
        rate: Requests a second of the first measurement.
        seconds: Length of each stretch of load.
        titles: Titles on a page, of six candidates each.
        decisions: Live decisions of the memory measurement, 1000000 for the full one; 0: none.
        log: Folder on the disk that is to hold the log; a temporary one if not given.
        quick: One short stretch of each rate, memory included: to see that it works.
    """
    first = Stretch(page_requests(titles), rate, seconds)
    warm_up = 1.0
    if quick:
        first = first._replace(rate=min(rate, 200), seconds=0.2, times=1)
        warm_up, decisions = 0.1, decisions or 4000
    with served("bench.serving.live_app:bare") as (port, _):
        first._replace(seconds=warm_up).once(port)
        bare = first.once(port)
        bare_fast = first._replace(rate=1000).once(port)
    with _logged(log) as (port, pid):
        first._replace(seconds=2 * warm_up).once(port)
        every_first = first.each(port)
        model_ms, log_ms = _mean_ms(port, "model"), _mean_ms(port, "log")
        held, best = _highest(port, first)
        every_over = first._replace(rate=3 * (held or first.rate)).each(port, connections=256)
        steady = first._replace(rate=0.7 * (held or first.rate))
        memory = _memory(port, steady, pid, decisions, titles) if decisions else {}
    middle, over = _middle(every_first), _middle(every_over)
    flushes = _flushes(log, first.rate, first.seconds)
    return {
        **_percentiles(middle),
        "p99_ms_of_each_stretch": [got.milliseconds(99) for got in every_first],
        "non_200": sum(map(_non_200, (*every_first, best, *every_over))),
        "fallbacks": sum(middle.reasons.values()),
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
        **_without_disk(first, warm_up),
        "rate": first.rate,
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


def _without_disk(first: Stretch, warm_up: float) -> dict[str, float]:
    """The same with the log in memory: what is left when a flush takes no time."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        return {}
    with _logged(memory) as (port, _):
        first._replace(seconds=warm_up).once(port)
        return _percentiles(first.once(port), "log_in_memory_")


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


def _middle(stretches: list[Load]) -> Load:
    """The stretch with the middle p99."""
    return sorted(stretches, key=lambda got: got.milliseconds(99))[len(stretches) // 2]


def _highest(port: int, first: Stretch) -> tuple[float, Load]:
    """Highest rate held and what came of it; 0 and the last try if none was.

    Looked for from far above, downwards to a twelfth of the first rate: a miss that was the
    disk's or a neighbour's costs a step, where on the way up it would end the search. Then half
    steps upwards, towards the lowest rate that was not held.
    """
    tried: dict[float, Load] = {}

    def held(rate: float) -> bool:
        middle = tried[rate] = _middle(first._replace(rate=rate).each(port))
        reached = f"p99 {middle.milliseconds(99)} ms, {sum(middle.reasons.values())} fallbacks"
        print(f"{rate:.0f} requests a second: {reached}", file=sys.stderr)
        return _holds(middle)

    low = high = first.rate * STEP**TOP
    if held(low):
        while held(high := low * STEP):
            low = high
    else:
        while not held(low := low / STEP):
            if low < first.rate / 12:
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


def _memory(port: int, steady: Stretch, pid: int, decisions: int, titles: int) -> dict[str, float]:
    """Resident memory over many decisions, after a tenth of them as a warm-up."""
    tenth = steady._replace(seconds=decisions / titles / steady.rate / 10)
    sizes = []
    for _ in range(10):
        tenth.once(port)
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
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    name = f"marquee_{what}_seconds"
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith(name))
    return round(float(values[f"{name}_sum"]) / float(values[f"{name}_count"]) * 1000, 3)


@contextmanager
def _logged(folder: Path | None) -> Iterator[tuple[int, int]]:
    """The service with its log in a folder."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as log,
        served("bench.serving.live_app:service", **{LOG: log}) as running,
    ):
        yield running
