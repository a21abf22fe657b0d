"""Days of members who look again until they play, at pages that are served one way or another."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int
from scipy.special import expit

from bandit.draws import Epochs
from bench.propensities.looks import Looks
from bench.propensities.serving import (
    FromMaps,
    Live,
    Models,
    Page,
    Serving,
    ShownArtwork,
    precompute_day,
)
from data.clock import VARIABLE, turn
from data.days import DAY_US, HOUR_US, day_number
from data.log import append_table, roll
from data.records import EVENTS, SCHEMA_VERSION
from serve.maps.lmdb_store import LmdbStore
from serve.maps.store import MapStore
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
    """

    models: Models
    bundles: Sequence[Path]
    members: int
    places: int
    epochs: Epochs
    switches: Switches


@dataclass
class Lived:
    """What came of it."""

    looks: Looks
    draws: dict[str, int]
    """Decision id → number of the draw."""
    changed: int = 0
    """Titles of members whose artwork precompute changed, over all days."""
    pairs: int = 0
    """Titles × members × days but the first."""
    expected: float = 0.0
    """Takes that were expected of what was shown, over rendered looks."""
    best: float = 0.0
    """Of the best candidates."""
    even: float = 0.0
    """Of candidates drawn evenly."""


@dataclass
class _State:
    """What members have seen and done."""

    played: np.ndarray  # members × titles
    last_rank: np.ndarray
    last_draw: np.ndarray
    draws: dict[str, int] = field(default_factory=dict)
    looks: list[Looks] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)


class _Visit(NamedTuple):
    """A page and its places."""

    page: Page
    slots: Int[np.ndarray, " places"]


def live_through(life: Life, way: Way, seed: int, folder: Path) -> Lived:
    """Let members look at pages for as many days as there are bundles; the log is in `folder`/log.

    Args:
        life: what is lived through.
        way: how pages are served.
        seed: of members, visits, outcomes.
        folder: empty; for log, maps and clock.
    """
    world = ArtworkWorld.read(life.models.catalogue, life.members, seed)
    titles = len(world.truth.title_ids)
    log, clock, current = folder / "log", folder / "clock", folder / "current"
    log.mkdir(parents=True)
    os.environ[VARIABLE] = str(clock)
    store = LmdbStore(folder / "maps")
    live = None
    state = _State(
        np.zeros((life.members, titles), bool),
        np.full((life.members, titles), -1),
        np.full((life.members, titles), -1),
    )
    lived = Lived(Looks.together([_none(world)]), state.draws)
    try:
        for day, bundle in enumerate(life.bundles):
            turn(clock, (FIRST_DAY + day) * DAY_US + HOUR_US)
            _point(current, bundle)
            if way != "live":
                _decide_ahead(life, world, way, day, bundle, log, store, lived)
            if way == "precompute":
                work = life.models.work(bundle, FIRST_DAY + day, log, life.epochs)
                serving: Serving = FromMaps(store, work.layout)
            else:
                live = live or Live(life.models, current, log, store if way == "mixed" else None)
                serving = live
            _day(life, world, way, day, seed, serving, clock, state, lived)
            append_table(log, "events", pa.Table.from_pylist(state.events, EVENTS), f"day-{day}")
            state.events.clear()
    finally:
        if live is not None:
            live.close()
        store.close()
        del os.environ[VARIABLE]
    roll(log, keep_runs=True)
    lived.looks = Looks.together(state.looks)
    return lived


def _point(current: Path, bundle: Path) -> None:
    """Let a link lead to a bundle."""
    aside = current.with_suffix(".new")
    aside.symlink_to(bundle.resolve())
    aside.replace(current)


def _none(world: ArtworkWorld) -> Looks:
    width = world.truth.candidates(None)[0].shape[1]
    whole, real = np.zeros(0, np.int64), np.zeros((0, width))
    return Looks(whole, whole, whole, whole, whole, whole.astype(bool), whole, whole, real, real)


def _decide_ahead(
    life: Life,
    world: ArtworkWorld,
    way: Way,
    day: int,
    bundle: Path,
    log: Path,
    store: MapStore,
    lived: Lived,
) -> None:
    """Precompute the day's maps."""
    rows = np.arange(life.members)
    if way == "mixed":
        rows = rows[int(WITHOUT_MAP * life.members) :]
    facts = pa.table(
        {
            "profile_id": pa.array(world.members.profile_ids).take(pa.array(rows)),
            "facts": world.members.facts.take(pa.array(rows)),
        }
    )
    number = FIRST_DAY + day
    work = life.models.work(bundle, number, log, life.epochs)
    report = precompute_day(work, facts, store, number * 86_400 + 3600.0)
    if day:
        lived.changed += report.artwork_changed
        lived.pairs += len(rows) * len(work.layout.title_ids)


def _day(
    life: Life,
    world: ArtworkWorld,
    way: Way,
    day: int,
    seed: int,
    serving: Serving,
    clock: Path,
    state: _State,
    lived: Lived,
) -> None:
    """Visits of a day: the first of every member, then the second ones, and so on."""
    today = world_on(world, life.switches, day)
    rng = named_generator("propensities", seed, day)
    slots = drawn_pages(today, life.places, day, rng)
    facts = page_facts(today, slots, day)
    for number in np.unique(slots.turn).tolist():
        moment = (FIRST_DAY + day) * DAY_US + (6 + HOURS * number) * HOUR_US
        turn(clock, moment)
        visits = list(_visits(today, slots, facts, number, way, f"{day}-{number}", rng))
        shown = serving.pages([visit.page for visit in visits], FIRST_DAY + day)
        _look(life, today, day, moment, slots, visits, shown, rng, state, lived)


def _visits(
    world: ArtworkWorld,
    slots: Slots,
    facts: pa.StructArray,
    number: int,
    way: Way,
    name: str,
    rng: np.random.Generator,
) -> Iterator[_Visit]:
    """Pages of one turn."""
    rows = np.flatnonzero(slots.turn == number)
    for places in np.split(rows, np.flatnonzero(np.diff(slots.visit[rows])) + 1):
        fresh, late = rng.random(2)
        known = facts[int(places[0])].as_py()
        sent = {
            key: dict(value) if isinstance(value, list) and key.startswith("watched") else value
            for key, value in known.items()
            if value is not None and key not in ("row", "column")
        }
        page = Page(
            world.members.profile_ids[slots.member[places[0]]],
            world.truth.title_ids[slots.title[places]].tolist(),
            sent,
            f"{name}-{slots.visit[places[0]]}",
            way == "mixed" and bool(fresh < FRESH),
            way == "mixed" and bool(late < LATE),
        )
        yield _Visit(page, places)


def _look(
    life: Life,
    world: ArtworkWorld,
    day: int,
    moment: int,
    slots: Slots,
    visits: Sequence[_Visit],
    shown: Sequence[dict[int, ShownArtwork]],
    rng: np.random.Generator,
    state: _State,
    lived: Lived,
) -> None:
    """Members look at what pages show, and play; what they do is reported."""
    candidates, valid = _all_day(world, day)
    names = world.truth.catalogue.artwork_ids
    rows, draws, ranks, ids = [], [], [], []
    for visit, artworks in zip(visits, shown, strict=True):
        for slot, title in zip(visit.slots.tolist(), visit.page.title_ids, strict=True):
            if not slots.rendered[slot] or title not in artworks:
                continue
            of = candidates[slots.title[slot]][valid[slots.title[slot]]]
            rows.append(slot)
            ids.append(artworks[title].decision_id)
            ranks.append([names[row] for row in of].index(artworks[title].artwork_id))
            draws.append(state.draws.setdefault(ids[-1], len(state.draws)))
    at, rank, draw = np.array(rows, int), np.array(ranks, int), np.array(draws, int)
    member, title = slots.member[at], slots.title[at]
    pools, real = candidates[title], valid[title]
    logit = world.play_logit(member[:, None], pools, slots.offset[at][:, None])
    enjoy = np.where(real, world.enjoy_probability(member[:, None], pools), 0.0)
    logit = np.where(real, logit, -np.inf)
    rendered = ~state.played[member, title]
    was, was_draw = state.last_rank[member, title], state.last_draw[member, title]
    cost = life.switches.change_cost * ((was >= 0) & (was != rank))
    chance, liking = rng.random((2, len(at)))
    here = np.arange(len(at))
    played = rendered & (chance < expit(logit[here, rank] - cost))
    taken = played & (liking < enjoy[here, rank])
    state.looks.append(
        Looks(
            np.full(len(at), moment),
            *(member, title, draw, rank, rendered, was, was_draw),
            *(logit, enjoy),
        )
    )
    state.played[member[played], title[played]] = True
    seen = member[rendered], title[rendered]
    state.last_rank[seen], state.last_draw[seen] = rank[rendered], draw[rendered]
    takes = expit(logit) * enjoy
    lived.expected += float((expit(logit[here, rank] - cost) * enjoy[here, rank])[rendered].sum())
    lived.best += float(takes.max(1)[rendered].sum())
    lived.even += float((takes.sum(1) / real.sum(1))[rendered].sum())
    for i in np.flatnonzero(rendered).tolist():
        state.events += _events(
            world, moment, i, at, slots, ids[i], pools[i, rank[i]], played, taken
        )


def _all_day(
    world: ArtworkWorld, day: int
) -> tuple[Int[np.ndarray, "titles most"], Bool[np.ndarray, "titles most"]]:
    """The day's candidates, as wide as those of all days together."""
    rows, real = world.truth.candidates(day)
    missing = world.truth.candidates(None)[0].shape[1] - rows.shape[1]
    return np.pad(rows, ((0, 0), (0, missing))), np.pad(real, ((0, 0), (0, missing)))


def _events(
    world: ArtworkWorld,
    moment: int,
    i: int,
    at: Int[np.ndarray, " looks"],
    slots: Slots,
    name: str,
    artwork: int,
    played: np.ndarray,
    taken: np.ndarray,
) -> Iterator[dict[str, object]]:
    """What a device reports of one look."""
    slot = int(at[i])
    minutes = float(world.truth.runtime[slots.title[slot]]) if taken[i] else 0.25
    kinds = [("impression", 0, None)]
    if played[i]:
        kinds += [("play", 20, None), ("progress", 40, minutes)]
    for kind, seconds, watched in kinds:
        when = moment + seconds * 1_000_000
        yield dict.fromkeys(EVENTS.names) | {
            "schema_version": SCHEMA_VERSION,
            "event_id": f"{name}-{moment}-{kind}",
            "kind": kind,
            "time": when,
            "received": when,
            "decision_id": name,
            "profile_id": world.members.profile_ids[slots.member[slot]],
            "title_id": int(world.truth.title_ids[slots.title[slot]]),
            "artwork_id": world.truth.catalogue.artwork_ids[artwork],
            "minutes": watched,
            "row": int(slots.row[slot]),
            "column": int(slots.column[slot]),
        }
