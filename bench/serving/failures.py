"""What breaks under load, and what a page shows meanwhile: an image for every title, always.

A live service with published bundles and maps in Redis answers a load generator, and a look-up
client opens pages beside it; then one thing after another is broken and mended. Half of the live
pages have no time for the model, so that the maps are asked for as well.
"""

import signal
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, TypedDict

from rich.console import Console
from rich.table import Table

from bench.optional import why_no_redis
from bench.servers import PATIENCE, wait_until
from bench.serving.breakable_service import PAGE, BreakableService
from bench.serving.live import page_requests
from bench.serving.load_generator import Load, load
from data.bundle import CURRENT
from data.errors import BadInput


class Injection(NamedTuple):
    """One thing that breaks."""

    name: str
    reasons: tuple[str, ...]  # what must be counted, each by one of live and look-up at least
    inject: Callable[[], None]
    mend: Callable[[], None]


class FailureRow(TypedDict):
    """What came of an injection."""

    injection: str
    pages: int
    without_image: int
    non_200: int
    reasons: dict[str, int]
    uncounted: list[str]
    recovered: bool
    recovery_seconds: float | None


class Outcome(TypedDict):
    """What came of all of them."""

    injections: list[FailureRow]
    pages: int
    without_image: int
    non_200: int
    problems: list[str]


def failures(rate: float = 200, seconds: float = 5.0, quick: bool = False) -> Outcome:
    """Break Redis, a map, `current` and a bundle under load; count what pages showed.

    `injections` has for each: pages answered, those without an image for every title, answers
    other than 200, the reasons counted by the live service and the look-up client, and how long
    after the mending all was as before, without a restart.

    Args:
        rate: Requests a second to the live service.
        seconds: Length of the load for each; the middle half of it is broken.
        quick: Short and at a low rate: to see that it works.

    Raises:
        BadInput: Redis is not on this machine.
    """
    if quick:
        # Half of it is broken: longer than the second for which a store that failed is left alone.
        rate, seconds = min(rate, 60), min(seconds, 3.0)
    if why := why_no_redis():
        raise BadInput(f"{why}; install it to see Redis fail")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        service = BreakableService(Path(folder), stack)
        rows = [_break(service, injection, rate, seconds) for injection in injections(service)]
    return {
        "injections": rows,
        "pages": sum(row["pages"] for row in rows),
        "without_image": sum(row["without_image"] for row in rows),
        "non_200": sum(row["non_200"] for row in rows),
        "problems": [f"{row['injection']}: {what}" for row in rows for what in _complaints(row)],
    }


def show_failures(outcome: Outcome) -> None:
    """Print a row for each injection, and what was not as it should be."""
    table = Table("injection", "pages", "without image", "not 200", "reasons", "well again after")
    for row in outcome["injections"]:
        reasons = ", ".join(f"{name} {count}" for name, count in sorted(row["reasons"].items()))
        counts = (str(row["pages"]), str(row["without_image"]), str(row["non_200"]))
        table.add_row(row["injection"], *counts, reasons, f"{row['recovery_seconds']} s")
    console = Console()
    console.print(table)
    for problem in outcome["problems"]:
        console.print(problem)


def _complaints(row: FailureRow) -> list[str]:
    counts = {"without_image": row["without_image"], "non_200": row["non_200"]}
    complaints = [f"{count} {name}" for name, count in counts.items() if count]
    complaints += [f"{reason} was not counted" for reason in row["uncounted"]]
    if not row["recovered"]:
        complaints.append(f"not well {PATIENCE:.0f} s after the mending")
    return complaints


def injections(service: BreakableService) -> list[Injection]:
    """Everything that breaks, in order."""

    def nothing() -> None:
        return

    return [
        Injection(
            "Redis killed",
            ("store_down", "lookup_store_down"),
            lambda: service.redis.stop(signal.SIGKILL),
            service.redis.start,
        ),
        Injection(
            "Redis 500 ms late",
            ("store_timeout", "lookup_store_timeout"),
            service.slow_redis,
            service.unpause,
        ),
        Injection(
            "maps corrupt",
            ("map_corrupt", "lookup_map_corrupt"),
            lambda: service.put_maps(flip=1),
            lambda: service.put_maps(flip=0),
        ),
        Injection(
            "`current` removed",
            ("no_current",),
            (service.bundles / CURRENT).unlink,
            service.publish,
        ),
        Injection("corrupt bundle swapped in", ("refused",), service.publish_torn, service.publish),
        Injection("nothing, to compare with", (), nothing, nothing),
    ]


def _break(
    service: BreakableService, injection: Injection, rate: float, seconds: float
) -> FailureRow:
    """Break one thing under load, mend it, and see what that did."""
    live = page_requests(PAGE)
    late = [each.replace(b"\r\n", b"\r\nX-Deadline-Ms: 0\r\n", 1) for each in live]
    both = [request for pair in zip(live, late, strict=True) for request in pair]
    before, opened, bare = service.counted(), service.opened, service.bare
    mended = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(_load_until, mended, service.port, both, rate, seconds)
        try:
            wait_until(lambda: service.counted()["deadline"] > before["deadline"])
            time.sleep(seconds / 4)
            injection.inject()
            until = time.monotonic() + seconds / 2
            wait_until(
                lambda: all(service.counted()[name] > before[name] for name in injection.reasons)
            )
            time.sleep(max(0.0, until - time.monotonic()))
            injection.mend()
            recovery = wait_until(service.well)
        finally:
            mended.set()
        got = loading.result()
    reasons = service.counted() - before
    return {
        "injection": injection.name,
        "pages": sum(each.sent for each in got) + service.opened - opened,
        "without_image": sum(each.without_image for each in got) + service.bare - bare,
        "non_200": sum(n for each in got for status, n in each.statuses.items() if status != 200),
        "reasons": dict(reasons),
        "uncounted": [name for name in injection.reasons if not reasons[name]],
        "recovered": recovery is not None,
        "recovery_seconds": None if recovery is None else round(recovery, 2),
    }


def _load_until(
    mended: threading.Event, port: int, requests: Sequence[bytes], rate: float, seconds: float
) -> list[Load]:
    """Stretches of load, one after another, until all is as before: what breaks is always asked."""
    stretches = []
    while not (stretches and mended.is_set()):
        stretches.append(load(port, requests, rate, seconds, 64, PAGE))
    return stretches
