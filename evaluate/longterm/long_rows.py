"""Decisions of a file as estimators read them, with models learnt from all or some of them."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from bandit.counts import PRIOR_IMPRESSIONS
from evaluate.longterm.lope import LongTermLog, at_level
from evaluate.longterm.short_term import action_posterior
from evaluate.ope.feedback_batch import Batch
from evaluate.ope.reward_model import FOLDS, CrossFittedMeans

NO_DIFFERENCE = 1e12
"""Strength where artworks differ by no more than noise."""
TURNS = 4
"""In which the outcome's part of a reward and the artwork's own are told apart."""
STRENGTH = 20.0
"""Decisions that the outcomes of all artwork count for, beside an artwork's own."""


@dataclass(frozen=True)
class LongRows:
    """What is known of decisions before anything is learnt from them.

    Attributes:
        batches: of decisions that were drawn.
        outcome: code of what was seen at once.
        probabilities: the logging policy's, flat.
        likelihood: of the outcome that was seen under each candidate, flat; None: to be learnt.
    """

    batches: list[Batch]
    outcome: Int[np.ndarray, " decisions"]
    probabilities: Float[np.ndarray, " flat"]
    likelihood: Float[np.ndarray, " flat"] | None = None

    def kept(self, keep: Bool[np.ndarray, " decisions"]) -> "LongRows":
        """Some of the decisions, as if the others had never been logged."""
        batches, at = [], 0
        for batch in self.batches:
            own = keep[at : at + len(batch.feedback)]
            at += len(own)
            if own.any():
                batches.append(replace(batch, drawn=own).with_support())
        sizes = np.concatenate([np.diff(b.feedback.offsets) for b in self.batches])
        flat = np.repeat(keep, sizes)
        chances = None if self.likelihood is None else self.likelihood[flat]
        return LongRows(batches, self.outcome[keep], self.probabilities[flat], chances)

    def log(self) -> LongTermLog:
        """The decisions, with models that are cross-fitted by profile.

        Raises:
            ValueError: an outcome that was seen is impossible under every candidate.
        """
        grid = Grid.of(self.batches)
        logged = grid.spread(self.probabilities)
        learnt = _likelihood(grid, self.outcome) if self.likelihood is None else self.likelihood
        posterior = action_posterior(logged, grid.spread(learnt))
        brought = [b.feedback.estimated for b in self.batches if b.feedback.estimated is not None]
        estimated = grid.spread(
            np.concatenate(brought) if brought else means(self.batches, grid.reward)
        )
        direct = grid.spread(_direct(self.batches, grid, self.outcome))
        own = at_level(direct, logged, estimated)
        group = self.group
        return LongTermLog(grid.action, grid.reward, logged, posterior, estimated, group, own)

    def target(self) -> Float[np.ndarray, "decisions actions"]:
        """The target's probability of each candidate, 0 beyond a decision's."""
        flat = np.concatenate([b.feedback.target for b in self.batches])
        return Grid.of(self.batches).spread(flat)

    @property
    def group(self) -> Int[np.ndarray, " decisions"]:
        """Of whole profiles."""
        return np.concatenate([b.feedback.group for b in self.batches])


@dataclass(frozen=True)
class Grid:
    """Where each flat candidate stands among its decision's."""

    row: Int[np.ndarray, " flat"]
    place: Int[np.ndarray, " flat"]
    action: Int[np.ndarray, " decisions"]
    reward: Float[np.ndarray, " decisions"]
    code: Int[np.ndarray, " flat"]
    fold: Int[np.ndarray, " decisions"]

    @classmethod
    def of(cls, batches: list[Batch]) -> "Grid":
        """Of decisions in order."""
        sizes = np.concatenate([np.diff(b.feedback.offsets) for b in batches])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        row = np.repeat(np.arange(len(sizes)), sizes)
        action = np.concatenate([b.feedback.logged - b.feedback.offsets[:-1] for b in batches])
        names: dict[object, int] = {}
        codes = [
            np.array([names.setdefault(name, len(names)) for name in b.names])[b.codes]
            for b in batches
        ]
        return cls(
            row,
            np.arange(len(row)) - starts[row],
            action,
            np.concatenate([b.feedback.reward for b in batches]),
            np.concatenate(codes),
            np.concatenate([b.feedback.group for b in batches]) % FOLDS,
        )

    def spread(self, flat: Float[np.ndarray, " flat"]) -> Float[np.ndarray, "decisions actions"]:
        """Values by decision and place, 0 beyond its candidates."""
        values = np.zeros((len(self.action), int(self.place.max()) + 1))
        values[self.row, self.place] = flat
        return values

    @property
    def shown(self) -> Int[np.ndarray, " decisions"]:
        """Code of each decision's action."""
        return self.code[np.flatnonzero(self.place == 0) + self.action]


def means(
    batches: list[Batch],
    reward: Float[np.ndarray, " decisions"],
    strength: float = PRIOR_IMPRESSIONS,
) -> np.ndarray:
    """Cross-fitted mean rewards of artworks, flat."""
    parts, at = [], 0
    for batch in batches:
        feedback = batch.feedback
        own = reward[at : at + len(feedback)]
        at += len(feedback)
        parts.append(_with_reward(batch, own))
    model = CrossFittedMeans(strength).learn(parts)
    return np.concatenate([model.predict(batch) for batch in parts])


def _direct(
    batches: list[Batch], grid: Grid, outcome: Int[np.ndarray, " decisions"]
) -> Float[np.ndarray, " flat"]:
    """Of each candidate, what it adds where the same was seen: two ways of means, in turns."""
    kinds = np.bincount(outcome)
    first = np.flatnonzero(grid.place == 0)
    own = np.zeros(len(grid.row))
    for _ in range(TURNS):
        rest = grid.reward - own[first + grid.action]
        carried = np.bincount(outcome, rest) / np.maximum(kinds, 1)
        rest = grid.reward - carried[outcome]
        own = means(batches, rest, _strength(grid.shown, rest))
    return own


def _strength(shown: Int[np.ndarray, " decisions"], rest: Float[np.ndarray, " decisions"]) -> float:
    """Decisions that "artworks do not differ" counts for: noise over what they do differ by.

    Source: DerSimonian and Laird (1986), "Meta-analysis in clinical trials", the moment estimate.
    """
    count = np.bincount(shown).astype(float)
    count, total = count[count > 0], np.bincount(shown, rest)[count > 0]
    mean = total / count
    noise = (rest @ rest - count @ mean**2) / max(len(rest) - len(count), 1)
    spread = count @ (mean - rest.mean()) ** 2 / max(noise, 1e-300) - (len(count) - 1)
    reach = len(rest) - count @ count / len(rest)
    return float(reach / spread) if spread > 0 else NO_DIFFERENCE


def _with_reward(batch: Batch, reward: Float[np.ndarray, " decisions"]) -> Batch:
    return replace(batch, feedback=replace(batch.feedback, reward=reward))


def _likelihood(grid: Grid, outcome: Int[np.ndarray, " decisions"]) -> Float[np.ndarray, " flat"]:
    """p(s | x, b) of the outcome that was seen, by artworks' own shares."""
    kinds = int(outcome.max()) + 1
    artworks = int(grid.code.max()) + 1
    counts = np.zeros((FOLDS, artworks, kinds))
    np.add.at(counts, (grid.fold, grid.shown, outcome), 1.0)
    # A profile's own decisions have no part in what is believed of them.
    others = counts.sum(0) - counts
    overall = others.sum(1, keepdims=True) + 1.0
    overall /= overall.sum(2, keepdims=True)
    shares = (others + STRENGTH * overall) / (others.sum(2, keepdims=True) + STRENGTH)
    return shares[grid.fold[grid.row], grid.code, outcome[grid.row]]
