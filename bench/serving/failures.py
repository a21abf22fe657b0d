"""What breaks under load, and what a page shows meanwhile: an image for every title, always.

A live service with published bundles and maps in Redis answers a load generator, and a look-up
client opens pages beside it; then one thing after another is broken and mended. Half of the live
pages have no time for the model, so that the maps are asked for as well.
"""

import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import redis
from rich.console import Console
from rich.table import Table

from bench.logs.crash import BUNDLE
from bench.serving.live import free_port, page_requests, served
from bench.serving.live_app import BUNDLES, STORE, model
from bench.serving.load_generator import load
from bench.serving.lookup import put_layout, random_maps
from data.atomic_write import move_into_place
from data.bundle import CURRENT
from data.errors import BadInput
from export.graphs.manifest import seal
from export.publish.staging import staging
from serve.maps.lookup import Lookup
from serve.maps.redis_store import MAPS, RedisStore

PAGE = 40
MEMBERS = 500
PATIENCE = 30.0
"""Seconds that the service may take to notice something and to be well again."""


class Injection(NamedTuple):
    """One thing that breaks."""

    name: str
    reasons: tuple[str, ...]  # what must be counted, each by one of live and look-up at least
    inject: Callable[[], None]
    mend: Callable[[], None]


def failures(rate: float = 200, seconds: float = 5.0, json: bool = False) -> dict[str, Any]:
    """Break Redis, a map, `current` and a bundle under load; count what pages showed.

    `injections` has for each: pages answered, those without an image for every title, answers
    other than 200, the reasons counted by the live service and the look-up client, and how long
    after the mending all was as before, without a restart.

    Args:
        rate: Requests a second to the live service.
        seconds: Length of the load for each; the middle half of it is broken.
        json: Print one JSON object and nothing else.

    Raises:
        BadInput: redis-server is not on this machine.
    """
    del json
    if shutil.which("redis-server") is None:
        raise BadInput("redis-server is not on this machine; install it to see Redis fail")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        world = _World(Path(folder), stack)
        rows = [_break(world, injection, rate, seconds) for injection in world.injections()]
    _show(rows)
    return {
        "injections": rows,
        "pages": sum(row["pages"] for row in rows),
        "without_image": sum(row["without_image"] for row in rows),
        "non_200": sum(row["non_200"] for row in rows),
        "problems": [f"{row['injection']}: {what}" for row in rows for what in _complaints(row)],
    }


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table("injection", "pages", "without image", "not 200", "reasons", "well again after")
    for row in rows:
        reasons = ", ".join(f"{name} {count}" for name, count in sorted(row["reasons"].items()))
        counts = (str(row[name]) for name in ("pages", "without_image", "non_200"))
        table.add_row(row["injection"], *counts, reasons, f"{row['recovery_seconds']} s")
    Console(stderr=True).print(table)


def _complaints(row: dict[str, Any]) -> list[str]:
    said = [f"{row[name]} {name}" for name in ("without_image", "non_200") if row[name]]
    said += [f"{reason} was not counted" for reason in row["uncounted"]]
    return said if row["recovered"] else [*said, f"not well {PATIENCE:.0f} s after the mending"]


class _World:
    """Redis, bundles, the service and the look-up client, with ways to break each."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.bundles, self.redis = folder / "bundles", folder / "redis"
        for made in (self.bundles, self.redis):
            made.mkdir()
        self.redis_port = free_port()
        url = f"redis://127.0.0.1:{self.redis_port}/0"
        self.start_redis()
        stack.callback(lambda: self.stop_redis(signal.SIGTERM))
        self.store = RedisStore(url)
        self.maps = self._fill()
        self.publish()
        environment = {BUNDLES: str(self.bundles), STORE: url}
        self.port, _ = stack.enter_context(
            served("bench.serving.live_app:published", str(folder / "log"), **environment)
        )
        looked_at = RedisStore(url)
        stack.callback(looked_at.close)
        stack.callback(self.store.close)
        self.client = Lookup(looked_at)
        self.opened = self.bare = 0  # pages of the look-up client, and those that lack an image
        self._stop = threading.Event()
        looking = threading.Thread(target=self._look_up)
        looking.start()
        stack.callback(looking.join)
        stack.callback(self._stop.set)
        self.until(self.well)

    def _fill(self) -> dict[str, bytes]:
        layout = model().layout
        maps = random_maps(layout, MEMBERS, np.random.default_rng(0))
        put_layout(self.store, layout)
        made = {f"profile-{member}": value for member, value in enumerate(maps)}
        self.store.put_many(list(made), list(made.values()))
        return made

    def injections(self) -> list[Injection]:
        """Everything that breaks, in order."""

        def nothing() -> None:
            return

        return [
            Injection(
                "Redis killed",
                ("store_down", "lookup_store_down"),
                lambda: self.stop_redis(signal.SIGKILL),
                self.start_redis,
            ),
            Injection(
                "Redis 500 ms late",
                ("store_timeout", "lookup_store_timeout"),
                self.slow_redis,
                self.unpause,
            ),
            Injection(
                "maps corrupt",
                ("map_corrupt", "lookup_map_corrupt"),
                lambda: self.put_maps(flip=1),
                lambda: self.put_maps(flip=0),
            ),
            Injection(
                "`current` removed", ("no_current",), (self.bundles / CURRENT).unlink, self.publish
            ),
            Injection("corrupt bundle swapped in", ("refused",), self.publish_torn, self.publish),
            Injection("nothing, to compare with", (), nothing, nothing),
        ]

    def start_redis(self) -> None:
        self._server = subprocess.Popen(
            ["redis-server", "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--dir", str(self.redis)],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        if self.until(self._redis_answers) is None:
            raise RuntimeError(f"redis-server did not start within {PATIENCE:.0f} s")

    def _redis_answers(self) -> bool:
        with redis.Redis(port=self.redis_port) as control:
            try:
                return bool(control.ping())
            except redis.RedisError:
                return False

    def stop_redis(self, how: signal.Signals) -> None:
        self._server.send_signal(how)
        self._server.wait()

    def slow_redis(self) -> None:
        """Every command waits until half a second after the last of these calls."""
        self._paused = threading.Event()

        def pause() -> None:
            with redis.Redis(port=self.redis_port) as control:
                while not self._paused.is_set():
                    control.client_pause(500, all=True)
                    self._paused.wait(0.05)

        self._pausing = threading.Thread(target=pause)
        self._pausing.start()

    def unpause(self) -> None:
        self._paused.set()
        self._pausing.join()

    def put_maps(self, flip: int) -> None:
        """Store every map anew, with a bit of its last byte flipped or not."""
        with redis.Redis(port=self.redis_port) as raw:
            for name, value in self.maps.items():
                raw.set(MAPS + name.encode(), value[:-1] + bytes([value[-1] ^ flip]))

    def publish(self) -> None:
        """A new bundle, and `current` at it."""
        self._point_at(self._bundle())

    def publish_torn(self) -> None:
        """The same, with a file that is not what the manifest says."""
        bundle = self._bundle()
        (bundle / "context.onnx").write_bytes(b"half of it")
        self._point_at(bundle)

    def _bundle(self) -> Path:
        now = datetime.now(UTC).isoformat()
        with staging(self.bundles) as part:
            (part / "context.onnx").write_bytes(now.encode() * 100)
            return seal(part, self.bundles, BUNDLE | {"created": now})

    def _point_at(self, bundle: Path) -> None:
        link = self.bundles / ".next"
        link.symlink_to(bundle.name)
        move_into_place(link, self.bundles / CURRENT)

    def _look_up(self) -> None:
        titles = np.arange(1, PAGE + 1)
        while not self._stop.wait(0.005):
            for member in range(10):
                urls = self.client.urls(f"profile-{(self.opened + member) % MEMBERS}", titles)
                self.bare += len(urls) != PAGE or not all(urls)
            self.opened += 10

    def counted(self) -> Counter[str]:
        """Reasons that the live service and the look-up client have counted so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        found: Counter[str] = Counter()
        for line in lines:
            if line.startswith(("marquee_fallbacks_total{", "marquee_bundle_reloads_total{")):
                labels, value = line.rsplit(" ", 1)
                found[labels.rsplit('"', 2)[1]] += int(float(value))
        for reason, count in list(self.client.reasons.items()):
            found[f"lookup_{reason}"] += count
        return found

    def well(self) -> bool:
        """Pages are decided live, maps are read, and the bundle in use is the newest."""
        head = {"Content-Type": "application/json"}
        page = {"profile_id": "profile-0", "title_ids": list(range(1, PAGE + 1))}
        levels, reasons = set(), []
        for more in ({}, {"X-Deadline-Ms": "0"}):
            ask = urllib.request.Request(
                f"http://127.0.0.1:{self.port}/v1/decide", orjson.dumps(page), head | more
            )
            with urllib.request.urlopen(ask) as answer:
                said = orjson.loads(answer.read())
            reasons.append(said["reason"])
            levels |= {decision["level"] for decision in said["decisions"]}
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz") as answer:
            ready = orjson.loads(answer.read())
        newest = (self.bundles / CURRENT).resolve().name
        looked = self.client.counts["personalised"]
        time.sleep(0.05)
        return (
            (levels, reasons) == ({"personalised"}, [None, "deadline"])
            and (ready["bundle"], ready["refused"]) == (newest, "")
            and self.client.counts["personalised"] > looked
        )

    def until(self, done: Callable[[], bool]) -> float | None:
        """Seconds until something is so; None if it takes too long."""
        start = time.monotonic()
        while not done():
            if time.monotonic() - start > PATIENCE:
                return None
            time.sleep(0.02)
        return time.monotonic() - start


def _break(world: _World, injection: Injection, rate: float, seconds: float) -> dict[str, Any]:
    """Break one thing under load, mend it, and see what that did."""
    live = page_requests(PAGE)
    late = [each.replace(b"\r\n", b"\r\nX-Deadline-Ms: 0\r\n", 1) for each in live]
    both = [request for pair in zip(live, late, strict=True) for request in pair]
    before, opened, bare = world.counted(), world.opened, world.bare
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(load, world.port, both, rate, seconds, 64, PAGE)
        world.until(lambda: world.counted()["deadline"] > before["deadline"])
        time.sleep(seconds / 4)
        injection.inject()
        until = time.monotonic() + seconds / 2
        world.until(lambda: all(world.counted()[name] > before[name] for name in injection.reasons))
        time.sleep(max(0.0, until - time.monotonic()))
        injection.mend()
        recovery = world.until(world.well)
        got = loading.result()
    reasons = world.counted() - before
    return {
        "injection": injection.name,
        "pages": got.sent + world.opened - opened,
        "without_image": got.without_image + world.bare - bare,
        "non_200": sum(count for status, count in got.statuses.items() if status != 200),
        "reasons": dict(reasons),
        "uncounted": [name for name in injection.reasons if not reasons[name]],
        "recovered": recovery is not None,
        "recovery_seconds": None if recovery is None else round(recovery, 2),
    }
