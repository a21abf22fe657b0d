"""Weeks of a policy, day by day, with random numbers that are the same under every policy."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Float32, Int
from scipy.special import expit

from simulate.longterm.long_world import SLOTS, Chances, LongWorld
from simulate.named_rng import named_generator

MOST_TRUST = 3.0
"""Trust stays within so much of 0: nobody trusts without bound."""
Members = Int[np.ndarray, " visits"]


class WeekDecisions(NamedTuple):
    """Choices of some days, a row each place of a page, and what came of them at once."""

    day: Int[np.ndarray, " decisions"]
    member: Int[np.ndarray, " decisions"]
    title: Int[np.ndarray, " decisions"]
    choice: Int[np.ndarray, " decisions"]  # place among the candidates
    propensity: Float[np.ndarray, " decisions"]
    played: Bool[np.ndarray, " decisions"]
    taken: Bool[np.ndarray, " decisions"]
    early: Bool[np.ndarray, " decisions"]  # abandoned within the first minutes


class Course(NamedTuple):
    """What became of members, day by day."""

    expected: Float32[np.ndarray, "members days"]
    """Takes that a day's page was expected to bring; 0 without a visit."""
    takes: Int[np.ndarray, "members days"]
    """Takes that came."""
    visited: Bool[np.ndarray, "members days"]
    stays: Bool[np.ndarray, "members days"]
    """Still a member at the day's end."""
    trust: Float32[np.ndarray, "members days"]
    """At the day's beginning."""
    decisions: WeekDecisions | None

    def long_takes(self, days: int) -> Float[np.ndarray, " members"]:
        """Expected takes of each member in the first days."""
        return self.expected[:, :days].sum(1, dtype=np.float64)


class _Draws(NamedTuple):
    """A day's random numbers, of every member whatever they do."""

    visit: Float[np.ndarray, " members"]
    leave: Float[np.ndarray, " members"]
    place: Float32[np.ndarray, "members titles"]
    four: Float[np.ndarray, "members slots four"]

    @classmethod
    def of(cls, world: LongWorld, seed: int, day: int) -> "_Draws":
        rng = named_generator("weeks", seed, day)
        members, titles = world.lean.shape
        return cls(
            rng.random(members),
            rng.random(members),
            rng.random((members, titles), np.float32),
            rng.random((members, min(SLOTS, titles), 4)),
        )


# Each is a way in which two roll-outs may differ.
def roll_out(
    world: LongWorld,
    policy: Chances,
    days: int,
    seed: int,
    trust: Float[np.ndarray, " members"] | None = None,
    keep: bool = False,
) -> Course:
    """Let a policy decide for so many days.

    Two calls with one seed differ by what the policies show alone: visits, titles, plays, joy and
    leaving compare the same random numbers with what each then expects.

    Args:
        world: members and titles.
        policy: decides.
        days: how many.
        seed: of all that is random.
        trust: at the beginning; 0 if None.
        keep: whether to keep each decision.
    """
    members = world.members
    state = np.zeros(members) if trust is None else trust.astype(np.float64).copy()
    here = np.ones(members, bool)
    expected, level = np.zeros((2, members, days), np.float32)
    takes = np.zeros((members, days), np.int16)
    visited, stays = np.zeros((2, members, days), bool)
    kept: list[WeekDecisions] = []
    fades = 0.5 ** (1 / world.effects.half_life_days)
    steps = np.cumsum(policy, axis=2)
    for day in range(days):
        draws, level[:, day] = _Draws.of(world, seed, day), state
        felt = state if world.effects.carry_over else np.zeros(members)
        comes = here & (draws.visit < expit(world.activity + world.effects.visit * felt))
        who = np.flatnonzero(comes)
        page = _page(world, policy, steps, who, felt[who], draws)
        expected[who, day], takes[who, day] = page.expected, page.taken.sum(1)
        visited[:, day] = comes
        if keep:
            kept.append(page.decisions(day, who))
        state[who] = np.clip(state[who] + page.moves, -MOST_TRUST, MOST_TRUST)
        felt = state if world.effects.carry_over else felt
        here &= draws.leave >= world.effects.leave * np.exp(-world.effects.stay * felt)
        stays[:, day] = here
        state *= fades
    decisions = WeekDecisions(*map(np.concatenate, zip(*kept, strict=True))) if keep else None
    return Course(expected, takes, visited, stays, level, decisions)


class _Page(NamedTuple):
    """Pages of a day's visits."""

    expected: Float[np.ndarray, " visits"]
    title: Int[np.ndarray, "visits slots"]
    choice: Int[np.ndarray, "visits slots"]
    propensity: Float[np.ndarray, "visits slots"]
    played: Bool[np.ndarray, "visits slots"]
    taken: Bool[np.ndarray, "visits slots"]
    early: Bool[np.ndarray, "visits slots"]
    moves: Float[np.ndarray, " visits"]  # of trust

    def decisions(self, day: int, who: Members) -> WeekDecisions:
        slots = self.title.shape[1]
        return WeekDecisions(
            np.full(self.title.size, day),
            np.repeat(who, slots),
            *(part.ravel() for part in self[1:7]),
        )


# Each is a part of one day that its caller has apart.
def _page(
    world: LongWorld,
    policy: Chances,
    steps: Float[np.ndarray, "members titles candidates"],
    who: Members,
    felt: Float[np.ndarray, " visits"],
    draws: _Draws,
) -> _Page:
    effects = world.effects
    slots = draws.four.shape[1]
    # Gumbel top-k: a draw without replacement; the order on the page has no effect here.
    keys = world.lean[who] - np.log(-np.log(np.maximum(draws.place[who], 1e-12)))
    title = np.argpartition(-keys, slots - 1, axis=1)[:, :slots]
    at = who[:, None]
    four = draws.four[who]
    choice = (steps[at, title] < four[..., :1]).sum(-1)
    choice = np.minimum(choice, policy.shape[2] - 1)  # of rounding
    lift = effects.play * felt[:, None]
    plays = expit(world.logit[at, title] + lift[..., None])
    likes = world.liked[at, title]
    expected = (policy[at, title] * plays * likes).sum((1, 2))
    pick = choice[..., None]
    played = four[..., 1] < np.take_along_axis(plays, pick, 2)[..., 0]
    taken = played & (four[..., 2] < np.take_along_axis(likes, pick, 2)[..., 0])
    misled = world.mislead[title, choice]
    soon = effects.early_honest + (effects.early_misled - effects.early_honest) * misled
    quits = played & ~taken
    moves = effects.joy * taken - (effects.fall * quits + effects.hidden * played) * misled
    return _Page(
        expected,
        title,
        choice,
        policy[at, title, choice].astype(np.float64),
        played,
        taken,
        quits & (four[..., 3] < soon),
        moves.sum(1),
    )


def cohorts(world: LongWorld, size: int, seed: int) -> Iterator[LongWorld]:
    """Groups of members drawn anew from the world's, one after another, without end."""
    rng = named_generator("cohorts", seed)
    while True:
        yield world.part(rng.integers(0, world.members, size))
