"""`python tree_rates.py WHAT URL FOLDER COUNT PORT …`: a rate of whichever checkout is imported.

Run with PYTHONPATH at a checkout, of this or of an earlier version: names that moved since are
looked for where they were. Prints one JSON object: what was done a second, and what each took of
the processor, here and in the servers at the ports, in microseconds. On a machine that does much
else the processor's time still says what a thing costs; the second does not.
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

TITLES, PAGE, PAGES = 300, 40, 16
SECONDS = 1.0
"""Of each measurement of look-ups."""
Known = Any
"""A name of a version that this one's checker does not see."""


def known(*places: str) -> Known:
    """The first of some `module:name` that a checkout has; None: it has none of them."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    return None


class RatesAndCosts:
    """Rates and costs of what was measured.

    Args:
        ports: of the servers.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.rates: dict[str, float] = {}
        self._servers = [known("redis:Redis")(port=port) for port in ports]

    def _now(self) -> tuple[float, float, float]:
        used = [server.info("cpu") for server in self._servers]
        servers = sum(cpu["used_cpu_user"] + cpu["used_cpu_sys"] for cpu in used)
        return time.perf_counter(), time.process_time(), servers

    def on(self, what: str, act: Callable[[], int]) -> None:
        """Measure something, which says how often it was done."""
        # As the live service does: else a collection walks all that was imported, in one checkout
        # once and in the other not, by their numbers of objects.
        gc.collect()
        gc.freeze()
        before = self._now()
        done = act()
        wall, here, there = (b - a for a, b in zip(before, self._now(), strict=True))
        self.rates[what] = done / wall
        self.rates[f"{what}_client_us"] = 1e6 * here / done
        self.rates[f"{what}_server_us"] = 1e6 * there / done


def log_rates(spent: RatesAndCosts, url: str, folder: Path, records: int) -> None:
    """Records appended in pages of 40 and acknowledged, then drained, a second."""
    address, drain = (
        known("data.servers.redis_server:RedisAddress"),
        known("data.log.redis_drain:drain"),
    )
    decision = known("bench.logs.log:DECISION", "bench.log:DECISION")
    where = address(url) if address else url  # before a log had an address
    log = known("data.log.redis_log:RedisLog")(where)
    pages = [
        [{**decision, "decision_id": f"{number:032x}"} for number in range(first, first + PAGE)]
        for first in range(0, records, PAGE)
    ]

    paged = _pages_as_live_writes_them(decision, records // PAGE)

    def append() -> int:
        _handed_over(lambda page: log.append("decisions", page), pages)
        return len(pages) * PAGE

    def append_paged() -> int:
        _handed_over(lambda page: log.append_pages("decisions", [page]), paged)
        return len(paged)

    def empty() -> int:
        moved = drain(where, folder, "one") if drain else log.drain(folder, "one")
        return moved["decisions"]

    spent.on("appended", append)
    spent.on("drained", empty)
    spent.on("pages_logged", append_paged)
    spent.on("drained_of_pages", empty)
    log.close()


def _pages_as_live_writes_them(decision: dict[str, object], count: int) -> list[Known]:
    """Pages of PAGE decisions, one entry each, with what differs in each decision at random."""
    page = known("data.log:PageRecords", "data.log.records:Page")
    rng = np.random.default_rng(2)
    each = ("decision_id", "title_id", "action", "candidates", "propensity", "seed")
    shared = {k: v for k, v in decision.items() if k not in (*each, "probabilities")}
    made = []
    for _ in range(count):
        titles = rng.choice(100_000, PAGE, replace=False).tolist()
        pools = [[f"{title}-{rank}" for rank in range(6)] for title in titles]
        columns = {
            "decision_id": [rng.bytes(16).hex() for _ in titles],
            "title_id": titles,
            "action": [pool[int(rng.integers(6))] for pool in pools],
            "candidates": pools,
            "propensity": rng.random(PAGE).tolist(),
            "seed": rng.integers(0, 2**63, PAGE).tolist(),
        }
        made.append(page(shared, columns))
    return made


def _handed_over(append: Callable[[Known], Known], pages: Sequence[Known]) -> None:
    """Append pages, and wait until all are on disk."""
    tickets = []
    for page in pages:
        while (ticket := append(page)) is None:
            tickets.pop(0).result()
        tickets.append(ticket)
    for ticket in tickets:
        ticket.result()


def map_rates(spent: RatesAndCosts, url: str, _: Path, members: int) -> None:
    """Maps written, pages and single pages looked up a second."""
    room = "bench.serving.random_maps" if known("serve.maps.lookup:Lookup") else "bench.lookup"
    paths = tuple(f"{title}-{rank}" for title in range(TITLES) for rank in range(6))
    starts = np.arange(TITLES + 1) * 6
    layout = known("serve.maps.layout:Layout", "serve.layout:Layout")(
        np.arange(1, TITLES + 1, dtype=np.uint32), paths, paths, starts, starts[:-1]
    )
    store = known("serve.maps.open_store:open_map_store", "serve.store:open_store")(
        url, timeout=5.0
    )
    known(f"{room}:put_layout")(store, layout)
    if current := known("serve.maps.current:Current"):
        known("serve.maps.current:put_current")(store, current(1, layout.digest, None))
    names = [f"member-{number}" for number in range(members)]
    maps = known(f"{room}:random_maps")(layout, members, np.random.default_rng(0))
    spent.rates["bytes_a_map"] = len(maps[0])

    def put() -> int:
        store.put_many(names, maps)
        return members

    try:
        spent.on("maps_written", put)
    except TypeError:  # of a version that could not write to a cluster: its pages can be read
        _put_plainly(url, names, maps)
    client = known("serve.maps.lookup:Lookup", "serve.lookup:Lookup")(store)
    titles = np.tile(layout.title_ids[:PAGE].astype(np.int64), (PAGES, 1))
    order = np.random.default_rng(1).integers(0, members, (4096, PAGES))
    many = lambda turn: client.urls_many([names[at] for at in order[turn % 4096]], titles)  # noqa: E731
    one = lambda turn: client.urls(names[order[turn % 4096, 0]], titles[0])  # noqa: E731
    spent.on("pages_16_a_call", lambda: PAGES * _repeated(many))
    spent.on("pages_one_a_call", lambda: _repeated(one))
    spent.rates["personalised"] = client.counts["personalised"] / sum(client.counts.values())
    store.close()


def _put_plainly(url: str, names: list[str], maps: list[bytes]) -> None:
    cluster = known("redis.cluster:RedisCluster")
    with cluster.from_url("redis://" + url.partition("://")[2]) as client:
        for name, held in zip(names, maps, strict=True):
            client.set(f"marquee:map:{name}", held)


def _repeated(act: Callable[[int], object]) -> int:
    """How often something is done in `SECONDS`."""
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        act(done)
        done += 1
    return done


if __name__ == "__main__":
    found = RatesAndCosts([int(port) for port in sys.argv[5:]])
    measure = {"log": log_rates, "maps": map_rates}[sys.argv[1]]
    measure(found, sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(found.rates))
