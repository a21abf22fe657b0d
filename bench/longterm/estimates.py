"""Whether long-term estimates hold what policies are worth, and see a proxy that is broken."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bench.longterm.decided import OUTCOMES, DecidedOnce, LearntLog, decided, known_before_it
from bench.longterm.stage import joy_numbers, linear
from evaluate.longterm.long_estimates import (
    LongEstimate,
    ProxyGap,
    groups_of,
    long_estimates,
    mean_ranges,
    proxy_gap,
    surrogate_gap,
)
from evaluate.ope.bootstrap import Bootstrap
from simulate.longterm.long_world import Chances, LongWorld, best_of

LOGGED_FLOOR = 0.4
"""Share of even draws in the log; the rest takes the best take."""
TARGET_FLOOR = 0.1
RESAMPLES = 400
SHOWN = ("ips", "dr", "lope")


@dataclass(frozen=True)
class LongCoverage:
    """An estimator over many logs of one world and target.

    Attributes:
        log: by even draws, or explored: the best take, and even draws with a share of .4.
        target: which policy is judged.
        estimator: ips, dr or lope.
        bias: of the value, in takes.
        rmse: around the truth, in takes.
        coverage: share of 95% intervals that hold the truth.
        over_dr: RMSE as a share of DR's.
        truth: takes of 28 days after a decision under the target.
        logs: how many.
        experiment: RMSE of the mean of as many decisions of the target's own, as a share of DR's.
    """

    log: str
    target: str
    estimator: str
    bias: float
    rmse: float
    coverage: float
    over_dr: float
    truth: float
    logs: int
    experiment: float


@dataclass(frozen=True)
class ProxyVerdict:
    """What is said of a proxy in a world, for a target that shows what misleads most.

    Attributes:
        world: whole, or hidden: misleading costs trust, and nothing seen early tells of it.
        lope: value by LOPE.
        surrogate: value by the proxy alone, in an experiment under the target.
        gap: LOPE less that.
        gap_low: lower end of its 95% interval.
        gap_high: upper end.
        from_log: the gap by the log alone, without an experiment.
        log_low: lower end of its interval.
        log_high: upper end.
        broken: whether the log alone says that the proxy is broken, as users are told.
        truth: takes of 28 days under the target.
    """

    world: str
    lope: float
    surrogate: float
    gap: float
    gap_low: float
    gap_high: float
    from_log: float
    log_low: float
    log_high: float
    broken: bool
    truth: float


def coverages(world: LongWorld, logs: int, count: int, seed: int) -> list[LongCoverage]:
    """Bias, RMSE and coverage over logs, for the take-best and for an honest target."""
    policies = {"even": world.even, "explored": best_of(world.takes, LOGGED_FLOOR)}
    return [
        row
        for name, policy in policies.items()
        for row in _coverages(world, name, policy, (logs, count, seed))
    ]


def _coverages(
    world: LongWorld, logged: str, log_policy: Chances, sizes: tuple[int, int, int]
) -> list[LongCoverage]:
    logs, count, seed = sizes
    targets = {
        "take": best_of(world.takes, TARGET_FLOOR),
        "honest": best_of(world.takes * (1 - world.mislead), TARGET_FLOOR),
    }
    times = max(1, logs // 5)
    known = {
        name: _truth(world, target, log_policy, seed, times) for name, target in targets.items()
    }
    truths, apart = ({name: each[at] for name, each in known.items()} for at in (0, 1))
    found: dict[tuple[str, str], list[LongEstimate]] = {}
    for at in range(logs):
        log = decided(world, log_policy, log_policy, count, seed, at)
        learnt = LearntLog.gathered(world, log, log_policy)
        read = learnt.log()
        for name, target in targets.items():
            chances = target[log.member, log.title].astype(float)
            made = long_estimates(read, chances, Bootstrap(RESAMPLES, at), SHOWN, learnt.log)
            for estimator, one in made.items():
                found.setdefault((name, estimator), []).append(one)
    rows = []
    for name in targets:
        errors = {e: _error(found[name, e], truths[name]) for e in SHOWN}
        for estimator in SHOWN:
            made = found[name, estimator]
            bias = float(np.mean([one.value for one in made]) - truths[name])
            held = float(np.mean([one.low <= truths[name] <= one.high for one in made]))
            rmse = errors[estimator]
            rows.append(
                LongCoverage(
                    logged,
                    name,
                    estimator,
                    bias,
                    rmse,
                    held,
                    rmse / errors["dr"],
                    truths[name],
                    logs,
                    apart[name] / np.sqrt(count) / errors["dr"],
                )
            )
    return rows


def _error(made: list[LongEstimate], truth: float) -> float:
    return float(np.sqrt(np.mean([(one.value - truth) ** 2 for one in made])))


def _truth(
    world: LongWorld, target: Chances, after: Chances, seed: int, times: int
) -> tuple[float, float]:
    """Takes under a target and their SD, by many decisions of its own: no estimator is used."""
    many = [
        decided(world, target, after, 10_000, seed, 1_000_000 + at).reward for at in range(times)
    ]
    return float(np.mean(many)), float(np.std(many))


def proxy_verdicts(world: dict[str, LongWorld], count: int, seed: int) -> list[ProxyVerdict]:
    """Whether the report says of a proxy that it is broken, where it is and where it is not."""
    return [_verdict(name, world[name], count, seed) for name in ("whole", "hidden")]


def _verdict(name: str, world: LongWorld, count: int, seed: int) -> ProxyVerdict:
    policy = world.even
    target = best_of(np.broadcast_to(world.mislead, world.logit.shape), TARGET_FLOOR)
    old = decided(world, policy, policy, count, seed, 1)
    log = decided(world, policy, policy, count, seed, 2)
    tried = decided(world, target, policy, count, seed, 3)
    weights = linear(_seen(world, old), old.reward)
    learnt = LearntLog.gathered(world, log, policy)
    read = learnt.log()
    chances = target[log.member, log.title].astype(float)
    bootstrap = Bootstrap(RESAMPLES, 0)
    lope = long_estimates(read, chances, bootstrap, ("lope",), learnt.log)["lope"]
    predicted = _seen(world, tried) @ weights
    [surrogate] = mean_ranges(predicted[:, None], groups_of(read), bootstrap)
    gap = surrogate_gap(lope, surrogate)
    seen = _seen(world, log) @ weights
    x = joy_numbers(world)[log.member, log.title].astype(float)
    shown = x[np.arange(len(x)), log.choice]
    left = x @ linear(shown, log.reward - seen)
    of_log: ProxyGap = proxy_gap(read, chances, seen, left, bootstrap)
    return ProxyVerdict(
        name,
        lope.value,
        surrogate.value,
        *gap,
        *of_log,
        of_log.broken,
        _truth(world, target, policy, seed, max(1, count // 10_000))[0],
    )


def _seen(world: LongWorld, of: DecidedOnce) -> Float[np.ndarray, "decisions numbers"]:
    """What a proxy sees: the member, the title's pull, what came at once, and disappointment.

    That is an abandonment by how far the poster shows what its title has not: all of the harm in
    the world as it is, and little of it where harm is hidden behind takes.
    """
    kinds = np.eye(OUTCOMES)[of.outcome]
    foreign = world.mislead[of.title, of.choice][:, None]
    own = world.affinity[of.member, of.title][:, None].astype(float)
    return np.concatenate([kinds, kinds[:, 1:3] * foreign, known_before_it(world, of), own], axis=1)
