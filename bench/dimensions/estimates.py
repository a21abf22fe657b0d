"""Whether off-line estimates of several kinds hold the exact worth of a policy and of its kinds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.dimensions.policies import TITLES
from evaluate.kinds.estimate import ESTIMATES, KindEstimate, judge_kinds
from evaluate.kinds.kind_file import KindDecisions
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.feedback import GROUPS
from simulate.kinds.kind_world import KINDS, SIZES, KindWorld
from simulate.kinds.learner import KindLearner, drawn, even

LEARNT_ON = 10_000
EXPLORED = 0.1
"""Share of even draws that the judged policy has, as a live one would."""
RESAMPLES = 400


@dataclass(frozen=True)
class KindCoverage:
    """How far an estimate is from the truth over logs of even draws.

    Attributes:
        agreement: deviation of the logit by how kinds agree.
        estimate: an estimator of the policy's worth, or what a kind adds to it.
        truth: exact, on average over the logs.
        bias: of the estimates, as a share of the truth.
        deviation: of estimate less truth, as a share of the truth.
        coverage: share of 95% intervals that hold the truth.
    """

    agreement: float
    estimate: str
    truth: float
    bias: float
    deviation: float
    coverage: float


def kind_coverage(
    agreement: float,
    logs: int,
    decisions: int,
    seed: int,
    titles: int = TITLES,
    learnt_on: int = LEARNT_ON,
) -> list[KindCoverage]:
    """Judge a jointly learnt policy on many logs that it has not learnt from.

    Args:
        agreement: deviation of the logit by how kinds agree.
        logs: how many.
        decisions: of each, of members of their own.
        seed: of the world and the logs.
        titles: of the world.
        learnt_on: visits of another log that the policy learnt from.
    """
    world = KindWorld.make(titles, agreement, seed)
    rng = np.random.default_rng([seed, 6])
    past = world.visits(learnt_on, rng)
    takes = world.takes(past)
    choice = drawn(np.broadcast_to(even(), takes.shape), rng)
    taken = (rng.random(learnt_on) < takes[(np.arange(learnt_on), *choice.T)]).astype(float)
    learner = KindLearner.new(world, "joint").learn(past, choice, taken)
    found: dict[str, list[tuple[float, KindEstimate]]] = {}
    for log in range(logs):
        for name, pair in _judged(learner, decisions, log, rng).items():
            found.setdefault(name, []).append(pair)
    return [_row(agreement, name, pairs) for name, pairs in found.items()]


def _judged(
    learner: KindLearner, decisions: int, log: int, rng: np.random.Generator
) -> dict[str, tuple[float, KindEstimate]]:
    """Truth and estimate, of a log's target and of what its kinds add."""
    visits = learner.world.visits(decisions, rng)
    truth = learner.world.takes(visits)
    logged = np.broadcast_to(even(), truth.shape)
    action = drawn(logged, rng)
    reward = (rng.random(decisions) < truth[(np.arange(decisions), *action.T)]).astype(float)
    best = learner.chances(visits, 0, 0.0, log)
    target = (1 - EXPLORED) * best + EXPLORED * logged
    group = np.arange(decisions) % GROUPS
    part = KindDecisions(KINDS, action, logged, target, reward, group)
    report = judge_kinds([part], Bootstrap(RESAMPLES, log))
    worth = _mean(truth, target)
    found = {name: (worth, report.target[name]) for name in ESTIMATES}
    for place, kind in enumerate(KINDS):
        without = target.sum(1 + place, keepdims=True) / SIZES[place]
        found[f"{kind} adds"] = (worth - _mean(truth, without), report.adds[kind])
    return found


def _row(agreement: float, name: str, pairs: list[tuple[float, KindEstimate]]) -> KindCoverage:
    truth = np.array([worth for worth, _ in pairs])
    apart = np.array([one.value for _, one in pairs]) - truth
    held = [one.low <= worth <= one.high for worth, one in pairs]
    size = float(truth.mean())
    return KindCoverage(
        agreement,
        name,
        size,
        float(apart.mean() / size),
        float(apart.std() / size),
        float(np.mean(held)),
    )


def _mean(
    values: Float[np.ndarray, " visits *combinations"],
    chances: Float[np.ndarray, " visits *combinations"],
) -> float:
    return float((values * chances).reshape(len(values), -1).sum(1).mean())
