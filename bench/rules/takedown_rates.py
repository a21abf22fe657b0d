"""Pages that are looked up a second while artwork is taken down, beside none."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.serving.live_app import ARTWORKS, TITLES
from bench.serving.random_maps import numbered_layout, put_layout, random_maps
from serve.maps.current import Current, put_current
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.maps.takedown.listed import NAME, Takedown

PAGE, TOGETHER, VISITS = 40, 16, 2048
"""Titles of a page; pages a call; visits of a round."""


def rates_beside_none(
    members: int, seconds: float, times: int, seed: int
) -> dict[str, dict[str, float]]:
    """Rates with so much taken down, each artwork of another title, as shares of that with none.

    Args:
        members: with maps.
        seconds: of each stretch, by the processor's time.
        times: stretches of each, in turn; medians count.
        seed: of maps and pages.
    """
    rng, layout = np.random.default_rng(seed), numbered_layout(TITLES, ARTWORKS)
    names = [f"profile-{at}" for at in rng.integers(0, members, VISITS).tolist()]
    pages = np.stack([rng.choice(TITLES, PAGE, replace=False) + 1 for _ in names])
    clients = dict[int, Lookup]()
    with tempfile.TemporaryDirectory() as folder:
        for down in (0, 1, 100):
            store = LmdbStore(Path(folder) / str(down), durable=False)
            put_layout(store, layout)
            put_current(store, Current(1, layout.digest, None))
            its = [f"profile-{at}" for at in range(members)]
            store.put_many(its, random_maps(layout, members, rng))
            taken = frozenset(layout.artwork_ids[ARTWORKS * at] for at in range(down))
            store.put_shared(NAME, Takedown(1, taken).to_bytes())
            store.close()
            clients[down] = Lookup(LmdbStore(Path(folder) / str(down), readonly=True))

        def alone(client: Lookup) -> None:
            for name, titles in zip(names, pages, strict=True):
                client.urls(name, titles)

        def together(client: Lookup) -> None:
            for at in range(0, VISITS, TOGETHER):
                client.urls_many(names[at : at + TOGETHER], pages[at : at + TOGETHER])

        found: dict[str, dict[str, float]] = {}
        for words, visit in (("a page a call", alone), ("sixteen", together)):
            rates: dict[int, list[float]] = {down: [] for down in clients}
            for _ in range(times):
                for down, client in clients.items():
                    rates[down].append(_rate(visit, client, seconds))
            medians = {down: float(np.median(each)) for down, each in rates.items()}
            found[words] = {
                f"{down} down": round(rate / medians[0], 3) for down, rate in medians.items()
            }
            found[words]["pages a second with none"] = round(medians[0])
    return found


def _rate(visit: Callable[[Lookup], None], client: Lookup, seconds: float) -> float:
    rounds, start = 0, time.process_time()
    while (spent := time.process_time() - start) < seconds:
        visit(client)
        rounds += 1
    return VISITS * rounds / spent
