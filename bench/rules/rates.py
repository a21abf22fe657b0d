"""Live pages and look-ups a second with a thousand rules, beside the same without any."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import orjson

from bench.serving.live import page_requests
from bench.serving.live_app import ARTWORKS, TITLES, model
from bench.serving.random_maps import INFO, numbered_layout, put_layout
from data.rules.traits import ArtworkTraits
from data.rules.written import WrittenRules, parse_rules
from serve.live.cells.arms import LiveArms
from serve.live.micro_batcher import MicroBatcher
from serve.live.recorder import NoLog, Recorder
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.snapshot import LiveModel
from serve.maps.artwork_map import UNKNOWN_CODE, Run, encode_maps
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.rules.layout_rules import LayoutRules

MakeArms: TypeAlias = Callable[[ModelSource, MicroBatcher, Recorder], LiveArms]
COUNTRIES = [f"C{number}" for number in range(40)]
PAGES, CLIENTS, EACH = 40, 4, 50
"""Titles of a page; who ask at once; pages that each asks for in a turn."""


def thousand_rules(count: int, here: float, seed: int = 0) -> WrittenRules:
    """Rules of all effects, each about an artwork or two, most of them of other countries.

    Args:
        count: how many.
        here: share whose condition holds for pages of FR.
        seed: of their targets.
    """
    rng = np.random.default_rng(seed)
    text = ["rules:"]
    kinds = ("deny", "floor", "cap", "deny", "pin")
    ranks = {"deny": 4, "floor": 1, "cap": 2, "pin": 0}
    for at in range(count):
        effect = kinds[at % len(kinds)]
        holds = rng.random() < here
        countries = ["FR"] if holds else rng.choice(COUNTRIES, 3, replace=False).tolist()
        title = int(rng.integers(TITLES))
        text += [
            f"  r{at}:",
            f"    effect: {effect}",
            f"    about: {{artwork: {title}-{ranks[effect]}}}",
            f"    where: {{country: [{', '.join(countries)}]}}",
            "    who: bench",
            "    why: rates",
        ]
        text += ["    share: 0.1"] if effect in ("floor", "cap") else []
    return parse_rules("\n".join(text).encode(), "rules")


def layout_rules(count: int, here: float) -> LayoutRules:
    """The same, about the catalogue of `bench live`."""
    layout = numbered_layout(TITLES, ARTWORKS)
    none = [frozenset[str]() for _ in layout.artwork_ids]
    title_ids = np.repeat(layout.title_ids, ARTWORKS).tolist()
    traits = ArtworkTraits(layout.artwork_ids, title_ids, {}, none, none)
    return LayoutRules.of(thousand_rules(count, here), traits, layout)


def live_rates(counts: Mapping[str, tuple[int, float]], times: int) -> dict[str, float]:
    """Processor milliseconds that a page takes, by the name of what rules there are.

    From request to answer, four clients at once, without HTTP and the disk. Services take turns in
    one process, so that what else the machine does meets all alike.
    """
    free = model()
    models = {
        name: free.with_rules(layout_rules(count, here) if count else None)
        for name, (count, here) in counts.items()
    }
    return asyncio.run(_live_rates(models, times))


async def _live_rates(models: Mapping[str, LiveModel], times: int) -> dict[str, float]:
    return await spent_a_page({name: await begun(its) for name, its in models.items()}, times)


async def spent_a_page(services: Mapping[str, LiveService], times: int) -> dict[str, float]:
    """Processor milliseconds that a page takes of services in turn; they are stopped behind it."""
    requests = [orjson.loads(raw.split(b"\r\n\r\n", 1)[1]) for raw in page_requests(PAGES)]

    async def client(service: LiveService, first: int) -> None:
        for at in range(first, first + EACH):
            await service.answer(requests[at % len(requests)], service.due(None))

    spent: dict[str, list[float]] = {name: [] for name in services}
    for _ in range(times):
        for name, service in services.items():
            start = time.process_time()
            await asyncio.gather(*(client(service, 97 * at) for at in range(CLIENTS)))
            took = time.process_time() - start
            spent[name].append(1000 * took / (CLIENTS * EACH))
    for service in services.values():
        await service.stop()
    return {name: round(float(np.median(each)), 4) for name, each in spent.items()}


async def begun(its: LiveModel, arms: MakeArms | None = None) -> LiveService:
    """A service of a model, its log off; `arms` as `LiveService` takes them."""
    folder = Path(tempfile.mkdtemp(prefix="marquee-bench-"))
    (folder / "manifest.json").write_text("{}")
    source = ModelSource(folder, lambda _: its)
    service = LiveService(source, NoLog(), deadline=30.0, watch=3600.0, arms=arms)
    await service.start()
    return service


def lookup_rates(
    ruled: Mapping[str, int], members: int, seconds: float, times: int
) -> dict[str, float]:
    """Pages of 40 titles a second of a processor, out of maps with so many ruled titles."""
    clients: dict[str, Lookup] = {}
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as scratch:
        for name, titles in ruled.items():
            store = LmdbStore(Path(scratch) / name, durable=False)
            _fill(store, members, titles, rng)
            store.close()
            clients[name] = Lookup(LmdbStore(Path(scratch) / name, readonly=True))
        names = [f"profile-{i}" for i in rng.integers(0, members, 2048).tolist()]
        pages = np.stack([rng.choice(TITLES, PAGES, replace=False) + 1 for _ in names])
        found: dict[str, list[float]] = {name: [] for name in ruled}
        for _ in range(times):
            for name, client in clients.items():
                found[name].append(_pages(client.urls, names, pages, seconds))
        return {name: round(float(np.median(each))) for name, each in found.items()}


def _fill(store: LmdbStore, members: int, ruled: int, rng: np.random.Generator) -> None:
    layout = numbered_layout(TITLES, ARTWORKS)
    put_layout(store, layout)
    choices = layout.starts[:-1] + rng.integers(0, ARTWORKS, (members, TITLES))
    codes = np.zeros(choices.shape, np.uint8)
    codes[:, :ruled] = UNKNOWN_CODE
    words = rng.integers(1, 2**63, ruled).tolist()
    maps = encode_maps(
        layout.digest,
        layout.width,
        np.ones(members, np.uint64),
        np.zeros(members, np.uint32),
        choices,
        np.zeros(choices.shape, np.uint8),
        [(Run(20_000, 1, INFO.nonce, INFO.rules.epochs.days),)] * members,
        codes=codes,
        explicit=[[(slot, 0.5) for slot in range(ruled)]] * members,
        ruled=[list(enumerate(words))] * members,
    )
    store.put_many([f"profile-{member}" for member in range(members)], maps)


def _pages(
    urls: Callable[..., np.ndarray], names: list[str], pages: np.ndarray, seconds: float
) -> float:
    # By the processor's time, of which neighbours take none.
    done, start = 0, time.process_time()
    wanted = list(pages)
    while time.process_time() - start < seconds:
        for name, titles in zip(names, wanted, strict=True):
            urls(name, titles)
        done += len(names)
    return done / (time.process_time() - start)
