"""A live service with its bundles, maps and a look-up client, and ways to break each."""

import threading
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson

from bench.empty_bundle import write_empty_bundle
from bench.servers import RedisServer, served, wait_until
from bench.serving.live_app import BUNDLES, LOG, STORE, model
from bench.serving.random_maps import put_layout, random_maps
from data.atomic_write import move_into_place
from data.bundle import CURRENT
from serve.maps.lookup import Lookup

PAGE = 40
MEMBERS = 500


class BreakableService:
    """Redis, bundles, the service and the look-up client, with ways to break each."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.bundles, data = folder / "bundles", folder / "redis"
        for part in (self.bundles, data):
            part.mkdir()
        # redis is an optional package
        from serve.maps.redis_store import RedisStore

        self.redis = RedisServer(data)
        stack.callback(lambda: self.redis.stop())
        self.store = RedisStore(self.redis.url)
        self.maps = self._fill()
        self.publish()
        environment = {BUNDLES: str(self.bundles), STORE: self.redis.url, LOG: str(folder / "log")}
        self.port, _ = stack.enter_context(
            served("bench.serving.live_app:published", **environment)
        )
        looked_at = RedisStore(self.redis.url)
        stack.callback(looked_at.close)
        stack.callback(self.store.close)
        self.client = Lookup(looked_at)
        self.opened = self.bare = 0  # pages of the look-up client, and those that lack an image
        self._stop = threading.Event()
        looking = threading.Thread(target=self._look_up, daemon=True)
        looking.start()
        stack.callback(looking.join)
        stack.callback(self._stop.set)
        wait_until(self.well)

    def _fill(self) -> dict[str, bytes]:
        layout = model().layout
        put_layout(self.store, layout)
        names = [f"profile-{member}" for member in range(MEMBERS)]
        maps = random_maps(layout, MEMBERS, np.random.default_rng(0))
        self.store.put_many(names, maps)
        return dict(zip(names, maps, strict=True))

    def slow_redis(self) -> None:
        """Every command waits until half a second after the last of these calls."""
        # redis is an optional package
        from redis import Redis

        self._paused = threading.Event()

        def pause() -> None:
            with Redis(port=self.redis.port) as control:
                while not self._paused.is_set():
                    control.client_pause(500, all=True)
                    self._paused.wait(0.05)

        self._pausing = threading.Thread(target=pause, daemon=True)
        self._pausing.start()

    def unpause(self) -> None:
        """Let Redis answer at once again."""
        self._paused.set()
        self._pausing.join()

    def put_maps(self, flip: int) -> None:
        """Store every map anew, with a bit of its last byte flipped or not."""
        # redis is an optional package
        from redis import Redis

        from serve.maps.redis_store import MAPS

        with Redis(port=self.redis.port) as raw:
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
        return write_empty_bundle(self.bundles, {"context.onnx": now.encode() * 100})

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
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        reasons: Counter[str] = Counter()
        for line in lines:
            if line.startswith(("marquee_fallbacks_total{", "marquee_bundle_reloads_total{")):
                labels, value = line.rsplit(" ", 1)
                reasons[labels.rsplit('"', 2)[1]] += int(float(value))
        for reason, count in list(self.client.reasons.items()):
            reasons[f"lookup_{reason}"] += count
        return reasons

    def well(self) -> bool:
        """Pages are decided live, maps are read, and the bundle in use is the newest."""
        head = {"Content-Type": "application/json"}
        page = {"profile_id": "profile-0", "title_ids": list(range(1, PAGE + 1))}
        levels, reasons = set(), []
        for more in ({}, {"X-Deadline-Ms": "0"}):
            ask = urllib.request.Request(
                f"http://127.0.0.1:{self.port}/v1/decide", orjson.dumps(page), head | more
            )
            with urllib.request.urlopen(ask, timeout=30) as answer:
                decided = orjson.loads(answer.read())
            reasons.append(decided["reason"])
            levels |= {decision["level"] for decision in decided["decisions"]}
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=30) as answer:
            ready = orjson.loads(answer.read())
        newest = (self.bundles / CURRENT).resolve().name
        looked = self.client.counts["personalised"]
        time.sleep(0.05)
        return (
            (levels, reasons) == ({"personalised"}, [None, "deadline"])
            and (ready["bundle"], ready["refused"]) == (newest, "")
            and self.client.counts["personalised"] > looked
        )
