"""What deciding kinds together gains: every policy's worth by enumeration, after one even log."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bandit.kinds.after_first import chances_after_first
from bandit.thompson import thompson_probabilities
from simulate.kinds.kind_world import KINDS, KindWorld, Visits
from simulate.kinds.learner import KindLearner, blocks, drawn, even, shown

HEADS, EPSILON = 64, 0.05
TITLES = 30


@dataclass(frozen=True)
class KindPolicies:
    """Expected takes of a visit under each policy, in one world; exact.

    Attributes:
        seed: of the world and the log.
        agreement: deviation of the logit by how kinds agree.
        even: each kind drawn evenly.
        artwork: artwork's best by itself, the others drawn evenly.
        by_kind: best of the first one, two, three and four kinds, each by itself.
        separate: each kind's best by a bandit of its own that knows no other kind.
        independent: each kind's best by a bandit that is taught by all kinds, without pairs.
        joint: the best combination that the learnt posterior knows.
        after_artwork: the same where the artwork is the best by itself and only the others are
            chosen for what stands beside them, as pages are served.
        thompson: the same by Thompson sampling, with a share of exploration.
        oracle: the best combination.
        sum_error: the most by which probabilities of all combinations miss one, under `thompson`.
    """

    seed: int
    agreement: float
    even: float
    artwork: float
    by_kind: dict[str, float]
    separate: float
    independent: float
    joint: float
    after_artwork: float
    thompson: float
    oracle: float
    sum_error: float

    @property
    def of_artwork(self) -> float:
        """The joint gain over even draws, in gains of artwork alone."""
        return (self.joint - self.even) / (self.artwork - self.even)

    @property
    def served_of_artwork(self) -> float:
        """The same of what is served."""
        return (self.after_artwork - self.even) / (self.artwork - self.even)

    @property
    def of_others(self) -> float:
        """What is gained over artwork alone, in gains of independent choices: a harder measure."""
        return (self.joint - self.artwork) / (self.independent - self.artwork)


def kind_policies(
    agreement: float, rounds: int, visits: int, seed: int, titles: int = TITLES
) -> KindPolicies:
    """Learn from a log of even draws, decide for members that are not in it.

    Args:
        agreement: deviation of the logit by how kinds agree.
        rounds: of the log.
        visits: that policies are judged on.
        seed: of the world, the log and the visits.
        titles: of the world.
    """
    world = KindWorld.make(titles, agreement, seed)
    rng = np.random.default_rng([seed, 1])
    log = world.visits(rounds, rng)
    truth = world.takes(log)
    choice = drawn(np.broadcast_to(even(), truth.shape), rng)
    takes = (rng.random(rounds) < truth[(np.arange(rounds), *choice.T)]).astype(float)
    judged = world.visits(visits, rng)
    values = world.takes(judged)
    joint = KindLearner.new(world, "joint").learn(log, choice, takes)
    blind = KindLearner.new(world, "separate").learn(log, choice, takes)
    alone = KindLearner.new(world, "independent").learn(log, choice, takes)
    independent = alone.chances(judged, 0, 0.0, seed)
    thompson = joint.chances(judged, HEADS, EPSILON, seed)
    by_kind = {}
    for kinds in range(len(KINDS) + 1):
        others = tuple(range(1 + kinds, 1 + len(KINDS)))
        share = 1 / np.prod([independent.shape[axis] for axis in others]) if others else 1.0
        some = independent.sum(others, keepdims=True) * share if others else independent
        by_kind[KINDS[kinds - 1] if kinds else "none"] = _worth(values, some)
    return KindPolicies(
        seed,
        agreement,
        by_kind.pop("none"),
        by_kind["artwork"],
        by_kind,
        _worth(values, blind.chances(judged, 0, 0.0, seed)),
        by_kind[KINDS[-1]],
        _worth(values, joint.chances(judged, 0, 0.0, seed)),
        _worth(values, _after_artwork(joint, judged)),
        _worth(values, thompson),
        float(values.reshape(visits, -1).max(1).mean()),
        float(np.abs(thompson.reshape(visits, -1).sum(1) - 1).max()),
    )


def _after_artwork(learner: KindLearner, visits: Visits) -> Float[np.ndarray, " visits *all"]:
    """Greedy: the artwork that is best by itself, then each kind given those before."""
    weights, found = learner.heads(0, 0), []
    for part in blocks(visits):
        scores = learner.scores(part, weights)
        alone = thompson_probabilities(scores.own[0], shown(part)[0], 0.0)
        found.append(chances_after_first(scores, shown(part)[1:], alone, 0.0))
    return np.concatenate(found)


def _worth(
    values: Float[np.ndarray, " visits *combinations"],
    chances: Float[np.ndarray, " visits *combinations"],
) -> float:
    return float((values * chances).reshape(len(values), -1).sum(1).mean())
