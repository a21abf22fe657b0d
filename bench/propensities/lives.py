"""Days of members who look again until they play, at pages that are served one way or another."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from bandit.draws import Epochs
from bench.propensities.audience import Audience, Turn, Visit
from bench.propensities.serving import FromMaps, Live, Models, Page, Serving
from data.atomic_write import move_into_place
from data.clock import VARIABLE, turn
from data.days import DAY_US, HOUR_US, day_number
from data.log import append_table, roll
from data.log.precompute_runs import FolderRuns
from data.records import EVENTS
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.precompute import precompute_maps
from simulate.browsing.habits import Habits
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.offers import page_facts
from simulate.browsing.pages import Slots, drawn_pages
from simulate.named_rng import named_generator
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches, world_on
from simulate.world.titles import START

Way = Literal["precompute", "live", "mixed"]
FIRST_DAY = day_number(START)
HOURS = 3
"""Between a member's visits of a day."""
WITHOUT_MAP, FRESH, LATE = 0.3, 0.1, 0.1
"""Where both ways are mixed: members that precompute leaves out, pages that ask for new draws, and
pages that fall back."""


@dataclass(frozen=True)
class Life:
    """What is lived through.

    Attributes:
        models: catalogue and cache.
        bundles: bundle of each day.
        members: how many.
        places: on the pages of a day.
        epochs: of draws.
        switches: change effects and the like.
        habits: of members.
    """

    models: Models
    bundles: Sequence[Path]
    members: int
    places: int
    epochs: Epochs
    switches: Switches
    habits: Habits = field(default_factory=Habits)


@dataclass
class Changes:
    """How much of the artwork of maps precompute changed."""

    changed: int = 0
    pairs: int = 0
    """Titles × members × days but the first."""


def live_through(life: Life, way: Way, seed: int, folder: Path) -> tuple[Audience, Changes]:
    """Let members look at pages for as many days as there are bundles.

    Args:
        life: what is lived through.
        way: how pages are served.
        seed: of members, visits, outcomes.
        folder: empty; for maps, clock, and `log`, which is rolled.
    """
    world = ArtworkWorld.read(life.models.catalogue, life.members, seed)
    audience = Audience.of(world, life.switches.change_cost)
    log, clock, current = folder / "log", folder / "clock", folder / "current"
    log.mkdir(parents=True)
    os.environ[VARIABLE] = str(clock)
    store, live, changes = LmdbStore(folder / "maps"), None, Changes()
    try:
        for day, bundle in enumerate(life.bundles):
            turn(clock, (FIRST_DAY + day) * DAY_US + HOUR_US)
            _point(current, bundle)
            work = life.models.work(bundle, FIRST_DAY + day, life.epochs)
            if way != "live":
                members = _with_maps(world, way)
                now = (FIRST_DAY + day) * 86_400 + 3600.0
                runs = FolderRuns(log)
                report = precompute_maps(
                    work, members, store, runs, workers=1, now=lambda now=now: now
                )
                if day:
                    changes.changed += report.artwork_changed
                    changes.pairs += len(members) * len(work.layout.title_ids)
            if way == "precompute":
                serving: Serving = FromMaps(store, work.layout)
            else:
                maps = store if way == "mixed" else None
                serving = live = live or Live(life.models, current, log, maps, life.epochs.days)
            today = world_on(world, life.switches, day)
            rng = named_generator("propensities", seed, day)
            for moment in _turns(today, life, day, way == "mixed", audience.memory, rng):
                turn(clock, moment.moment)
                pages = [visit.page for visit in moment.visits]
                audience.look(moment, serving.pages(pages, FIRST_DAY + day), rng)
            events = pa.Table.from_pylist(audience.events, EVENTS)
            append_table(log, "events", events, f"day-{day}")
            audience.events.clear()
    finally:
        if live is not None:
            live.close()
        store.close()
        del os.environ[VARIABLE]
    roll(log, keep_runs=True)
    return audience, changes


def _point(current: Path, bundle: Path) -> None:
    """Let a link lead to a bundle."""
    aside = current.with_suffix(".new")
    aside.symlink_to(bundle.resolve())
    move_into_place(aside, current)


def _with_maps(world: ArtworkWorld, way: Way) -> pa.Table:
    """Whom precompute decides for."""
    first = int(WITHOUT_MAP * len(world.members)) if way == "mixed" else 0
    rows = pa.array(np.arange(first, len(world.members)))
    return pa.table(
        {
            "profile_id": pa.array(world.members.profile_ids).take(rows),
            "facts": world.members.facts.take(rows),
        }
    )


def _turns(
    world: ArtworkWorld,
    life: Life,
    day: int,
    mixed: bool,
    memory: MemberMemory,
    rng: np.random.Generator,
) -> Iterator[Turn]:
    """A day's visits: the first of every member, then the second ones, and so on."""
    slots = drawn_pages(world, life.places, day, rng, life.habits, memory)
    facts = page_facts(world, slots, day)
    for number in np.unique(slots.turn).tolist():
        moment = (FIRST_DAY + day) * DAY_US + (6 + HOURS * number) * HOUR_US
        rows = np.flatnonzero(slots.turn == number)
        pages = np.split(rows, np.flatnonzero(np.diff(slots.visit[rows])) + 1)
        visits = [
            Visit(_page(world, slots, facts, at, f"{day}-{number}", mixed, rng), at) for at in pages
        ]
        yield Turn(world, day, moment, slots, visits)


def _page(
    world: ArtworkWorld,
    slots: Slots,
    facts: pa.StructArray,
    places: np.ndarray,
    name: str,
    mixed: bool,
    rng: np.random.Generator,
) -> Page:
    """What the page of some places asks for."""
    fresh, late = (rng.random(2) < (FRESH, LATE)).tolist()
    known = {
        key: dict(value) if isinstance(value, list) and key.startswith("watched") else value
        for key, value in facts[int(places[0])].as_py().items()
        if value is not None and key not in ("row", "column")
    }
    return Page(
        world.members.profile_ids[slots.member[places[0]]],
        world.truth.title_ids[slots.title[places]].tolist(),
        known,
        f"{name}-{slots.visit[places[0]]}",
        mixed and fresh,
        mixed and late,
    )
