"""Look-ups from the map store, beside what the store and the arrays could do at most."""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import orjson

from bench.optional import why_no_redis
from bench.servers import redis_server
from bench.serving.random_maps import even_layout, put_layout, random_maps
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.maps.store import MapStore

Result = TypeVar("Result")
Ids = Literal["numbers", "text"]
Pages = np.ndarray | list[list[str]]


class Plan(NamedTuple):
    """What each process does: visits to pages of a store, for a while."""

    store: str  # a folder or a URL
    profiles: int
    page: int  # titles
    seconds: float
    batch: int = 0  # pages a call; 0: one, by the call for one
    ids: Ids = "numbers"


# Each parameter is an option of the command.
def lookup(
    profiles: int = 100_000,
    titles: int = 300,
    page: int = 40,
    pages_a_call: int = 16,
    processes: int = 2,
    seconds: float = 1.0,
    redis: bool = True,
    ids: Ids = "numbers",
    quick: bool = False,
) -> dict[str, object]:
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
        ids: Of the titles: whole numbers, or text of 40 to 60 bytes, whose objects are new on every
            page, as they are out of a request.
        quick: Few maps, one short round: to see that it works.
    """
    rounds = 3
    if quick:
        profiles, titles, seconds, rounds = min(profiles, 1000), max(page, 60), 0.05, 1
    with tempfile.TemporaryDirectory() as folder:
        layout, bytes_a_map = _fill(LmdbStore(Path(folder), durable=False), profiles, titles, ids)
        plan = Plan(folder, profiles, page, seconds, ids=ids)
        result = _embedded(plan, layout, pages_a_call, processes, rounds)
    result |= {"ids": ids, "bytes_a_map": bytes_a_map, "profiles": profiles, "titles_a_page": page}
    result |= {"processes": processes}
    if redis and (why := why_no_redis()):
        print(f"Redis is not measured: {why}", file=sys.stderr)
        return result | {"left_out": {"redis": why}}
    if redis:
        plan = Plan("", min(profiles, 20_000), page, seconds, ids=ids)
        result |= _redis(plan, titles, processes, pages_a_call)
    return result


def _embedded(
    plan: Plan, layout: Layout, pages_a_call: int, processes: int, rounds: int
) -> dict[str, object]:
    """From LMDB, beside what the store and the arrays could do at most."""
    many = plan._replace(batch=pages_a_call)
    # The best of the rounds, limit and all: whatever else runs here takes from some.
    rates = [
        (
            sum(_each(processes, _bare_gets, plan)),
            sum(_each(processes, _bare_lookups, plan, layout.title_ids)),
            sum(_each(processes, _pages, plan)),
            sum(_each(processes, _pages, many)),
        )
        for _ in range(rounds)
    ]
    gets, lookups, single, batched = (max(column) for column in zip(*rates, strict=True))
    latencies = np.concatenate(_each(processes, _latencies, plan))
    page = plan.page
    limit = page / (page / lookups + 1 / gets)
    return {
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
    }


def _fill(store: MapStore, profiles: int, titles: int, kind: Ids) -> tuple[Layout, int]:
    """A catalogue and maps of it; the layout, and the bytes of a map."""
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(2**31, titles, replace=False))
    named = tuple(f"{t}/{k}.jpg" for t in ids.tolist() for k in range(6))
    if kind == "text":
        texts = [f"catalogue/of a house/{t:010}/{'season ' * (t % 4)}✓" for t in ids.tolist()]
        ids = np.array(texts, object)
    layout = even_layout(ids, named)
    put_layout(store, layout)
    size = 0
    for start in range(0, profiles, 5000):
        count = min(5000, profiles - start)
        maps = random_maps(layout, count, rng)
        size = len(maps[0])
        store.put_many([f"profile-{start + i:08d}" for i in range(count)], maps)
    store.close()
    return layout, size


def _visits(plan: Plan, ids: np.ndarray, seed: int) -> tuple[list[str], np.ndarray]:
    """Members in random order, and as many pages of titles in random order."""
    rng = np.random.default_rng(seed)
    names = [f"profile-{i:08d}" for i in rng.integers(0, plan.profiles, 4096).tolist()]
    return names, np.stack([rng.choice(ids, plan.page, replace=False) for _ in range(4096)])


def _as_sent(pages: np.ndarray) -> Callable[[], Pages]:
    """Gives pages as they come in: numbers as they are, text as objects that nobody hashed yet."""
    if pages.dtype != object:
        return lambda: pages
    body = orjson.dumps(pages.tolist())
    return lambda: orjson.loads(body)


def _bare_gets(seed: int, plan: Plan) -> float:
    store = LmdbStore(Path(plan.store), readonly=True)
    names, _ = _visits(plan, np.arange(plan.page, dtype=np.uint32), seed)
    keys = [name.encode() for name in names]
    begin, done, start = store.environment().begin, 0, time.perf_counter()
    with begin(buffers=True) as txn:
        get = txn.get
        while time.perf_counter() - start < plan.seconds:
            for key in keys:
                get(key)
            done += len(keys)
    return done / (time.perf_counter() - start)


def _bare_lookups(seed: int, plan: Plan, ids: np.ndarray) -> float:
    wanted = list(_visits(plan._replace(profiles=1), ids, seed)[1])
    if plan.ids == "text":
        return _bare_text_lookups(plan, ids, np.array(wanted))
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < plan.seconds:
        for titles in wanted:
            ids.searchsorted(titles)
        done += len(wanted) * plan.page
    return done / (time.perf_counter() - start)


def _bare_text_lookups(plan: Plan, ids: np.ndarray, wanted: np.ndarray) -> float:
    """Titles a second out of a dictionary, the least that a page's text costs."""
    sent, slots = _as_sent(wanted), {title: slot for slot, title in enumerate(ids.tolist())}
    done, taken = 0, 0.0
    while taken < plan.seconds:
        pages = sent()
        start = time.perf_counter()
        for titles in pages:
            np.fromiter(map(slots.__getitem__, titles), np.intp, plan.page)
        taken += time.perf_counter() - start
        done += len(pages) * plan.page
    return done / taken


def _pages(seed: int, plan: Plan) -> float:
    client = Lookup(LmdbStore(Path(plan.store), readonly=True))
    names, pages = _visits(plan, client.titles, seed)
    urls, many, batch, sent = client.urls, client.urls_many, plan.batch, _as_sent(pages)
    done, taken = 0, 0.0
    while taken < plan.seconds:
        pages = sent()
        wanted = list(pages)
        start = time.perf_counter()
        if batch:
            for at in range(0, len(names), batch):
                many(names[at : at + batch], pages[at : at + batch])
        else:
            for name, titles in zip(names, wanted, strict=True):
                urls(name, titles)
        taken += time.perf_counter() - start
        done += len(names)
    if sum(client.counts.values()) != client.counts["personalised"]:
        raise RuntimeError(f"not every look-up was personalised: {client.counts}")
    return done / taken


def _latencies(seed: int, plan: Plan) -> np.ndarray:
    client = Lookup(LmdbStore(Path(plan.store), readonly=True))
    names, pages = _visits(plan, client.titles, seed)
    sent, taken = _as_sent(pages), []
    urls, now, start = client.urls, time.perf_counter, time.perf_counter()
    while now() - start < plan.seconds:
        for name, titles in zip(names, sent(), strict=True):
            before = now()
            urls(name, titles)
            taken.append(now() - before)
    return np.array(taken)


def _each(processes: int, work: Callable[..., Result], *arguments: object) -> list[Result]:
    """What each of some processes makes of its seed and the arguments."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return pool.starmap(work, [(seed, *arguments) for seed in range(processes)], chunksize=1)


def _redis(plan: Plan, titles: int, processes: int, pages_a_call: int) -> dict[str, object]:
    """The same from a Redis that this run starts and ends."""
    # redis is an optional package
    from serve.maps.redis_store import RedisStore

    with redis_server(durable=False) as server:
        assert server is not None
        plan = plan._replace(store=server.url)
        started = time.perf_counter()
        _fill(RedisStore(server.url, timeout=1.0), plan.profiles, titles, plan.ids)
        writes = plan.profiles / (time.perf_counter() - started)
        single = _each(processes, _redis_pages, plan)
        batched = _each(processes, _redis_pages, plan._replace(batch=pages_a_call))
    return {
        "redis_lookups_per_second": round(sum(rate for rate, _ in batched) * plan.page),
        "redis_share_of_time": round(float(np.mean([share for _, share in batched])), 3),
        "redis_one_page_a_call_lookups_per_second": round(sum(r for r, _ in single) * plan.page),
        "redis_one_page_a_call_share_of_time": round(float(np.mean([s for _, s in single])), 3),
        "redis_maps_written_per_second": round(writes),
    }


def _redis_pages(seed: int, plan: Plan) -> tuple[float, float]:
    """Pages a second, and the share of the time that waiting for Redis took."""
    # redis is an optional package
    from serve.maps.redis_store import RedisStore

    store, waited, now = RedisStore(plan.store, timeout=1.0), 0.0, time.perf_counter
    client = Lookup(store)
    names, pages = _visits(plan, client.titles, seed)
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
    client, sent = Lookup(store), _as_sent(pages[:512])
    done, taken, size = 0, 0.0, plan.batch or 1
    while taken < plan.seconds:
        wanted = sent()
        start = now()
        for at in range(0, 512, size):
            if plan.batch:
                client.urls_many(names[at : at + size], wanted[at : at + size])
            else:
                client.urls(names[at], wanted[at])
        taken += now() - start
        done += 512
    return done / taken, waited / taken
