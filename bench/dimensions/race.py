"""Regret of learning while deciding, beside Vowpal Wabbit's slates on the same rounds."""

# Vowpal Wabbit is an extra, which a checker need not have installed.
# pyright: reportMissingImports=false

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int

from bandit.kinds.in_order import decide_in_order
from bench.dimensions.policies import TITLES
from bench.learning.peers import numbers
from simulate.kinds.kind_world import SIZES, KindWorld, Visits
from simulate.kinds.learner import KindLearner, Manner, shown

HEADS, DOUBT, EPSILON = 32, 0.1, 0.01
"""Of our learners, chosen on seed 7001, which is not reported."""
VOWPAL = "--squarecb -q fp --gamma_scale 50"
"""The best of four settings on seeds 7001 to 7004, 10,000 visits each, which are the best of 38
on 7001."""
RESCALED = 4
"""Updates after which the scales of effects are learnt anew."""
EVERY = 500
"""Rounds between two updates of ours; Vowpal Wabbit's learns after each."""


@dataclass(frozen=True)
class KindRace:
    """Expected takes lost against the best combination, over all rounds; exact given the choices.

    Attributes:
        seed: of the world and the rounds.
        agreement: deviation of the logit by how kinds agree.
        learner: whose.
        regret: sum over rounds.
        even: the same of even draws.
        last: regret a round in the last tenth of them.
    """

    seed: int
    agreement: float
    learner: str
    regret: float
    even: float
    last: float


class _Racer(Protocol):
    every: int

    def choose(self, visits: Visits) -> Int[np.ndarray, "visits kinds"]: ...

    def learn(self, visits: Visits, choice: np.ndarray, takes: np.ndarray) -> None: ...


def kind_race(
    agreement: float, rounds: int, seed: int, learners: tuple[str, ...], titles: int = TITLES
) -> list[KindRace]:
    """All learners on the same visits, with the same luck.

    Args:
        agreement: deviation of the logit by how kinds agree.
        rounds: of each.
        seed: of the world and the rounds.
        learners: joint, independent or vowpal.
        titles: of the world.
    """
    world = KindWorld.make(titles, agreement, seed)
    rng = np.random.default_rng([seed, 2])
    visits, luck = world.visits(rounds, rng), rng.random(rounds)
    found = []
    for name in learners:
        racer: _Racer = (
            VowpalSlates(world, seed) if name == "vowpal" else Ours(world, _manner(name), seed)
        )
        lost, even = _run(world, racer, visits, luck)
        last = float(lost[-max(rounds // 10, 1) :].mean())
        found.append(KindRace(seed, agreement, name, float(lost.sum()), float(even.sum()), last))
    return found


def _manner(name: str) -> Manner:
    return "joint" if name == "joint" else "independent"


def _run(
    world: KindWorld, racer: _Racer, visits: Visits, luck: Float[np.ndarray, " visits"]
) -> tuple[Float[np.ndarray, " visits"], Float[np.ndarray, " visits"]]:
    lost, even = [], []
    for begin in range(0, len(luck), racer.every):
        part = Visits(*(array[begin : begin + racer.every] for array in visits))
        truth = world.takes(part)
        choice = racer.choose(part)
        chance = truth[(np.arange(len(choice)), *choice.T)]
        takes = (luck[begin : begin + racer.every] < chance).astype(float)
        racer.learn(part, choice, takes)
        flat = truth.reshape(len(choice), -1)
        lost.append(flat.max(1) - chance)
        even.append(flat.max(1) - flat.mean(1))
    return np.concatenate(lost), np.concatenate(even)


class Ours:
    """Thompson sampling in order, from heads drawn anew after each update."""

    every = EVERY

    def __init__(self, world: KindWorld, manner: Manner, seed: int) -> None:
        self.learner, self.rng = KindLearner.new(world, manner), np.random.default_rng([seed, 3])
        self.batches = 0

    def choose(self, visits: Visits) -> Int[np.ndarray, "visits kinds"]:
        """See `_Racer`."""
        weights = self.learner.heads(HEADS, int(self.rng.integers(1 << 30)), DOUBT)
        uniforms = self.rng.random((len(visits.title), len(SIZES)))
        scores = self.learner.scores(visits, weights)
        return decide_in_order(scores, shown(visits), EPSILON, uniforms).choice

    def learn(self, visits: Visits, choice: np.ndarray, takes: np.ndarray) -> None:
        """See `_Racer`."""
        self.batches += 1
        rounds = 2 if self.batches % RESCALED == 1 else 0
        self.learner = self.learner.learn(visits, choice, takes, rounds=rounds)


class VowpalSlates:
    """Vowpal Wabbit's `--slates`, told of every round at once.

    Namespaces: f what is known of the member, p of the asset (numbered by kind), i the asset.
    """

    every = 1

    def __init__(self, world: KindWorld, seed: int, options: str = VOWPAL) -> None:
        # an optional peer
        from vowpalwabbit import Workspace

        self.vw = Workspace(f"--slates {options} --quiet --random_seed {seed} -b 20")
        self.rng = np.random.default_rng([seed, 3])
        self.actions = [
            [line for kind in range(len(SIZES)) for line in _lines(world, kind, title)]
            for title in range(len(world.title))
        ]

    def choose(self, visits: Visits) -> Int[np.ndarray, "visits kinds"]:
        """See `_Racer`."""
        facts = numbers(visits.facts[0])
        self.shared, lines = facts, self.actions[int(visits.title[0])]
        slots = [f"slates slot |s k{kind}" for kind in range(len(SIZES))]
        found = self.vw.predict([f"slates shared |f {facts}", *lines, *slots])
        self.labels, choice = [], []
        for kind, slot in enumerate(found):
            actions, chances = zip(*slot, strict=True)
            p = np.array(chances) / np.sum(chances)
            at = int(self.rng.choice(len(p), p=p))
            self.labels.append(f"slates slot {actions[at]}:{p[at]:.6f} |s k{kind}")
            choice.append(actions[at])
        return np.array([choice])

    def learn(self, visits: Visits, choice: np.ndarray, takes: np.ndarray) -> None:
        """See `_Racer`."""
        del choice
        lines = self.actions[int(visits.title[0])]
        self.vw.learn([f"slates shared {-takes[0]:g} |f {self.shared}", *lines, *self.labels])


def _lines(world: KindWorld, kind: int, title: int) -> list[str]:
    found = []
    for at, place in enumerate(world.places[kind][title]):
        named = " ".join(f"{kind}_{i}:{value:.4g}" for i, value in enumerate(place))
        found.append(f"slates action {kind} |p c{kind} {named} |i {kind}_{title}_{at}")
    return found
