"""Is reinforcement learning needed? What carry-over a bandit misses, on members' trajectories."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from bench.longterm.stage import joy_numbers, linear, logistic, play_numbers
from evaluate.longterm.fitted_q import QValue, Transitions, fitted_q
from evaluate.longterm.long_estimates import groups_of, mean_ranges
from evaluate.longterm.lope import LongTermLog
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.paired_bootstrap import Range
from simulate.longterm.long_truth import HORIZONS, gain_of, long_courses
from simulate.longterm.long_world import Chances, LongWorld
from simulate.longterm.roll_out import Course, WeekDecisions, roll_out
from simulate.named_rng import named_generator

MEMORY_DAYS = 14
"""Half-life of what a state remembers; that of trust is not known to it."""
RESAMPLES = 300


@dataclass(frozen=True)
class CarryOver:
    """A policy's gain over even draws, in 60-day takes, as each way of judging has it.

    Attributes:
        world: which carry-over there is.
        policy: judged.
        bandit: by decisions (DR of takes), as if nothing carried over.
        bandit_low: lower end of its 95% interval.
        bandit_high: upper end.
        fqe: by trajectories (fitted Q evaluation).
        fqe_low: lower end.
        fqe_high: upper end.
        missed: what the bandit misses, as FQE has it: fqe − bandit.
        missed_low: lower end.
        missed_high: upper end.
        truth: by paired roll-outs.
        worth: trajectories that per-decision importance weights would be worth, of all.
        trajectories: members in the log.
    """

    world: str
    policy: str
    bandit: float
    bandit_low: float
    bandit_high: float
    fqe: float
    fqe_low: float
    fqe_high: float
    missed: float
    missed_low: float
    missed_high: float
    truth: float
    worth: float
    trajectories: int


def carry_over(
    name: str, world: LongWorld, policies: dict[str, Chances], members: int, seed: int
) -> list[CarryOver]:
    """Judge policies from a log of even draws, by decisions and by trajectories.

    Args:
        name: of the world.
        world: whose members `policies` are of.
        policies: to be judged.
        members: whose trajectories are logged.
        seed: of the log and of the truth.
    """
    who = named_generator("trajectories", seed).integers(0, world.members, members)
    group = world.part(who)
    days = HORIZONS[1]
    course = roll_out(group, group.even, days, seed + 50, keep=True)
    assert course.decisions is not None
    of = course.decisions
    play = logistic(_at(play_numbers(group), of), of.played.astype(float))
    shown = _ShownNumbers.of(group, play)
    even = fitted_q(transitions(group, course, shown, group.even), days, Bootstrap(RESAMPLES))
    truths = long_courses(world, {"even": world.even} | policies, seed + 51)
    rows = []
    for policy, chances in policies.items():
        mine = chances[who]
        by_days: QValue = fitted_q(
            transitions(group, course, shown, mine), days, Bootstrap(RESAMPLES)
        )
        bandit, fqe = _by_decisions(group, of, mine), by_days.over(even)
        half = np.hypot(bandit.high - bandit.low, fqe.high - fqe.low) / 2
        apart = fqe.value - bandit.value
        rows.append(
            CarryOver(
                name,
                policy,
                *bandit,
                *fqe,
                apart,
                apart - half,
                apart + half,
                gain_of(truths[policy], truths["even"]).share,
                _weights_worth(of, mine, members),
                members,
            )
        )
    return rows


class _ShownNumbers(NamedTuple):
    """What a state's value may read of a poster: its chance of a play, and that times the rest."""

    numbers: Float[np.ndarray, "members titles candidates numbers"]

    @classmethod
    def of(cls, world: LongWorld, play: Float[np.ndarray, " numbers"]) -> "_ShownNumbers":
        chance = expit(play_numbers(world) @ play.astype(np.float32))
        return cls(chance[..., None] * joy_numbers(world))


def transitions(
    world: LongWorld, course: Course, shown: _ShownNumbers, target: Chances
) -> Transitions:
    """A course as days: what was remembered, whether the member came, and what was shown.

    Args:
        world: of the course.
        course: with its decisions.
        shown: numbers of every poster.
        target: whose numbers stand beside those of what was shown.
    """
    of = course.decisions
    assert of is not None
    members, days = course.takes.shape
    late = of.played & ~of.taken & ~of.early
    events = np.stack([_by_day(of, values, members, days) for values in (of.taken, of.early, late)])
    memory = np.zeros((4, members, days))
    fades = 0.5 ** (1 / MEMORY_DAYS)
    today = np.concatenate([events, course.visited[None].astype(float)])
    for day in range(1, days):
        memory[:, :, day] = fades * (memory[:, :, day - 1] + today[:, :, day - 1])
    # Who has taken much is somebody who takes much: beside what is known of the member, what is
    # remembered tells of trust.
    visits, rate = (
        np.broadcast_to(each[:, None], (members, days))
        for each in (expit(world.activity), world.usual_takes)
    )
    own = [visits, visits**2, rate, rate**2, visits * rate, visits**2 * rate]
    came = course.visited.astype(float)
    state = np.stack([np.ones((members, days)), *own, *memory, came], axis=-1)
    state = np.concatenate([state, came[..., None] * state[..., 1:-1]], axis=-1)
    chosen = _summed(shown.numbers[of.member, of.title, of.choice], of, members, days)
    mixed = np.einsum("mtk,mtkn->mtn", target, shown.numbers)
    would = _summed(mixed[of.member, of.title], of, members, days)
    there = np.concatenate([np.ones((members, 1), bool), course.stays[:, :-1]], axis=1)
    row = np.where(there, np.cumsum(there.ravel()).reshape(there.shape) - 1, -1)
    following = np.concatenate([row[:, 1:], np.full((members, 1), -1)], axis=1)
    known = np.broadcast_to(np.arange(days) < days - 1, there.shape)
    who = np.broadcast_to(np.arange(members)[:, None], there.shape)
    return Transitions(
        who[there],
        row[:, 0],
        np.concatenate([state, chosen], axis=-1)[there],
        np.concatenate([state, would], axis=-1)[there],
        course.takes[there].astype(float),
        following[there],
        known[there],
    )


def _by_day(
    of: WeekDecisions, values: np.ndarray, members: int, days: int
) -> Float[np.ndarray, "members days"]:
    place = of.member * days + of.day
    return np.bincount(place, values.astype(float), members * days).reshape(members, days)


def _summed(
    numbers: Float[np.ndarray, "decisions numbers"], of: WeekDecisions, members: int, days: int
) -> Float[np.ndarray, "members days numbers"]:
    return np.stack([_by_day(of, each, members, days) for each in numbers.T], axis=-1)


def _at(numbers: np.ndarray, of: WeekDecisions) -> np.ndarray:
    return numbers[of.member, of.title, of.choice].astype(float)


def _by_decisions(world: LongWorld, of: WeekDecisions, target: Chances) -> Range:
    """The gain in takes of a decision by DR, as a share of what was logged."""
    x = joy_numbers(world)
    chance = expit(play_numbers(world) @ logistic(_at(play_numbers(world), of), of.played * 1.0))
    rows = of.played
    worth = linear(_at(x, of)[rows], of.taken[rows].astype(float))
    estimated = (chance * (x @ worth))[of.member, of.title]
    logged = world.even[of.member, of.title].astype(float)
    log = LongTermLog(
        of.choice, of.taken.astype(float), logged, logged, estimated, of.member.astype(np.int64)
    )
    chances = target[of.member, of.title].astype(float)
    at = np.arange(len(of.choice))
    weight = chances[at, of.choice] / logged[at, of.choice]
    terms = weight * (log.reward - estimated[at, of.choice]) + (chances * estimated).sum(1)
    apart = (terms - log.reward)[:, None]
    found = mean_ranges(apart, groups_of(log), Bootstrap(RESAMPLES))[0]
    base = float(log.reward.mean())
    return Range(*(each / base for each in found))


def _weights_worth(of: WeekDecisions, target: Chances, members: int) -> float:
    """Effective number of trajectories under per-decision weights of all of their decisions."""
    weight = target[of.member, of.title, of.choice] / of.propensity
    with np.errstate(divide="ignore"):
        whole = np.bincount(of.member, np.log(weight), members)
    whole = np.exp(whole - whole.max()) if np.isfinite(whole).any() else np.zeros(members)
    total = float(whole.sum())
    return total**2 / float((whole**2).sum()) if total else 0.0
