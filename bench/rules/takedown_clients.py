"""Who looks at pages while artwork is taken down: look-up clients, and a live service."""

import asyncio
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.sharedctypes import Synchronized, SynchronizedArray
from pathlib import Path
from queue import Empty
from typing import NamedTuple, TypeAlias

import numpy as np
import orjson

from bench.serving.live_app import ARTWORKS, TITLES, model
from bench.serving.random_maps import numbered_layout
from data.rules.traits import ArtworkTraits
from serve.live.recorder import NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.shown.follow_rules import RulesFile
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store
from serve.maps.page_urls import PLACEHOLDER

PAGE, SEVERAL, LIVE_PAGES = 40, 20, 60
"""Titles of a page; pages that a client opens between two pauses; live pages a second."""
PATIENCE = 120.0
"""Seconds that a client may take until its first page, or to end."""
Told: TypeAlias = "multiprocessing.Queue[tuple[Counter[str], Counter[str]]]"
Anybody = Mapping[str, tuple[list[str], list[str]]]
CONTEXT = multiprocessing.get_context("spawn")


class SharedSight(NamedTuple):
    """What processes share: all of it in memory, and no locks on the way of a page."""

    target: "Synchronized[int]"
    """Ordinal that is looked for; −1: end."""
    last: "SynchronizedArray[float]"
    """Of each client, and of the live service behind them: when it was seen last."""
    begun: "SynchronizedArray[int]"


class Watching:
    """All that is seen, and what it came to in the end.

    Args:
        clients: Look-up processes.
    """

    def __init__(self, clients: int) -> None:
        self.clients = clients
        self.seen = SharedSight(
            CONTEXT.Value("q", 0), CONTEXT.Array("d", clients + 1), CONTEXT.Array("q", clients + 1)
        )
        self.total: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def target(self, ordinal: int) -> None:
        """Look for another artwork from now on."""
        self.seen.target.value = ordinal

    def last(self, live: bool = False) -> float:
        """When it was seen last, by a monotonic clock; by live pages alone, or by all."""
        return max(self.seen.last[self.clients if live else 0 :])


@contextmanager
def asking(
    watching: Watching, place: str, scratch: Path, anybody: Anybody, pages: int
) -> Iterator[None]:
    """Processes that ask for pages until the block ends.

    Args:
        watching: what they tell.
        place: of the store.
        scratch: folder with `choices.npy`, the ordinals that maps choose.
        anybody: title → artwork that anybody may be shown.
        pages: a second of each look-up client.

    Raises:
        RuntimeError: one of them does not begin, or does not end.
    """
    told = CONTEXT.Queue()
    given = (watching.seen, told, place)
    processes = [
        CONTEXT.Process(target=_look_up, args=(*given, str(scratch), dict(anybody), at, pages))
        for at in range(watching.clients)
    ]
    processes.append(CONTEXT.Process(target=_live, args=(*given, watching.clients)))
    for process in processes:
        process.start()
    try:
        until = time.monotonic() + PATIENCE
        while not all(watching.seen.begun[:]):
            if time.monotonic() > until or not all(each.is_alive() for each in processes):
                raise RuntimeError("a client did not begin")
            time.sleep(0.05)
        yield
        watching.target(-1)
        for _ in processes:
            total, reasons = told.get(timeout=PATIENCE)
            watching.total.update(total)
            watching.reasons.update(reasons)
    except Empty:
        raise RuntimeError("a client did not end") from None
    finally:
        watching.target(-1)
        for process in processes:
            process.join(10)
            if process.is_alive():
                process.terminate()


# What a process is given.
def _look_up(
    seen: SharedSight,
    told: "Told",
    place: str,
    scratch: str,
    anybody: Anybody,
    me: int,
    pages: int,
) -> None:
    client = Lookup(open_map_store(place, readonly=True))
    choices, layout = np.load(Path(scratch) / "choices.npy"), numbered_layout(TITLES, ARTWORKS)
    rng, total, held = np.random.default_rng([me, 7]), Counter[str](), -1
    members, titles, url, may = [0], np.zeros(PAGE, np.int64), "", frozenset[str]()
    while (target := seen.target.value) >= 0:
        if target != held:
            held, slot = target, target // ARTWORKS
            members = np.flatnonzero(choices[:, slot] == target).tolist()
            others = rng.permutation(np.delete(layout.title_ids, slot))[: PAGE - 1]
            titles = np.concatenate([layout.title_ids[slot : slot + 1], others]).astype(np.int64)
            url = layout.paths[target]
            free = anybody.get(str(titles[0]), (layout.candidates(slot), ()))
            names = {*free[0], *free[1]}
            paths = zip(layout.candidates(slot), layout.paths[slot * ARTWORKS :], strict=False)
            may = frozenset(path for name, path in paths if name in names)
        start = time.monotonic()
        for member in rng.choice(members, SEVERAL).tolist():
            shown = client.urls(f"profile-{member}", titles)
            if shown[0] == url:
                seen.last[me] = time.monotonic()
            else:
                total["replaced"] += 1
                total["outside_rules"] += shown[0] not in may
            total["pages"] += 1
            total["without_image"] += any(not one or one == PLACEHOLDER for one in shown)
        seen.begun[me] = 1
        time.sleep(max(SEVERAL / pages - (time.monotonic() - start), 0))
    told.put((total, client.reasons))


def _live(seen: SharedSight, told: "Told", place: str, me: int) -> None:
    asyncio.run(_live_pages(seen, told, place, me))


async def _live_pages(seen: SharedSight, told: "Told", place: str, me: int) -> None:
    layout = numbered_layout(TITLES, ARTWORKS)
    none = [frozenset[str]() for _ in layout.artwork_ids]
    title_ids = np.repeat(layout.title_ids, ARTWORKS).tolist()
    traits = ArtworkTraits(layout.artwork_ids, title_ids, {}, none, none)
    begun = replace(model(), traits=traits)
    total, rng = Counter[str](), np.random.default_rng(8)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_text("{}")
        source = ModelSource(Path(folder), lambda _: begun, rules=RulesFile(None, Path(folder)))
        store = open_map_store(place, readonly=True)
        service = LiveService(source, NoLog(), store, deadline=30.0)
        await service.start()
        while (target := seen.target.value) >= 0:
            slot = target // ARTWORKS
            others = np.delete(layout.title_ids, slot)
            titles = [layout.title_ids[slot].item(), *rng.choice(others, PAGE - 1).tolist()]
            request = {"profile_id": f"guest-{rng.integers(1 << 40)}", "title_ids": titles}
            request |= {"facts": {"country": "FR", "tenure_days": float(rng.integers(2000))}}
            answer = orjson.loads(await service.answer(request, service.due(None)))
            shown = [each["artwork_id"] for each in answer["decisions"]]
            if shown[0] == layout.artwork_ids[target]:
                seen.last[me] = time.monotonic()
            total["live_pages"] += 1
            total["without_image"] += any(not one for one in shown)
            seen.begun[me] = 1
            await asyncio.sleep(1 / LIVE_PAGES)
        await service.stop()
    told.put((total, Counter[str]()))
