"""Look-ups from the map store, beside what the store and the arrays could do at most."""

import multiprocessing
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from serve.maps.artwork_map import Run, encode_maps
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.maps.store import MapStore


def lookup(
    profiles: int = 100_000,
    titles: int = 300,
    page: int = 40,
    pages_a_call: int = 16,
    processes: int = 2,
    seconds: float = 1.0,
    redis: bool = True,
    json: bool = False,
) -> dict[str, Any]:
    """Image look-ups a second, store read included, and the p99 of one page request.

    A page is a member and its titles as an array of video ids, other ids on every page; each is
    opened from the store, checked and resolved to URLs. `bare_gets` reads without looking,
    `bare_lookups` looks without reading: together the least time that a page could take.

    Args:
        profiles: Members with a map.
        titles: Titles in each map.
        page: Titles on a page.
        pages_a_call: Page requests that wait together and are answered by one call.
        processes: Processes that look up at once.
        seconds: Length of each measurement; three rounds of each are taken.
        redis: Measure Redis too, when redis-server is on this machine.
        json: Print one JSON object and nothing else.
    """
    del json
    with tempfile.TemporaryDirectory() as folder:
        layout, bytes_a_map = _fill(LmdbStore(Path(folder), durable=False), profiles, titles)
        plan = (folder, profiles, page, seconds)
        # The best of three rounds, limit and all: whatever else runs here takes from some.
        rounds = [
            (
                _together(processes, _bare_gets, plan),
                _together(processes, _bare_lookups, (layout.title_ids, page, seconds)),
                _together(processes, _pages, (*plan, 0)),
                _together(processes, _pages, (*plan, pages_a_call)),
            )
            for _ in range(3)
        ]
        gets, lookups, single, batched = (max(column) for column in zip(*rounds, strict=True))
        latencies = np.concatenate(_each(processes, _latencies, plan))
        limit = page / (page / lookups + 1 / gets)
        result: dict[str, Any] = {
            "lookups_per_second": round(batched * page),
            "pages_a_call": pages_a_call,
            "one_page_a_call_lookups_per_second": round(single * page),
            "bare_gets_per_second": round(gets),
            "bare_array_lookups_per_second": round(lookups),
            "limit_lookups_per_second": round(limit),
            "share_of_limit": round(batched * page / limit, 3),
            "p50_us": round(float(np.percentile(latencies, 50)) * 1e6, 2),
            "p99_us": round(float(np.percentile(latencies, 99)) * 1e6, 2),
            "p999_us": round(float(np.percentile(latencies, 99.9)) * 1e6, 2),
            "bytes_a_map": bytes_a_map,
            "profiles": profiles,
            "titles_a_page": page,
            "processes": processes,
        }
    if redis:
        result |= _redis((min(profiles, 20_000), titles, page, processes, seconds, pages_a_call))
    return result


def _fill(store: MapStore, profiles: int, titles: int) -> tuple[Layout, int]:
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(2**31, titles, replace=False)).astype(np.uint32)
    paths = tuple(f"{t}/{k}.jpg" for t in ids.tolist() for k in range(6))
    layout = Layout(ids, paths, paths, np.arange(titles + 1) * 6, np.arange(titles) * 6)
    put_layout(store, layout)
    size = 0
    for start in range(0, profiles, 5000):
        count = min(5000, profiles - start)
        maps = random_maps(layout, count, rng)
        size = len(maps[0])
        store.put_many([f"profile-{start + i:08d}" for i in range(count)], maps)
    store.close()
    return layout, size


def put_layout(store: MapStore, layout: Layout) -> None:
    """What readers of the maps need, as precompute leaves it."""
    store.put_shared("layout:" + layout.digest.hex(), layout.to_bytes())
    store.put_shared("layout", layout.digest)


def random_maps(layout: Layout, members: int, rng: np.random.Generator) -> list[bytes]:
    """Artwork maps of one run, for a layout of six artworks a title."""
    choices = layout.starts[:-1] + rng.integers(0, 6, (members, len(layout.title_ids)))
    return encode_maps(
        layout.digest,
        layout.width,
        np.ones(members, np.uint64),
        np.zeros(members, np.uint32),
        choices,
        np.zeros(choices.shape, np.uint8),
        [(Run(20_000, 1, 2),)] * members,
    )


def _visits(profiles: int, ids: np.ndarray, page: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Members in random order, and as many pages of titles in random order."""
    rng = np.random.default_rng(seed)
    names = [f"profile-{i:08d}" for i in rng.integers(0, profiles, 4096).tolist()]
    titles = np.stack([rng.choice(ids, page, replace=False) for _ in range(4096)])
    return names, titles.astype(np.int64)


def _bare_gets(seed: int, folder: str, profiles: int, page: int, seconds: float) -> float:
    store = LmdbStore(Path(folder), readonly=True)
    names, _ = _visits(profiles, np.arange(page, dtype=np.uint32), page, seed)
    keys = [name.encode() for name in names]
    begin, done, start = store.begin, 0, time.perf_counter()
    with begin(buffers=True) as txn:
        get = txn.get
        while time.perf_counter() - start < seconds:
            for key in keys:
                get(key)
            done += len(keys)
    return done / (time.perf_counter() - start)


def _bare_lookups(seed: int, ids: np.ndarray, page: int, seconds: float) -> float:
    wanted = list(_visits(1, ids, page, seed)[1].astype(np.uint32))
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for titles in wanted:
            ids.searchsorted(titles)
        done += len(wanted) * page
    return done / (time.perf_counter() - start)


def _pages(seed: int, folder: str, profiles: int, page: int, seconds: float, batch: int) -> float:
    client = Lookup(LmdbStore(Path(folder), readonly=True))
    names, pages = _visits(profiles, client.titles, page, seed)
    wanted = list(pages)
    urls, many = client.urls, client.urls_many
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        if batch:
            for at in range(0, len(names), batch):
                many(names[at : at + batch], pages[at : at + batch])
        else:
            for name, titles in zip(names, wanted, strict=True):
                urls(name, titles)
        done += len(names)
    seconds_taken = time.perf_counter() - start
    if sum(client.counts.values()) != client.counts["personalised"]:
        raise RuntimeError(f"not every look-up was personalised: {client.counts}")
    return done / seconds_taken


def _latencies(seed: int, folder: str, profiles: int, page: int, seconds: float) -> np.ndarray:
    client = Lookup(LmdbStore(Path(folder), readonly=True))
    names, pages = _visits(profiles, client.titles, page, seed)
    wanted, taken = list(pages), []
    urls, now, start = client.urls, time.perf_counter, time.perf_counter()
    while now() - start < seconds:
        for name, titles in zip(names, wanted, strict=True):
            before = now()
            urls(name, titles)
            taken.append(now() - before)
    return np.array(taken)


def _each(processes: int, work: Any, plan: tuple[Any, ...]) -> list[Any]:
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return pool.starmap(work, [(seed, *plan) for seed in range(processes)], chunksize=1)


def _together(processes: int, work: Any, plan: tuple[Any, ...]) -> float:
    return float(sum(_each(processes, work, plan)))


def _redis(plan: tuple[int, int, int, int, float, int]) -> dict[str, Any]:
    """The same from a Redis that this run starts and ends."""
    profiles, titles, page, processes, seconds, pages_a_call = plan
    from serve.maps.redis_store import RedisStore

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        print("redis-server is not on this machine: Redis is not measured", file=sys.stderr)
        return {}
    url = f"redis://127.0.0.1:{port}/0"
    try:
        store = RedisStore(url, timeout=1.0)
        for _ in range(200):
            try:
                store.get("nobody")
                break
            except RuntimeError:
                time.sleep(0.02)
        started = time.perf_counter()
        _fill(store, profiles, titles)
        writes = profiles / (time.perf_counter() - started)
        counted = _each(processes, _redis_pages, (url, profiles, page, seconds, 0))
        batched = _each(processes, _redis_pages, (url, profiles, page, seconds, pages_a_call))
    finally:
        server.terminate()
        server.wait()
    return {
        "redis_lookups_per_second": round(sum(rate for rate, _ in batched) * page),
        "redis_share_of_time": round(float(np.mean([share for _, share in batched])), 3),
        "redis_one_page_a_call_lookups_per_second": round(sum(r for r, _ in counted) * page),
        "redis_one_page_a_call_share_of_time": round(float(np.mean([s for _, s in counted])), 3),
        "redis_maps_written_per_second": round(writes),
    }


def _redis_pages(
    seed: int, url: str, profiles: int, page: int, seconds: float, batch: int
) -> tuple[float, float]:
    """Pages a second, and the share of the time that waiting for Redis took."""
    from serve.maps.redis_store import RedisStore

    store, waited, now = RedisStore(url, timeout=1.0), 0.0, time.perf_counter
    client = Lookup(store)
    names, pages = _visits(profiles, client.titles, page, seed)
    get, get_many = store.get, store.get_many

    def timed_get(name: str) -> bytes | None:
        nonlocal waited
        before = now()
        value = get(name)
        waited += now() - before
        return value

    def timed_get_many(many: list[str]) -> list[bytes | None]:
        nonlocal waited
        before = now()
        values = get_many(many)
        waited += now() - before
        return values

    store.get, store.get_many = timed_get, timed_get_many  # type: ignore[method-assign]
    client = Lookup(store)
    done, start, size = 0, now(), batch or 1
    while now() - start < seconds:
        for at in range(0, 512, size):
            if batch:
                client.urls_many(names[at : at + size], pages[at : at + size])
            else:
                client.urls(names[at], pages[at])
        done += 512
    taken = now() - start
    return done / taken, waited / taken
