"""The truth of a draw: what it would have earned on any of its candidates.

A draw is judged by what comes within a window of its first rendering. Which pages have its title in
view in those hours does not depend on what it fell on (`simulate/browsing/habits.py`); how long the
member goes on to look does, and is averaged over:

    take(a) = enjoy(a) · Σ over looks j of the draw: play_j(a) · Π over looks i before (1 − play_i)

Looks at another draw of the title, as on another device, end it as well if they lead to a play.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from data.days import HOUR_US
from data.join.attribution import Attribution
from simulate.browsing.records import share_in_time
from simulate.visits.looks import TitleLook
from simulate.world.artwork_world import ArtworkWorld

WINDOW_US = round(Attribution().window_hours * HOUR_US)


class _Row(NamedTuple):
    """A look as a draw has it."""

    look: TitleLook
    before: TitleLook | None  # at the same title, within the draw's window
    left_us: int  # of the window
    draw: int  # number of the draw


def draw_takes(
    pools: Mapping[str, Sequence[int]],
    looks: Sequence[TitleLook],
    world_of: Callable[[int], ArtworkWorld],
    change_cost: float,
    skip: bool = True,
) -> dict[str, list[float]]:
    """Expected take of each candidate of each draw.

    Args:
        pools: decision id of each draw → rows of its candidates; each draw was rendered.
        looks: at these draws, and all others at the same titles while their windows are open.
        world_of: the world of a day.
        change_cost: as `simulate.world.switches.Switches`.
        skip: who has played looks away; else every look is a chance of its own to take.
    """
    names = list(pools)
    rows = _rows({name: number for number, name in enumerate(names)}, looks)
    sizes = np.array([len(pools[names[row.draw]]) for row in rows], int)
    own = np.array([row.look.decision_id == names[row.draw] for row in rows], bool)
    plays, takes = _chances(rows, own, sizes, pools, names, world_of, change_cost)
    ends = np.concatenate([[0], sizes.cumsum()])
    numbers = np.array([row.draw for row in rows], int)
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    result = {}
    for start, stop in zip(first, [*first[1:], len(rows)], strict=True):
        name, shape = names[numbers[start]], (stop - start, sizes[start])
        play = plays[ends[start] : ends[stop]].reshape(shape)
        take = takes[ends[start] : ends[stop]].reshape(shape)
        result[name] = first_take(take, play if skip else take).tolist()
    return result


def first_take(
    take: Float[np.ndarray, "looks candidates"], ends: Float[np.ndarray, "looks candidates"]
) -> Float[np.ndarray, " candidates"]:
    """Probability of a take that counts, by a member who looks until a look ends it.

    Args:
        take: of each look that is reached: probability of a take that counts for the draw.
        ends: that the member looks no more after it.
    """
    reached = np.cumprod(np.vstack([np.ones(take.shape[1]), 1 - ends]), 0)[:-1]
    return (reached * take).sum(0)


def _rows(numbers: Mapping[str, int], looks: Sequence[TitleLook]) -> list[_Row]:
    """The looks of each draw's window, draw after draw, by time."""
    pairs: dict[tuple[int, int], list[TitleLook]] = {}
    for look in sorted(looks, key=lambda look: (look.time, look.decision_id)):
        pairs.setdefault((look.member, look.title), []).append(look)
    rows, begun = [], set()
    for of_pair in pairs.values():
        for at, first in enumerate(of_pair):
            name = first.decision_id
            if not first.rendered or name in begun or name not in numbers:
                continue
            begun.add(name)
            before = None
            for look in of_pair[at:]:
                left = first.time + WINDOW_US - look.time
                if left < 0:
                    break
                rows.append(_Row(look, before, left, numbers[name]))
                before = look
    return rows


# Each is of the same rows, in one pass over all candidates.
def _chances(
    rows: Sequence[_Row],
    own: Bool[np.ndarray, " rows"],
    sizes: Int[np.ndarray, " rows"],
    pools: Mapping[str, Sequence[int]],
    names: Sequence[str],
    world_of: Callable[[int], ArtworkWorld],
    change_cost: float,
) -> tuple[Float[np.ndarray, " flat"], Float[np.ndarray, " flat"]]:
    """Of each candidate in each row: probability of a play, and of a take that counts for the draw.

    Both given that the member still looks.
    """

    def each(values: list[int] | list[float]) -> np.ndarray:
        return np.repeat(np.array(values), sizes)

    pool = np.concatenate([[], *(pools[names[row.draw]] for row in rows)]).astype(int)
    mine = np.repeat(own, sizes)
    artwork = np.where(mine, pool, each([row.look.artwork for row in rows]))
    seen = [row.look.last if row.before is None else row.before.artwork for row in rows]
    after_own = [
        row.before is not None and row.before.decision_id == names[row.draw] for row in rows
    ]
    seen_last = np.where(np.repeat(np.array(after_own, bool), sizes), pool, each(seen))
    changed = (seen_last >= 0) & (seen_last != artwork)
    offset = each([row.look.offset for row in rows]) - change_cost * changed
    member, day = (each([getattr(row.look, name) for row in rows]) for name in ("member", "day"))
    plays, enjoys = np.zeros(len(pool)), np.zeros(len(pool))
    runtime = np.zeros(len(pool))
    for number in np.unique(day).tolist():
        world, at = world_of(number), np.flatnonzero(day == number)
        plays[at] = expit(world.play_logit(member[at], artwork[at], offset[at]))
        enjoys[at] = world.enjoy_probability(member[at], artwork[at])
        runtime[at] = world.truth.runtime[world.truth.title_of[artwork[at]]]
    in_time = share_in_time(runtime, each([row.left_us / 1e6 for row in rows]))
    return plays, mine * plays * enjoys * in_time
