"""What maps pay for a synopsis beside each artwork: deciding, the log, their bytes, a look-up."""

import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.dimensions.page_cost import DAY, learnt_synopses
from data.days import day_number
from data.log.precompute_runs import FolderRuns, run_files
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.precompute.map_kinds import MapKinds
from serve.precompute.precompute import precompute_maps
from serve.precompute.work import Work
from serve.scoring.bundle_members import BundleMembers
from serve.scoring.candidate_bank import Bank
from simulate.kinds.told_world import KIND

MEMBERS, PAGE, ROUNDS = 4096, 40, 3


@dataclass(frozen=True)
class MapCost:
    """A run of precompute in one process, and look-ups in one thread; the best of rounds in turn.

    Attributes:
        beside: what is drawn beside artwork; empty: nothing.
        draws: a second, of titles for members, without a log.
        logged: likewise, with it.
        map_bytes: of a map, a title.
        log_bytes: of the log, a draw.
        urls: microseconds of a page of 40 titles' URLs.
        page: likewise, with what stands beside each.
    """

    beside: str
    draws: float
    logged: float
    map_bytes: float
    log_bytes: float
    urls: float
    page: float


def map_costs(bundle: Path, catalogue: Path, cache: Path, members: int = MEMBERS) -> list[MapCost]:
    """Decide maps with synopses and without, of the same members by the same bundle.

    Args:
        bundle: that knows the catalogue's artwork.
        catalogue: that `python -m simulate catalogue` wrote.
        cache: folder of decoded images.
        members: of a run.
    """
    known = learnt_synopses(bundle, catalogue, cache)
    plain = known.plain
    of_bundle = BundleMembers(known.scored.scorer)
    policy, shown = known.scored.policy(), plain.vectors
    kinds = MapKinds.of((KIND,), known.bank, known.assets, plain.layout, shown, DAY, policy)
    artwork = Work(
        of_bundle,
        Bank.of(plain.layout, shown, plain.names),
        plain.layout,
        plain.policy,
        day_number(DAY),
        heads=known.scored.scorer.manifest.policy.heads,
    )
    every = known.world.members.facts
    facts = every.take(pa.array(np.arange(members) % len(every)))
    names = pa.array([f"profile-{at}" for at in range(members)])
    table = pa.table({"profile_id": names, "facts": facts})
    works = {"": artwork, KIND: replace(artwork, kinds=kinds)}
    rounds = [{name: _measured(work, table, name) for name, work in works.items()}]
    for _ in range(ROUNDS - 1):
        rounds.append({name: _measured(work, table, name) for name, work in works.items()})
    return [_best([one[name] for one in rounds]) for name in works]


def _best(of: list[MapCost]) -> MapCost:
    most = {name: max(getattr(one, name) for one in of) for name in ("draws", "logged")}
    least = {name: min(getattr(one, name) for one in of) for name in ("urls", "page")}
    return replace(of[0], **most, **least)


def _measured(work: Work, table: pa.Table, name: str) -> MapCost:
    place = Path(tempfile.mkdtemp())
    try:
        store = LmdbStore(place / "maps", size=1 << 32)
        bare = precompute_maps(work, table, store, workers=1)
        urls, page = _look_ups(store, table)
        value = store.get("profile-0")
        assert value is not None
        store.close()
        store, log = LmdbStore(place / "more", size=1 << 32), place / "log"
        runs = FolderRuns(log)
        both = precompute_maps(replace(work, logged=True), table, store, runs, workers=1)
        store.close()
        size = sum(file.stat().st_size for file in run_files(log))
    finally:
        shutil.rmtree(place)
    titles = len(work.layout.title_ids)
    return MapCost(
        name,
        bare.decisions / bare.seconds,
        both.decisions / both.seconds,
        len(value) / titles,
        size / both.decisions,
        urls,
        page,
    )


def _look_ups(store: LmdbStore, table: pa.Table) -> tuple[float, float]:
    """Microseconds of a page: its URLs, and with what stands beside each."""
    look, profiles = Lookup(store), table["profile_id"].to_pylist()
    titles = look.titles[:PAGE]
    look.page(profiles[0]).assets(titles)
    start = time.perf_counter()
    for name in profiles:
        look.page(name).urls(titles)
    middle = time.perf_counter()
    for name in profiles:
        page = look.page(name)
        page.urls(titles)
        page.assets(titles)
    end = time.perf_counter()
    return tuple(part / len(profiles) * 1e6 for part in (middle - start, end - middle))
