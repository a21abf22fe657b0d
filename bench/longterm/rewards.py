"""What a decision is worth to each learner: a play, a take, what is expected, or the truth."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from bench.longterm.stage import linear
from data.join.early.foresight import ExpectedReward, learn_foresight
from simulate.longterm.long_truth import worth_of_trust
from simulate.longterm.long_world import LongWorld
from simulate.longterm.roll_out import Course, WeekDecisions

WINDOW = 28
"""Days that a long-term reward looks ahead."""
SEEN = 7
"""Days after a decision that a young cohort has seen."""
AGES = (0, 1, 3, SEEN)
"""Days after which a growing reward is looked at."""
FADES = 0.5 ** (1 / 14)
"""What a member did counts half after 14 days; the half-life of trust is not known to a proxy."""
BEFORE = 10
"""Facts that are known before the decision: the first."""


class OldCohort(NamedTuple):
    """Members whose weeks are over, drawn evenly: what proxies and the truth are learnt from."""

    world: LongWorld
    course: Course


def seen_after(course: Course, of: WeekDecisions, days: int) -> Float[np.ndarray, " decisions"]:
    """Takes of a decision's member from its day on, over so many days beyond it."""
    total = np.cumsum(course.takes, axis=1, dtype=np.float64)
    last = np.minimum(of.day + days, total.shape[1] - 1)
    before = np.where(of.day > 0, total[of.member, of.day - 1], 0.0)
    return total[of.member, last] - before


def traces(course: Course, of: WeekDecisions) -> Float[np.ndarray, "decisions ages"]:
    """Takes up to each age."""
    return np.stack([seen_after(course, of, age) for age in AGES], axis=1)


def facts(
    world: LongWorld, course: Course, of: WeekDecisions
) -> Float[np.ndarray, "decisions facts"]:
    """What is known when a page is left: before it, what came at once, and under what poster.

    Who plays much today plays much next week, whatever was shown: without what was expected of the
    member and the title, a play would be credited with its member's habits. Of the poster it is how
    far it shows what its title has not, which is read of the picture (`data/shown`): an early end
    says more of harm where that is much.
    """
    late = of.played & ~of.taken & ~of.early
    came = np.stack([of.taken, of.early, late], axis=1).astype(float)
    foreign = world.mislead[of.title, of.choice][:, None]
    return np.concatenate([known_before(world, course, of), came, came * foreign], axis=1)


def known_before(
    world: LongWorld, course: Course, of: WeekDecisions
) -> Float[np.ndarray, "decisions facts"]:
    """Of the member and the title, as predicted for an even draw, and of the member's past days."""
    title, play = world.takes.mean(2), expit(world.logit).mean(2)
    rate = world.usual_takes[of.member]
    visits = expit(world.activity)[of.member]
    past = [_remembered(days)[of.member, of.day] for days in (course.takes, course.visited)]
    own = title[of.member, of.title], play[of.member, of.title]
    parts = [visits, visits**2, rate, visits * rate, *past, *own, visits * own[0], visits * own[1]]
    return np.stack(parts, axis=1).astype(float)


def _remembered(days: np.ndarray) -> Float[np.ndarray, "members days"]:
    """Sums of the days before each, an older one counting less."""
    memory = np.zeros(days.shape)
    for day in range(1, days.shape[1]):
        memory[:, day] = FADES * (memory[:, day - 1] + days[:, day - 1])
    return memory


def within(of: WeekDecisions, days: int) -> WeekDecisions:
    """Decisions of the first days."""
    rows = of.day < days
    return WeekDecisions(*(part[rows] for part in of))


def learnt_proxy(old: OldCohort) -> ExpectedReward:
    """What 28 days are expected to bring, given all that is seen after each age."""
    assert old.course.decisions is not None
    days = old.course.takes.shape[1]
    of = within(old.course.decisions, days - WINDOW + 1)
    whole = seen_after(old.course, of, WINDOW - 1)
    return learn_foresight(traces(old.course, of), whole, AGES, facts(old.world, old.course, of))


def proxy_rewards(
    proxy: ExpectedReward, world: LongWorld, course: Course, of: WeekDecisions, age: int
) -> Float[np.ndarray, " decisions"]:
    """Expected takes of 28 days, less what members of that kind are expected to take anyway.

    What is taken off is the same whatever is shown, so it moves no choice; it takes noise away.

    Args:
        proxy: learnt from older cohorts.
        world: of the decisions.
        course: they are of.
        of: the decisions.
        age: days after which it is asked, one of `AGES`. What an older decision's members took
            since is mostly chance; where all that a poster does shows at once, it is noise alone.
    """
    known = facts(world, course, of)
    expected = proxy.expected(traces(course, of), np.full(len(of.day), age), known)
    about = np.concatenate([np.ones((len(known), 1)), known[:, :BEFORE]], axis=1)
    nothing = ~of.played
    return expected - about @ linear(about[nothing], expected[nothing])


def oracle_rewards(
    world: LongWorld, of: WeekDecisions, worth: float
) -> Float[np.ndarray, " decisions"]:
    """A take, and what the trust that it moved is truly worth."""
    effects, misled = world.effects, world.mislead[of.title, of.choice]
    quits = of.played & ~of.taken
    moved = effects.joy * of.taken
    moved = moved - (effects.fall * quits + effects.hidden * of.played) * misled
    return of.taken + worth * moved


def trust_worth(world: LongWorld, seed: int) -> float:
    """Takes of 28 days that a unit of trust brings, under even draws."""
    return worth_of_trust(world, world.even, WINDOW, seed)
