"""`python tree_rates.py WHAT URL FOLDER COUNT`: a rate of whichever checkout can be imported.

Run with PYTHONPATH at a checkout, of this or of an earlier version: names that moved since are
looked for where they were. Prints one JSON object.
"""

import json
import sys
import time
from collections.abc import Callable
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


def log_rates(url: str, folder: Path, records: int) -> dict[str, float]:
    """Records appended in pages of 40 and acknowledged, then drained, a second."""
    address, drain = (
        known("data.log.redis_server:RedisAddress"),
        known("data.log.redis_drain:drain"),
    )
    decision = known("bench.logs.log:DECISION", "bench.log:DECISION")
    where = address(url) if address else url  # before a log had an address
    log = known("data.log.redis_log:RedisLog")(where)
    pages = [
        [{**decision, "decision_id": f"{number:032x}"} for number in range(first, first + PAGE)]
        for first in range(0, records, PAGE)
    ]
    start, tickets = time.perf_counter(), []
    for page in pages:
        while (ticket := log.append("decisions", page)) is None:
            tickets.pop(0).result()
        tickets.append(ticket)
    for ticket in tickets:
        ticket.result()
    appended = len(pages) * PAGE / (time.perf_counter() - start)
    start = time.perf_counter()
    moved = drain(where, folder, "one") if drain else log.drain(folder, "one")
    drained = moved["decisions"] / (time.perf_counter() - start)
    log.close()
    return {"appended": appended, "drained": drained}


def map_rates(url: str, _: Path, members: int) -> dict[str, float]:
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
    rates = {"bytes_a_map": float(len(maps[0]))}
    start = time.perf_counter()
    try:
        store.put_many(names, maps)
        rates["maps_written"] = members / (time.perf_counter() - start)
    except TypeError:  # of a version that could not write to a cluster: its pages can be read
        _put_plainly(url, names, maps)
    client = known("serve.maps.lookup:Lookup", "serve.lookup:Lookup")(store)
    titles = np.tile(layout.title_ids[:PAGE].astype(np.int64), (PAGES, 1))
    order = np.random.default_rng(1).integers(0, members, (4096, PAGES))
    rates["pages_16_a_call"] = PAGES * _a_second(
        lambda turn: client.urls_many([names[at] for at in order[turn % 4096]], titles)
    )
    rates["pages_one_a_call"] = _a_second(
        lambda turn: client.urls(names[order[turn % 4096, 0]], titles[0])
    )
    shown = client.counts["personalised"]
    rates["personalised"] = shown / max(1, sum(client.counts.values()))
    store.close()
    return rates


def _put_plainly(url: str, names: list[str], maps: list[bytes]) -> None:
    cluster = known("redis.cluster:RedisCluster")
    with cluster.from_url("redis://" + url.partition("://")[2]) as client:
        for name, held in zip(names, maps, strict=True):
            client.set(f"marquee:map:{name}", held)


def _a_second(act: Callable[[int], object]) -> float:
    done, start = 0, time.perf_counter()
    while (took := time.perf_counter() - start) < SECONDS:
        act(done)
        done += 1
    return done / took


if __name__ == "__main__":
    measure = {"log": log_rates, "maps": map_rates}[sys.argv[1]]
    print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
