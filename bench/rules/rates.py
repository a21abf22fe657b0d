"""Live pages and look-ups a second with a thousand rules, beside the same without any."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.servers import served
from bench.serving.live import page_requests
from bench.serving.live_app import ARTWORKS, TITLES, model
from bench.serving.load_generator import load
from bench.serving.pages import processor_seconds
from bench.serving.random_maps import INFO, numbered_layout, put_layout
from data.rules.traits import ArtworkTraits
from data.rules.written import WrittenRules, parse_rules
from serve.live.app import live_app
from serve.live.door.door import Door
from serve.live.recorder import NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.maps.artwork_map import UNKNOWN_CODE, Run, encode_maps
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.rules.layout_rules import LayoutRules

RULES = "MARQUEE_BENCH_RULES"
"""How many rules the service has, and which share of them holds for the pages that are asked."""
COUNTRIES = [f"C{number}" for number in range(40)]
PAGES = 40


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


def service() -> Door:
    """The live service of `bench live` under the rules that the environment asks for."""
    count, here = os.environ[RULES].split(":")
    folder = Path(tempfile.mkdtemp(prefix="marquee-bench-"))
    (folder / "manifest.json").write_text("{}")
    its = replace(model(), rules=layout_rules(int(count), float(here)) if int(count) else None)
    return live_app(LiveService(ModelSource(folder, lambda _: its), NoLog(), deadline=1.0))


def live_rates(
    counts: Mapping[str, tuple[int, float]], seconds: float, times: int
) -> dict[str, float]:
    """Processor milliseconds that a page takes, by the name of what rules there are.

    The load goes from one service to the next, over and over, so that what else the machine does
    meets all alike; the log is off, since it waits for the disk.
    """
    spent: dict[str, list[float]] = {name: [] for name in counts}
    requests = page_requests(PAGES)
    for _ in range(times):
        for name, (count, here) in counts.items():
            with served("bench.rules.rates:service", **{RULES: f"{count}:{here}"}) as (port, pid):
                load(port, requests, None, 0.3, 4)  # warm
                before = processor_seconds(pid)
                got = load(port, requests, None, seconds, 4)
                spent[name].append(1000 * (processor_seconds(pid) - before) / got.sent)
    return {name: round(float(np.median(each)), 4) for name, each in spent.items()}


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
