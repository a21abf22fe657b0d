"""`python -m bench rates --hosts 1 2 4`: look-ups by how many processes ask the same servers.

Page servers share nothing but the servers of maps. So what a page costs either side should not
depend on how many ask; where it does not, many hosts are a multiplication, which is done here for
20 million look-ups a second and 130 million members. On a few cores the rates themselves end where
the cores do: the processor's time is what is multiplied.
"""

import math
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np

from bench.hosts.stage.map_cluster import cluster
from bench.servers import RedisServer
from bench.serving.random_maps import numbered_layout, put_layout, random_maps
from serve.maps.current import Current, put_current
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store

TITLES, PAGE, CHUNK = 300, 40, 10_000
CALLS = {"16 pages a call": 16, "a page a call": 1}
LOOKUPS, MEMBERS = 20_000_000, 130_000_000
BUSY = 0.6
"""Of a node's core: above it answers wait for one another."""
PATIENCE = 120.0


class Asked(NamedTuple):
    """What one process got."""

    pages: int
    cpu_seconds: float
    personalised: float


class ByClients(TypedDict):
    """Look-ups by a number of processes at once."""

    clients: int
    pages_a_second: int
    client_us: float
    """Of a core, a page."""
    servers_us: float
    personalised: float


class Sized(TypedDict):
    """What LOOKUPS and MEMBERS take, by multiplication of what the most clients cost."""

    page_server_cores: float
    nodes_for_lookups: int
    """Each on one core, BUSY of it."""
    gigabytes: float
    """A copy of all maps."""


class Calls(TypedDict):
    """Look-ups of so many pages a call."""

    by_clients: list[ByClients]
    sized: Sized


def by_hosts(
    hosts: Sequence[int], members: int, seconds: float, kinds: Sequence[str] = ("single", "cluster")
) -> dict[str, dict[str, Calls | float]]:
    """Measure look-ups by some numbers of processes, against one server and a cluster of three.

    Args:
        hosts: numbers of processes.
        members: with a map of 300 titles.
        seconds: of each measurement.
        kinds: of stores.
    """
    result: dict[str, dict[str, Calls | float]] = {}
    for kind in kinds:
        opened = OPENED[kind]
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as (url, servers):
            held = _fill(url, servers, members)
            found: dict[str, Calls | float] = {"bytes_a_member": round(held / members)}
            for call, pages in CALLS.items():
                rows = [_measured(url, servers, n, members, pages, seconds) for n in hosts]
                found[call] = Calls(by_clients=rows, sized=sized(rows[-1], held / members))
                print(kind, call, *rows, sep="\n  ", file=sys.stderr, flush=True)
            result[kind] = found
    return result


def sized(row: ByClients, bytes_a_member: float) -> Sized:
    """What a row comes to for LOOKUPS a second, PAGE a page, and MEMBERS."""
    pages = LOOKUPS / PAGE
    return {
        "page_server_cores": round(pages * row["client_us"] / 1e6, 1),
        "nodes_for_lookups": math.ceil(pages * row["servers_us"] / 1e6 / BUSY),
        "gigabytes": round(MEMBERS * bytes_a_member / 1e9),
    }


@contextmanager
def _single(folder: Path) -> Iterator[tuple[str, list[RedisServer]]]:
    server = RedisServer(folder, durable=False)
    try:
        yield server.url, [server]
    finally:
        server.stop()


@contextmanager
def _cluster(folder: Path) -> Iterator[tuple[str, list[RedisServer]]]:
    with cluster(folder, durable=False) as nodes:
        yield f"redis+cluster://127.0.0.1:{nodes[0].port}", nodes


OPENED = {"single": _single, "cluster": _cluster}


def _of_servers(servers: Sequence[RedisServer], section: str, *names: str) -> float:
    """The sum of what servers say of themselves."""
    # redis is an optional package
    from redis import Redis

    total = 0.0
    for server in servers:
        with Redis(port=server.port) as client:
            said = client.info(section)
            total += sum(float(said[name]) for name in names)
    return total


def _fill(url: str, servers: Sequence[RedisServer], members: int) -> float:
    """Write everybody's map; bytes of memory that the servers took for them."""
    layout, rng = numbered_layout(TITLES, 6), np.random.default_rng(0)
    store = open_map_store(url, timeout=5.0)
    put_layout(store, layout)
    put_current(store, Current(1, layout.digest, None))
    before = _of_servers(servers, "memory", "used_memory")
    for first in range(0, members, CHUNK):
        names = [f"member-{number}" for number in range(first, min(first + CHUNK, members))]
        store.put_many(names, random_maps(layout, len(names), rng))
    store.close()
    return _of_servers(servers, "memory", "used_memory") - before


def _measured(
    url: str, servers: Sequence[RedisServer], clients: int, members: int, pages: int, seconds: float
) -> ByClients:
    """Let some processes ask at once."""
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(clients + 1), context.Queue()
    asking = [
        context.Process(target=_ask, args=(url, number, members, pages, seconds, ready, answers))
        for number in range(clients)
    ]
    for process in asking:
        process.start()
    try:
        ready.wait(PATIENCE)
        before = _of_servers(servers, "cpu", "used_cpu_user", "used_cpu_sys")
        found = [Asked(*answers.get(timeout=PATIENCE + seconds)) for _ in asking]
        spent = _of_servers(servers, "cpu", "used_cpu_user", "used_cpu_sys") - before
    finally:
        for process in asking:
            process.join(PATIENCE)
    done = sum(one.pages for one in found)
    return {
        "clients": clients,
        "pages_a_second": round(done / seconds),
        "client_us": round(1e6 * sum(one.cpu_seconds for one in found) / done, 2),
        "servers_us": round(1e6 * spent / done, 2),
        "personalised": min(one.personalised for one in found),
    }


# Each parameter is what a process is given.
def _ask(
    url: str,
    number: int,
    members: int,
    pages: int,
    seconds: float,
    ready: Barrier,
    answers: "Queue[Asked]",
) -> None:
    """Look up pages of members at random for some seconds."""
    store = open_map_store(url, readonly=True, timeout=5.0)
    client = Lookup(store)
    titles = np.tile(client.titles[:PAGE].astype(np.int64), (pages, 1))
    order = np.random.default_rng(number).integers(0, members, (4096, pages)).tolist()
    names = [[f"member-{at}" for at in some] for some in order]
    many: Callable[[int], object] = lambda at: client.urls_many(names[at % 4096], titles)  # noqa: E731
    one: Callable[[int], object] = lambda at: client.urls(names[at % 4096][0], titles[0])  # noqa: E731
    act, calls = (many if pages > 1 else one), 0
    act(0)
    ready.wait(PATIENCE)
    start, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        act(calls)
        calls += 1
    spent = time.process_time() - cpu
    counts = client.counts
    answers.put(Asked(calls * pages, spent, counts["personalised"] / sum(counts.values())))
    store.close()
