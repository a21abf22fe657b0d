"""`python -m bench rates`: what Redis does for us a second, beside `redis-benchmark` on it.

One process of ours asks one server, and a cluster of three on the same cores; the peer sends the
same commands with values of the same size, as deep in a pipeline, and does nothing with the answer.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.hosts.against import compared
from bench.hosts.by_hosts import by_hosts
from bench.hosts.stage.map_cluster import cluster
from bench.logs.log import DECISION
from bench.optional import why_no_redis
from bench.servers import RedisServer
from bench.serving.random_maps import numbered_layout, put_layout, random_maps
from data.errors import BadInput
from serve.maps.current import Current, put_current
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store

TITLES, PAGE, DEEP, PAGES = 300, 40, 1000, 16


def rates(
    members: int = 20_000,
    records: int = 100_000,
    seconds: float = 3.0,
    against: Path | None = None,
    rounds: int = 5,
    hosts: list[int] | None = None,
    quick: bool = False,
) -> dict[str, object]:
    """Look-ups, map writes, log appends and drained records a second, single and cluster.

    Args:
        members: with a map of 300 titles.
        records: that are appended to the log and drained.
        seconds: of each measurement of look-ups.
        against: folder of an earlier checkout, which does the same on the same servers in
            turn; the ratios of both are given in place of a peer's rates.
        rounds: of both.
        hosts: numbers of processes that look up at once, such as 1 2 4: what a page costs each
            and the servers is given in place of the rest, and what many hosts come to.
        quick: few, for a moment: to see that it works.
    """
    if why := why_no_redis():
        return {"left_out": {"redis": why}}
    if members < PAGES or records < 1:
        raise BadInput(f"--members {members} --records {records}: give {PAGES} and 1 at least")
    if quick:
        members, records, seconds, rounds = 500, 1000, 0.2, 1
    if hosts is not None:
        if not hosts or min(hosts) < 1:
            raise BadInput(f"--hosts {hosts}: give numbers of processes from 1 on, such as 1 2 4")
        return dict(by_hosts(hosts, members, seconds))
    if against is not None:
        return compared(against, members, records, rounds)
    result: dict[str, object] = {}
    for kind, opened in (("single", _single), ("cluster", _cluster)):
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (url, port):
            result[kind] = _maps(url, port, members, seconds)
            print(kind, result[kind], file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        result["log"] = _log(Path(folder), records)
    return result


@contextmanager
def _single(folder: Path) -> Iterator[tuple[str, int]]:
    server = RedisServer(folder, durable=False)
    try:
        yield server.url, server.port
    finally:
        server.stop()


@contextmanager
def _cluster(folder: Path) -> Iterator[tuple[str, int]]:
    with cluster(folder, durable=False) as nodes:
        yield f"redis+cluster://127.0.0.1:{nodes[0].port}", nodes[0].port


def _maps(url: str, port: int, members: int, seconds: float) -> dict[str, float]:
    """Maps written a second, pages and images looked up a second."""
    layout = numbered_layout(TITLES, 6)
    store = open_map_store(url, timeout=5.0)
    put_layout(store, layout)
    put_current(store, Current(1, layout.digest, None))
    names = [f"member-{number}" for number in range(members)]
    maps = random_maps(layout, members, np.random.default_rng(0))
    start = time.perf_counter()
    store.put_many(names, maps)
    written = members / (time.perf_counter() - start)
    client = Lookup(store)
    titles = np.tile(layout.title_ids[:PAGE].astype(np.int64), (PAGES, 1))
    rng = np.random.default_rng(1)

    def together() -> int:
        client.urls_many([names[at] for at in rng.integers(0, members, PAGES)], titles)
        return PAGES

    def one() -> int:
        client.urls(names[int(rng.integers(0, members))], titles[0])
        return 1

    pages, single = _a_second(together, seconds), _a_second(one, seconds)
    store.close()
    size = str(len(maps[0]))
    peer = ["--cluster"] if url.startswith("redis+cluster") else []
    return {
        "maps_written": round(written),
        "peer_sets": _peer(port, [*peer, "-t", "set", "-P", str(DEEP), "-n", "200000"], size),
        "pages_one_a_call": round(single),
        "peer_gets_one_a_call": _peer(port, [*peer, "-t", "get", "-P", "1", "-n", "20000"], size),
        "pages_16_a_call": round(pages),
        "peer_gets_16_a_call": _peer(port, [*peer, "-t", "get", "-P", "16", "-n", "200000"], size),
        "images_looked_up": round(pages * PAGE),
    }


def _a_second(act: Callable[[], int], seconds: float) -> float:
    done, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < seconds:
        done += act()
    return done / took


def _peer(port: int, options: list[str], size: str) -> float:
    """Requests a second of `redis-benchmark`, from one connection."""
    command = ["redis-benchmark", "-p", str(port), "-c", "1", "-d", size, "-r", "20000", "--csv"]
    ended = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    rows = [line.split(",") for line in ended.stdout.splitlines() if line.startswith('"')]
    return round(float(rows[-1][1].strip('"'))) if len(rows) > 1 else 0.0


def _log(folder: Path, records: int) -> dict[str, float]:
    """Records appended in pages of 40 and acknowledged, then drained, a second."""
    # redis is an optional package
    from data.log.redis_drain import drain
    from data.log.redis_log import RedisLog
    from data.servers.redis_server import RedisAddress

    server = RedisServer(folder)
    try:
        address = RedisAddress(server.url)
        with RedisLog(address) as log:
            start, tickets = time.perf_counter(), []
            for first in range(0, records, PAGE):
                page = [
                    {**DECISION, "decision_id": f"{number:032x}"}
                    for number in range(first, min(records, first + PAGE))
                ]
                while (ticket := log.append("decisions", page)) is None:
                    tickets.pop(0).result()
                tickets.append(ticket)
            for ticket in tickets:
                ticket.result()
            appended = records / (time.perf_counter() - start)
        start = time.perf_counter()
        moved = drain(address, folder / "log", "one")
        drained = moved["decisions"] / (time.perf_counter() - start)
        peer = _peer(
            server.port, ["-P", "100", "-n", "50000", "xadd", "s", "*", "b", "x" * 400], "3"
        )
    finally:
        server.stop()
    return {"appended": round(appended), "peer_xadds": peer, "drained": round(drained)}
