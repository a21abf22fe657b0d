"""Loops that learn from what they show, each for a reward of its own, and what they are worth."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from bench.longterm.rewards import (
    SEEN,
    OldCohort,
    learnt_proxy,
    oracle_rewards,
    proxy_rewards,
    trust_worth,
    within,
)
from bench.longterm.stage import at_choice, joy_numbers, linear, logistic, play_numbers
from simulate.longterm.long_truth import HORIZONS, LongGain, gain_of, long_courses, worth_of
from simulate.longterm.long_world import Chances, LongWorld, best_of
from simulate.longterm.roll_out import roll_out
from simulate.named_rng import named_generator

REWARDS = ("play", "take", "week", "proxy", "oracle")
PROXY_AGES = {"week": SEEN, "proxy": 0}
"""Days after which what is expected of a decision is asked: after its week, or on its own day."""
ROUNDS = 2
"""Cohorts that a loop learns from: one of even draws, then its own."""
OLDER = 3
"""Times as many members have weeks that are over as are learnt from: those of months before."""
LEARNT_DAYS = 14
FLOOR = 0.1
"""Share of even draws while it learns."""


@dataclass(frozen=True)
class LoopRow:
    """A policy in one world and seed; truth by paired roll-outs.

    Attributes:
        world: which carry-over there is.
        seed: of the world.
        policy: even, or the reward that a loop maximised; week: the proxy, asked after a week.
        takes_28: expected takes of a member in 28 days.
        takes_60: the same in 60 days.
        survival: share that is a member after 60 days.
        misled: share of plays under a poster that misleads by half or more.
        over_take: 60-day takes beside the take-maximising loop's, as a share.
        error: standard error of that share, from the same random numbers.
    """

    world: str
    seed: int
    policy: str
    takes_28: float
    takes_60: float
    survival: float
    misled: float
    over_take: float
    error: float


class _Learnt(NamedTuple):
    play: Float[np.ndarray, " numbers"]
    worth: Float[np.ndarray, " numbers"]

    def scores(self, world: LongWorld) -> Float[np.ndarray, "members titles candidates"]:
        """Chance of a play times what a play is worth."""
        plays = expit(play_numbers(world) @ self.play.astype(np.float32))
        return plays * (joy_numbers(world) @ self.worth.astype(np.float32))


def loop_rows(name: str, world: LongWorld, members: int, seed: int) -> list[LoopRow]:
    """Let a loop a reward learn, and roll all of them out.

    Args:
        name: of the world.
        world: whose members are rolled out.
        members: of each cohort that is learnt from.
        seed: of cohorts and roll-outs.
    """
    policies = {"even": world.even} | learnt_loops(world, members, seed)
    courses = long_courses(world, policies, seed)
    rows = []
    for policy, course in courses.items():
        gain: LongGain = gain_of(course, courses["take"])
        worth = worth_of(course)
        rows.append(
            LoopRow(
                name,
                seed,
                policy,
                worth.takes_28,
                worth.takes_60,
                worth.survival,
                _misled(world, policies[policy]),
                gain.share,
                gain.error,
            )
        )
    return rows


def learnt_loops(world: LongWorld, members: int, seed: int) -> dict[str, Chances]:
    """The greedy policy of each loop, after its rounds."""
    rng = named_generator("loops", seed)

    def cohort(size: int = 1) -> LongWorld:
        return world.part(rng.integers(0, world.members, size * members))

    older = cohort(OLDER)
    old = OldCohort(older, roll_out(older, older.even, HORIZONS[1], seed + 1, keep=True))
    proxy, worth = learnt_proxy(old), trust_worth(world, seed + 2)
    groups = [cohort() for _ in range(ROUNDS)]
    learnt = {}
    for reward in REWARDS:
        xs, ys, plays = [], [], []
        model: _Learnt | None = None
        for at, group in enumerate(groups):
            policy = group.even if model is None else best_of(model.scores(group), FLOOR)
            course = roll_out(group, policy, LEARNT_DAYS + SEEN, seed + 3 + at, keep=True)
            assert course.decisions is not None
            of = within(course.decisions, LEARNT_DAYS)
            if reward in PROXY_AGES:
                value = proxy_rewards(proxy, group, course, of, PROXY_AGES[reward])
            elif reward == "oracle":
                value = oracle_rewards(group, of, worth)
            else:
                value = (of.played if reward == "play" else of.taken).astype(float)
            plays.append((at_choice(play_numbers(group), of), of.played.astype(float)))
            xs.append(at_choice(joy_numbers(group), of)[of.played])
            ys.append(value[of.played])
            chance = logistic(*(np.concatenate(part) for part in zip(*plays, strict=True)))
            model = _Learnt(chance, linear(np.concatenate(xs), np.concatenate(ys)))
        assert model is not None
        learnt[reward] = best_of(model.scores(world))
    return learnt


def _misled(world: LongWorld, policy: Chances) -> float:
    """Share of plays at trust 0 under posters that mislead by half or more, titles by lean."""
    page = np.exp(world.lean - world.lean.max(1, keepdims=True))
    plays = policy * expit(world.logit) * (page / page.sum(1, keepdims=True))[..., None]
    return float((plays * (world.mislead >= 0.5)).sum() / plays.sum())


def of_the_way(rows: list[LoopRow], policy: str = "proxy") -> float:
    """Share of the way from take to oracle that a policy goes, in one world and seed."""
    takes = {row.policy: row.takes_60 for row in rows}
    return (takes[policy] - takes["take"]) / (takes["oracle"] - takes["take"])
