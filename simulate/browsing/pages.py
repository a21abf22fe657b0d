"""Pages: who visits on a day, which titles stand where, and how much of it is looked at."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from simulate.browsing.habits import NO_HABITS, Habits
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.recommender import Recommender
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.population import DAY_PARTS, DEVICES, visited_kinds


@dataclass(frozen=True)
class Surface:
    """A kind of page."""

    name: str
    share: float
    """Of visits."""
    rows: int
    columns: int
    taste: float
    """How strongly the member's affinity brings titles onto the page."""


SURFACES = (
    Surface("home", 0.6, 4, 5, 0.5),
    Surface("search", 0.2, 1, 6, 1.0),
    Surface("gallery", 0.2, 3, 4, 0.3),
)
FIRST_ROWS, FIRST_COLUMNS = 1, 3
"""What is on the screen at once; the rest comes into view if the member scrolls or swipes."""
SCROLL, SWIPE = 0.92, 0.94
"""Probability of going on by one row, and by one column."""
STARTS = {"morning": 6, "afternoon": 12, "evening": 18, "night": 0}
"""Hour at which each part of the day begins; each lasts six."""


class Slots(NamedTuple):
    """Places on the pages of a day, page after page."""

    visit: Int[np.ndarray, " slots"]  # number of the visit, ascending
    turn: Int[np.ndarray, " slots"]  # how many visits the member has made before on this day
    member: Int[np.ndarray, " slots"]
    title: Int[np.ndarray, " slots"]
    surface: Int[np.ndarray, " slots"]  # in SURFACES
    row: Int[np.ndarray, " slots"]
    column: Int[np.ndarray, " slots"]
    device: Int[np.ndarray, " slots"]  # in DEVICES
    day_part: Int[np.ndarray, " slots"]  # in DAY_PARTS
    second: Float[np.ndarray, " slots"]  # of the day
    in_view: Bool[np.ndarray, " slots"]  # scrolled to; rendered if the member does not skip it
    offset: Float[np.ndarray, " slots"]  # of the place, in logits

    def part(self, rows: slice | Int[np.ndarray, " some"]) -> "Slots":
        """Some of the places."""
        return Slots(*(column[rows] for column in self))


def place_offsets(
    world: ArtworkWorld,
    surface: Int[np.ndarray, "..."],
    row: Int[np.ndarray, "..."],
    column: Int[np.ndarray, "..."],
) -> Float[np.ndarray, "..."]:
    """What a place adds to the logit of a play: 0 on average over all places of all surfaces."""
    effects = world.effects
    of_surface = np.array([0.0, effects.search_offset, effects.gallery_offset])

    def raw(kind: np.ndarray | int, r: np.ndarray, c: np.ndarray) -> np.ndarray:
        return of_surface[kind] + effects.row_step * r + effects.column_step * c

    weights, means = [], []
    for kind, page in enumerate(SURFACES):
        rows, columns = np.mgrid[: page.rows, : page.columns]
        means.append(raw(kind, rows, columns).mean())
        weights.append(page.share * page.rows * page.columns)
    return raw(surface, row, column) - np.average(means, weights=weights)


def drawn_pages(
    world: ArtworkWorld,
    count: int,
    day: int,
    rng: np.random.Generator,
    habits: Habits = NO_HABITS,
    memory: MemberMemory | None = None,
) -> Slots:
    """Pages of a day's visits, `count` places in all.

    Titles are drawn without replacement on a page, by popularity and affinity, the likeliest
    first: the recommender's part.

    Args:
        world: as it is on this day.
        count: places.
        day: its number.
        rng: of the day.
        habits: of members.
        memory: what they did before; nothing if None.
    """
    recommender = Recommender(world, day, habits, memory or MemberMemory.of(world))
    live = len(recommender.live)
    kinds = np.array([page.share for page in SURFACES])
    sizes = np.array([min(page.rows * page.columns, live) for page in SURFACES])
    visits = int(np.ceil(count / (kinds @ sizes) * 1.05)) + 8
    surface = rng.choice(len(SURFACES), visits, p=kinds)
    while sizes[surface].sum() < count:
        surface = np.concatenate([surface, rng.choice(len(SURFACES), visits, p=kinds)])
    visits = int(np.searchsorted(sizes[surface].cumsum(), count)) + 1
    surface = surface[:visits]
    member = recommender.visitors(visits, rng)
    taste = np.array([page.taste for page in SURFACES])[surface]
    ranked = recommender.titles(member, taste, int(sizes.max()), rng)
    size = sizes[surface]
    visit = np.repeat(np.arange(visits), size)[:count]
    starts = np.concatenate([[0], size.cumsum()[:-1]])
    place = np.arange(count) - starts[visit]
    columns = np.array([page.columns for page in SURFACES])[surface[visit]]
    row, column = place // columns, place % columns
    down = rng.geometric(1 - SCROLL, visits)[visit]
    across = rng.geometric(1 - SWIPE, count)
    in_view = (row < FIRST_ROWS + down - 1) & (column < FIRST_COLUMNS + across - 1)
    device = visited_kinds(rng, DEVICES, world.members.device[member])[visit]
    part = visited_kinds(rng, DAY_PARTS, world.members.day_part[member])
    second = 3600 * (np.array(list(STARTS.values()))[part] + 5.9 * rng.random(visits))
    return Slots(
        visit,
        _turns(member, second)[visit],
        member[visit],
        ranked[visit, place],
        surface[visit],
        row,
        column,
        device,
        part[visit],
        second[visit],
        in_view,
        place_offsets(world, surface[visit], row, column),
    )


def _turns(
    member: Int[np.ndarray, " visits"], second: Float[np.ndarray, " visits"]
) -> Int[np.ndarray, " visits"]:
    """How many visits the member of each has made before it."""
    order = np.lexsort((second, member))
    first = np.flatnonzero(np.diff(member[order], prepend=-1))
    turn = np.empty(len(member), np.int64)
    turn[order] = np.arange(len(member)) - np.repeat(first, np.diff(np.append(first, len(member))))
    return turn
