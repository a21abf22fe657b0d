"""`python -m bench takedown`: until when pages still show what is taken down, under load."""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.optional import why_no_redis
from bench.rules.rates import layout_rules
from bench.rules.takedown_clients import Watching, asking
from bench.rules.takedown_rates import rates_beside_none
from bench.servers import redis_server
from bench.serving.live_app import ARTWORKS, TITLES
from bench.serving.random_maps import numbered_layout, put_layout, random_maps
from data import clock
from serve.maps.current import Current, put_current
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.maps.open_store import open_map_store
from serve.maps.store import MapStore
from serve.maps.takedown.instead import Instead, put_instead
from serve.maps.takedown.listed import change_takedown
from serve.rules.anybody import for_anybody

QUIET = 1.3
"""Seconds without a sighting after which there is none: clients look once a second."""


class TakedownWaits(NamedTuple):
    """How long takedowns took, and what pages showed meanwhile."""

    takedowns: int
    p50_s: float
    p95_s: float
    worst_s: float
    """From the takedown's first byte to the last page that showed the artwork."""
    worst_live_s: float
    """The same of live pages alone."""
    pages: int
    live_pages: int
    replaced: int
    """Pages that showed another in its place."""
    without_image: int
    """Pages that had none, or the placeholder where something was left to show."""
    outside_rules: int
    """Pages that showed in its place what a rule forbids to somebody."""
    shown_again: int
    """Sightings more than five seconds after."""
    reasons: dict[str, int]


# Each parameter is an option of the command.
def takedown(
    times: int = 100,
    clients: int = 3,
    members: int = 2000,
    pages: int = 1000,
    rules: int = 1000,
    redis: bool = True,
    seed: int = 0,
    quick: bool = False,
) -> dict[str, object]:
    """Take artwork down while pages are looked up and decided, and see when it is gone.

    Each look-up client is a process that opens pages of 40 titles, one of them the artwork's, of
    members whose maps choose it; a live service beside them decides such pages. Moments fall
    anywhere between the clients' looks.

    Args:
        times: Artworks taken down, one after another, in each kind of store.
        clients: Look-up processes.
        members: With maps.
        pages: A second that each look-up client opens, at most.
        rules: Loaded, of every effect.
        redis: Also in Redis, where redis-server is on this machine.
        seed: Of maps, artworks and moments.
        quick: Three takedowns, one client: to see that it works.
    """
    if quick:
        times, clients, members, pages = 3, 1, 200, 200
    found: dict[str, object] = {"clients": clients, "members": members, "rules_loaded": rules}
    plan = _Plan(times, clients, members, pages, rules, seed)
    turns, seconds = (1, 0.1) if quick else (7, 0.5)
    found["look_up_rate_beside_none"] = rates_beside_none(members, seconds, turns, seed)
    with tempfile.TemporaryDirectory() as folder:
        found["lmdb"] = _taken_down(plan, str(Path(folder) / "maps"))
    if redis and (why := why_no_redis()):
        return found | {"left_out": {"redis": why}}
    if redis:
        with redis_server(durable=False) as server:
            if server is not None:
                found["redis"] = _taken_down(plan, server.url)
    return found


class _Plan(NamedTuple):
    times: int
    clients: int
    members: int
    pages: int
    rules: int
    seed: int


def _taken_down(plan: _Plan, place: str) -> TakedownWaits:
    rng = np.random.default_rng(plan.seed)
    layout = numbered_layout(TITLES, ARTWORKS)
    store = LmdbStore(Path(place), durable=False) if "://" not in place else open_map_store(place)
    anybody = for_anybody(layout_rules(plan.rules, 0.1), layout, clock.now_us())
    choices = _filled(store, layout, anybody, plan.members, rng)
    targets = _targets(layout, anybody, choices, plan.times, rng)
    waits, live_waits, again = [], [], 0
    with ExitStack() as stack:
        watching = stack.enter_context(_clients(plan, place, layout, choices, anybody))
        for at, target in enumerate(targets):
            watching.target(target)
            time.sleep(0.4 + rng.random())
            start = time.monotonic()
            name = layout.artwork_ids[target]
            change_takedown(store, [name], True, clock.now_us(), "bench", "to see when it is gone")
            while time.monotonic() - max(watching.last(), start) < QUIET:
                time.sleep(0.05)
            waits.append(max(watching.last() - start, 0.0))
            live_waits.append(max(watching.last(live=True) - start, 0.0))
            again += waits[-1] > 5
            print(f"{at + 1} of {len(targets)}: {waits[-1]:.2f} s", file=sys.stderr)
    store.close()
    total = watching.total
    p50, p95, worst = (round(float(np.percentile(waits, share)), 3) for share in (50, 95, 100))
    return TakedownWaits(
        takedowns=len(waits),
        p50_s=p50,
        p95_s=p95,
        worst_s=worst,
        worst_live_s=round(max(live_waits), 3),
        pages=total["pages"],
        live_pages=total["live_pages"],
        replaced=total["replaced"],
        without_image=total["without_image"],
        outside_rules=total["outside_rules"],
        shown_again=again,
        reasons=dict(sorted(watching.reasons.items())),
    )


def _filled(
    store: MapStore, layout: Layout, anybody: Instead, members: int, rng: np.random.Generator
) -> np.ndarray:
    """Maps of members at random, and what else a precompute leaves; the ordinals they choose."""
    put_layout(store, layout)
    put_current(store, Current(1, layout.digest, None))
    put_instead(store, anybody)
    state = rng.bit_generator.state
    store.put_many([f"profile-{at}" for at in range(members)], random_maps(layout, members, rng))
    rng.bit_generator.state = state
    return layout.starts[:-1] + rng.integers(0, ARTWORKS, (members, TITLES))


def _targets(
    layout: Layout,
    anybody: Instead,
    choices: np.ndarray,
    times: int,
    rng: np.random.Generator,
) -> list[int]:
    """Ordinals of artwork to take down, one a title, that maps choose and that leave others."""
    targets = []
    for slot in rng.permutation(len(layout.title_ids)).tolist():
        first, end = int(layout.starts[slot]), int(layout.starts[slot + 1])
        target = int(rng.integers(first, end))
        left = anybody.artwork_ids.get(str(layout.title_ids[slot]), (layout.candidates(slot), []))
        others = {*left[0], *left[1]} - {layout.artwork_ids[target]}
        if others and (choices[:, slot] == target).any():
            targets.append(target)
        if len(targets) == times:
            break
    return targets


@contextmanager
def _clients(
    plan: _Plan, place: str, layout: Layout, choices: np.ndarray, anybody: Instead
) -> Iterator[Watching]:
    """Look-up clients and a live service that ask until they are told to end."""
    watching = Watching(plan.clients)
    with tempfile.TemporaryDirectory() as scratch:
        np.save(Path(scratch) / "choices.npy", choices)
        with asking(watching, place, Path(scratch), anybody.artwork_ids, plan.pages):
            yield watching


def show_takedown(record: dict[str, object]) -> None:
    """Print a line a figure."""
    for name, value in record.items():
        if isinstance(value, TakedownWaits):
            for field, figure in value._asdict().items():
                print(f"{name} {field}: {figure}")
        else:
            print(f"{name}: {value}")
