"""What policies are truly worth over weeks, and how far apart they are."""

from typing import NamedTuple

import numpy as np

from simulate.longterm.long_world import Chances, LongWorld
from simulate.longterm.roll_out import Course, roll_out

HORIZONS = (28, 60)
"""Days over which a policy's worth is told."""
MEMBERS_AT_ONCE = 2_000


class LongWorth(NamedTuple):
    """Of a policy, a member."""

    takes_28: float
    takes_60: float
    survival: float
    """Share that is still a member after the last day."""
    error: float
    """Standard error of `takes_60`."""


class LongGain(NamedTuple):
    """Of a policy beside another, by the same random numbers: share of its 60-day takes."""

    share: float
    error: float
    """Standard error."""


def long_courses(
    world: LongWorld, policies: dict[str, Chances], seed: int, days: int = HORIZONS[1]
) -> dict[str, Course]:
    """Paired roll-outs of policies."""
    return {name: roll_out(world, policy, days, seed) for name, policy in policies.items()}


def worth_of(course: Course) -> LongWorth:
    """What a course was worth."""
    first, last = (course.long_takes(days) for days in HORIZONS)
    error = float(last.std() / np.sqrt(len(last)))
    stays = float(course.stays[:, -1].mean())
    return LongWorth(float(first.mean()), float(last.mean()), stays, error)


def gain_of(course: Course, over: Course) -> LongGain:
    """Of two courses of the same members and the same random numbers."""
    mine, theirs = course.long_takes(HORIZONS[1]), over.long_takes(HORIZONS[1])
    apart, base = mine - theirs, float(theirs.mean())
    return LongGain(float(apart.mean() / base), float(apart.std() / np.sqrt(len(apart)) / base))


def worth_of_trust(
    world: LongWorld, policy: Chances, days: int, seed: int, step: float = 0.25
) -> float:
    """Takes within so many days that a unit of trust brings, at trust 0: by paired roll-outs.

    Args:
        world: members and titles.
        policy: that goes on deciding.
        days: over which.
        seed: of both roll-outs.
        step: how far trust is moved to either side.
    """
    ends = [
        roll_out(world, policy, days, seed, np.full(world.members, side * step)) for side in (1, -1)
    ]
    apart = ends[0].long_takes(days) - ends[1].long_takes(days)
    return float(apart.mean() / (2 * step))
