"""What a page costs that is drawn as a row out of a map, beside one that is looked up."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.serving.random_maps import even_layout, put_layout, random_maps
from serve.maps.artwork_map import ArtworkMap
from serve.maps.lmdb_store import LmdbStore
from serve.maps.rows.row_lookup import RowLookup
from serve.maps.rows.row_part import RowPart, packed_facts, row_codes
from serve.maps.rows.row_table import RowRules, RowTable, row_table_key

TITLES, CANDIDATES, KEPT, RANK = 300, 6, 4, 8
FACTS = (
    b'{"country":"FR","device":"tv","tenure_days":412.0,"watched_genres":[["drama",31],'
    b'["comedy",12],["crime",9]],"watched_cast":[["A. Nobody",4],["B. Somebody",3]]}'
)
ROUNDS = 3


@dataclass(frozen=True)
class RowLookupCost:
    """Processor time of a page, microseconds, the least of three rounds.

    Attributes:
        titles: on the page.
        pages_a_call: opened at once.
        looked_up: title by title, as maps without rows are.
        drawn: as a row.
        logged: as a row that was not opened before, and is written to the log.
        bytes_a_map: without rows.
        bytes_with_rows: with them, and the member's facts.
    """

    titles: int
    pages_a_call: int
    looked_up: float
    drawn: float
    logged: float
    bytes_a_map: int
    bytes_with_rows: int


def row_lookups(profiles: int, seconds: float) -> list[RowLookupCost]:
    """Pages of 20 and of 40 titles, one and sixteen a call, out of LMDB.

    Args:
        profiles: with a map.
        seconds: of each round.
    """
    rng = np.random.default_rng(0)
    ids = np.sort(rng.choice(2**31, TITLES, replace=False))
    layout = even_layout(ids, tuple(f"{t}/{k}.jpg" for t in ids.tolist() for k in range(6)))
    rules = RowRules("b", "thompson", 0.05, 0, 14, None, layout.digest.hex(), KEPT)
    vectors = rng.normal(size=(len(layout.artwork_ids), RANK))
    form = rng.normal(size=(RANK, RANK)) / 20
    table = RowTable.of(rules, vectors, form + form.T)
    with tempfile.TemporaryDirectory() as folder:
        store = LmdbStore(Path(folder, "maps"), durable=False)
        put_layout(store, layout)
        store.put_shared(row_table_key(table.nonce), table.to_bytes())
        names = [f"profile-{at:08d}" for at in range(profiles)]
        plain = random_maps(layout, profiles, rng)
        maps = [_with_rows(value, table.nonce, rng) for value in plain]
        store.put_many(names, maps)
        found = []
        for titles in (20, 40):
            pages = np.stack([rng.choice(ids, titles, replace=False) for _ in range(1024)])
            for at_once in (1, 16):
                costs = _costs(store, Path(folder), names, pages, at_once, seconds)
                sizes = len(plain[0]), len(maps[0])
                found.append(RowLookupCost(titles, at_once, *costs, *sizes))
        store.close()
    return found


def _with_rows(value: bytes, nonce: int, rng: np.random.Generator) -> bytes:
    """A map with rows of random weights."""
    held = ArtworkMap.parse(value)
    ranks = rng.permuted(np.tile(np.arange(CANDIDATES), (TITLES, 1)), axis=1)[:, :KEPT]
    gaps = np.sort(rng.exponential(0.3, (TITLES, KEPT)), axis=1)
    gaps[:, 0] = 0
    codes = row_codes(ranks.astype(np.uint8), gaps, np.full(TITLES, 0.2))
    part = RowPart(nonce, 5, codes, packed_facts(FACTS))
    return replace(held, rows=part.to_bytes()).to_bytes()


def _costs(
    store: LmdbStore,
    folder: Path,
    names: Sequence[str],
    pages: np.ndarray,
    at_once: int,
    seconds: float,
) -> tuple[float, float, float]:
    """Of a page looked up, drawn, and drawn and logged."""
    quiet, writing = RowLookup(store), RowLookup(store, folder / f"log{at_once}-{pages.shape[1]}")
    number = count()

    def asked() -> tuple[list[str], np.ndarray]:
        at = next(number) * at_once
        some = [names[(at + k) * 7919 % len(names)] for k in range(at_once)]
        first = at % (len(pages) - at_once)
        return some, pages[first : first + at_once]

    def looked_up() -> None:
        some, titles = asked()
        if at_once == 1:
            quiet.urls(some[0], titles[0])
        else:
            quiet.urls_many(some, titles)

    def logged() -> None:
        some, titles = asked()
        writing.rows(some, titles, str(next(number)))

    found = [_least(call, seconds) for call in (looked_up, lambda: quiet.rows(*asked()), logged)]
    writing.close()
    return found[0] / at_once, found[1] / at_once, found[2] / at_once


def _least(call: Callable[[], object], seconds: float) -> float:
    """Processor time of a call, microseconds."""
    call()
    found = []
    for _ in range(ROUNDS):
        start, done = time.process_time(), 0
        while time.process_time() - start < seconds:
            for _ in range(10):
                call()
            done += 10
        found.append((time.process_time() - start) / done)
    return min(found) * 1e6


def show_lookups(console: Console, found: Sequence[RowLookupCost]) -> None:
    """Print a line a size of page."""
    table = Table("titles", "pages a call", "looked up, µs", "as a row", "ratio", "logged", "bytes")
    for one in found:
        costs = (one.looked_up, one.drawn, one.drawn / one.looked_up, one.logged)
        sizes = f"{one.bytes_a_map} → {one.bytes_with_rows}"
        table.add_row(
            *(str(one.titles), str(one.pages_a_call)), *(f"{cost:.1f}" for cost in costs), sizes
        )
    console.print(table)
