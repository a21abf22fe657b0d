"""A log of one decision a member and the weeks after it, and a model of what was seen."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from bench.longterm.rewards import WINDOW
from bench.longterm.stage import linear, logistic, numbers_at
from evaluate.longterm.lope import LongTermLog, at_level
from evaluate.longterm.short_term import action_posterior
from simulate.longterm.long_world import Chances, LongWorld
from simulate.longterm.roll_out import roll_out
from simulate.named_rng import named_generator

OUTCOMES = 4
"""Nothing, an early abandonment, a late one, a take."""
FOLDS = 5
"""As the product cross-fits; models learn from four fifths."""


class DecidedOnce(NamedTuple):
    """One decision a member, and the weeks after it."""

    member: Int[np.ndarray, " decisions"]
    title: Int[np.ndarray, " decisions"]
    choice: Int[np.ndarray, " decisions"]
    outcome: Int[np.ndarray, " decisions"]
    reward: Float[np.ndarray, " decisions"]
    """Takes of 28 days, that of the decision among them."""


# Each is a part of what a log is.
def decided(
    world: LongWorld, chooses: Chances, after: Chances, count: int, seed: int, log: int
) -> DecidedOnce:
    """Decisions of random members and titles, the weeks after them decided by another policy.

    Args:
        world: members and titles.
        chooses: decides these.
        after: decides everything later.
        count: how many.
        seed: of all logs.
        log: which.
    """
    rng = named_generator("decided", seed, log)
    who = rng.integers(0, world.members, count)
    keys = world.lean[who] + rng.gumbel(size=(count, world.lean.shape[1]))
    title, rows = keys.argmax(1), np.arange(count)
    part = world.part(who)
    steps = np.cumsum(chooses[who, title], axis=1)
    choice = (steps < rng.random((count, 1))).sum(1).clip(max=steps.shape[1] - 1)
    effects, misled = world.effects, world.mislead[title, choice]
    played = rng.random(count) < expit(part.logit[rows, title, choice])
    taken = played & (rng.random(count) < part.liked[rows, title, choice])
    quits = played & ~taken
    soon = effects.early_honest + (effects.early_misled - effects.early_honest) * misled
    early = quits & (rng.random(count) < soon)
    moved = effects.joy * taken - (effects.fall * quits + effects.hidden * played) * misled
    seed_after = int(rng.integers(2**31))
    course = roll_out(part, after[who], WINDOW - 1, seed_after, moved)
    outcome = np.where(taken, 3, np.where(early, 1, np.where(quits, 2, 0)))
    return DecidedOnce(who, title, choice, outcome, taken + course.takes.sum(1).astype(float))


@dataclass(frozen=True)
class LearntLog:
    """A log whose models of the reward and of outcomes are learnt from its own decisions.

    Attributes:
        of: the decisions.
        plays: numbers that a play may depend on, of every candidate.
        joys: the same of the worth of a play.
        about: what is known before each decision.
        logged: the logging policy's probabilities.
    """

    of: DecidedOnce
    plays: Float[np.ndarray, "decisions candidates numbers"]
    joys: Float[np.ndarray, "decisions candidates numbers"]
    about: Float[np.ndarray, "decisions facts"]
    logged: Float[np.ndarray, "decisions candidates"]

    @classmethod
    def gathered(cls, world: LongWorld, of: DecidedOnce, policy: Chances) -> "LearntLog":
        """All that the models may read."""
        plays, joys = numbers_at(world, of.member, of.title)
        logged = policy[of.member, of.title].astype(float)
        return cls(of, plays, joys, known_before_it(world, of), logged)

    def log(self, keep: Bool[np.ndarray, " decisions"] | None = None) -> LongTermLog:
        """The decisions with models, each fitted on others of them.

        Args:
            keep: these alone, as if the others had never been logged; None: all.
        """
        rows = np.arange(len(self.of.member)) if keep is None else np.flatnonzero(keep)
        of = DecidedOnce(*(part[rows] for part in self.of))
        plays, joys, about, logged = (
            part[rows] for part in (self.plays, self.joys, self.about, self.logged)
        )
        shown = np.arange(len(rows)), of.choice
        kinds = np.eye(OUTCOMES)[of.outcome][:, 1:]
        x = np.concatenate([joys[shown], about], axis=1)
        given = np.concatenate([x, kinds, kinds * about[:, :1]], axis=1)
        split = joys.shape[2]
        estimated = np.zeros(joys.shape[:2])
        direct, likelihood = np.zeros_like(estimated), np.zeros_like(estimated)
        for fold in range(FOLDS):
            use = rows % FOLDS == fold
            learn = ~use
            weights = linear(x[learn], of.reward[learn])
            level = about[use] @ weights[split:]
            estimated[use] = joys[use] @ weights[:split] + level[:, None]
            own = shrunk(given[learn], of.reward[learn], slice(1, split))[:split]
            direct[use] = joys[use] @ own
            likelihood[use] = _outcome_chances(plays, of, learn, use)
        posterior = action_posterior(logged, likelihood)
        own = at_level(direct, logged, estimated)
        return LongTermLog(of.choice, of.reward, logged, posterior, estimated, direct=own)


def shrunk(
    x: Float[np.ndarray, "rows numbers"], y: Float[np.ndarray, " rows"], some: slice
) -> Float[np.ndarray, " numbers"]:
    """Weights of least squares, some of them drawn towards 0 as far as they are noise.

    What a poster adds beyond its outcome is little, and its noise is in every term of LOPE.

    Args:
        x: numbers.
        y: what they tell.
        some: of the numbers, that may well tell nothing.

    Source: DerSimonian and Laird (1986), "Meta-analysis in clinical trials", the moment estimate
    that the command uses for means of artworks.
    """
    weights = linear(x, y)
    noise = ((y - x @ weights) ** 2).sum() / max(len(y) - len(weights), 1)
    spread = noise * np.linalg.pinv(x.T @ x)[some, some]
    own = weights[some]
    told = float(own @ np.linalg.pinv(spread) @ own)
    weights[some] = own * max(0.0, 1 - len(own) / max(told, 1e-300))
    return weights


def known_before_it(world: LongWorld, of: DecidedOnce) -> Float[np.ndarray, "decisions facts"]:
    """What is known of the member and the title before the decision, as of an even draw.

    Who takes much takes much later, whatever was shown: without it, what is seen at once would be
    credited with its members' habits, and models of what artwork adds would take that off.
    """
    visits, rate = expit(world.activity)[of.member], world.usual_takes[of.member]
    take = world.takes.mean(2)[of.member, of.title]
    play = expit(world.logit).mean(2)[of.member, of.title]
    parts = (visits, visits**2, rate, rate**2, visits * rate, take, play)
    return np.stack(parts, axis=1).astype(float)


def _outcome_chances(
    numbers: Float[np.ndarray, "decisions candidates numbers"],
    of: DecidedOnce,
    learn: np.ndarray,
    use: np.ndarray,
) -> Float[np.ndarray, "used candidates"]:
    """p(s | x, b) of what was seen: a play, then joy, then an early end, a regression each."""
    x = numbers[np.arange(len(of.choice)), of.choice]
    played, taken, early = of.outcome > 0, of.outcome == 3, of.outcome == 1
    quits = played & ~taken
    steps = []
    for rows, y in ((learn, played), (learn & played, taken), (learn & quits, early)):
        steps.append(expit(numbers[use] @ logistic(x[rows], y[rows].astype(float))))
    play, joy, soon = steps
    kinds = np.stack(
        [1 - play, play * (1 - joy) * soon, play * (1 - joy) * (1 - soon), play * joy], axis=-1
    )
    return np.take_along_axis(kinds, of.outcome[use][:, None, None], 2)[..., 0]
