"""Fitted Q evaluation beside d3rlpy's, where both do the same job: one action of two a day."""

# d3rlpy is not installed with Marquee: no checker sees it.
# pyright: reportMissingImports=false, reportOptionalMemberAccess=false

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from bench.optional import why_no_package
from evaluate.longterm.fitted_q import Transitions, fitted_q
from evaluate.ope.bootstrap import Bootstrap
from simulate.named_rng import named_generator

if TYPE_CHECKING:
    from d3rlpy.dataset import MDPDataset

PEER = "d3rlpy"
DAYS, MEMBERS, CROWD = 8, 1_000, 200_000
KEPT, MOVED, NOISE = 0.7, 0.4, 0.2
STEPS, BATCH = 1_500, 256


@dataclass(frozen=True)
class PeerError:
    """How far an estimate of what a policy earns in eight days is from the truth.

    Attributes:
        world: straight (a day's reward is linear in the state), or curved.
        seed: of the log.
        judge: ours, or the peer's name.
        value: the estimate.
        low: lower end of its 95% interval; NaN: the peer has none.
        high: upper end.
        truth: of 200,000 members under the policy.
        error: value − truth, as a share of the policy's gain over the log's.
        seconds: of the processor.
        skipped: why there are no numbers; None: there are.
    """

    world: str
    seed: int
    judge: str
    value: float
    low: float
    high: float
    truth: float
    error: float
    seconds: float
    skipped: str | None = None

    def words(self) -> str:
        """For a reader."""
        who = f"{self.world}, seed {self.seed}, {self.judge}"
        if self.skipped:
            return f"{who}: {self.skipped}"
        return (
            f"{who}: {self.value:.3f} of {self.truth:.3f}, off by {self.error:+.1%} of the gain,"
            f" {self.seconds:.1f} s"
        )


class _Walk(NamedTuple):
    state: Float[np.ndarray, "members days"]
    action: Int[np.ndarray, "members days"]
    reward: Float[np.ndarray, "members days"]


def peer_errors(seeds: list[int]) -> list[PeerError]:
    """Both on the same logs; ours alone, and why, where the peer is not installed.

    A state s moves as .7 s + .4 a + noise from 0; a day earns a + s, or a + tanh 2s. The log tosses
    a coin; the policy takes action 1 where s is below .5. Ours is given 1, s, s² and each times a;
    the peer its own network of two layers, the day beside s, and no discount.

    Args:
        seeds: of logs.
    """
    rows = []
    for seed in seeds:
        for world in ("straight", "curved"):
            log = _walk(world, MEMBERS, named_generator("peer log", seed, world), None)
            many = _walk(world, CROWD, named_generator("peer truth", seed, world), 0.5)
            truth = float(many.reward.sum(1).mean())
            gain = truth - float(log.reward.sum(1).mean())
            began = _processor()
            ours = fitted_q(_transitions(log), DAYS, Bootstrap(200, 0)).range
            off, took = (ours.value - truth) / gain, _processor() - began
            rows.append(PeerError(world, seed, "ours", *ours, truth, off, took))
            rows.append(_peer_row(world, seed, log, truth, gain))
    return rows


def _peer_row(world: str, seed: int, log: _Walk, truth: float, gain: float) -> PeerError:
    nothing = float("nan")
    if why := why_no_package(PEER):
        skipped = f"skipped: {why}; pip install --target FOLDER {PEER}, PYTHONPATH=FOLDER"
        return PeerError(
            world, seed, PEER, nothing, nothing, nothing, truth, nothing, nothing, skipped
        )
    began = _processor()
    value = _of_peer(log, seed)
    off, took = (value - truth) / gain, _processor() - began
    return PeerError(world, seed, PEER, value, nothing, nothing, truth, off, took)


def _processor() -> float:
    return sum(os.times()[:2])


def _walk(world: str, members: int, rng: np.random.Generator, below: float | None) -> _Walk:
    """Members' days; a coin decides, or action 1 where the state is below a number."""
    state, kept = np.zeros(members), []
    for _ in range(DAYS):
        coin = rng.integers(0, 2, members)
        action = coin if below is None else (state < below).astype(np.int64)
        joy = state if world == "straight" else np.tanh(2 * state)
        kept.append((state, action, action + joy + NOISE * rng.standard_normal(members)))
        state = KEPT * state + MOVED * action + NOISE * rng.standard_normal(members)
    state, action, reward = (np.stack(part, axis=1) for part in zip(*kept, strict=True))
    return _Walk(state, action, reward)


def _transitions(log: _Walk) -> Transitions:
    members, days = log.state.shape
    at = np.arange(members * days)
    last = at % days == days - 1
    state = log.state.ravel()
    own = np.stack([np.ones(len(at)), state, state**2], axis=1)
    done, would = (
        np.concatenate([own, own * action[:, None]], axis=1)
        for action in (log.action.ravel(), state < 0.5)
    )
    following = np.where(last, -1, at + 1)
    first = np.arange(members) * days
    return Transitions(at // days, first, done, would, log.reward.ravel(), following, ~last)


def _of_peer(log: _Walk, seed: int) -> float:
    """The policy's value by the peer's fitted Q evaluation."""
    # Packages that measure alone: the peer brings frameworks of its own, and says so by lines.
    import d3rlpy
    import structlog
    from d3rlpy.logging import NoopAdapterFactory
    from d3rlpy.ope import DiscreteFQE, FQEConfig

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    d3rlpy.seed(seed)
    days = log.state.shape[1]
    day = np.broadcast_to(np.arange(days) / days, log.state.shape)
    seen = np.stack([log.state, day], axis=-1).astype(np.float32)
    ends = np.broadcast_to(np.arange(days) == days - 1, log.state.shape)
    rows: MDPDataset = d3rlpy.dataset.MDPDataset(
        seen.reshape(-1, 2),
        log.action.reshape(-1, 1),
        log.reward.reshape(-1, 1).astype(np.float32),
        ends.ravel().astype(np.float32),
    )
    policy = d3rlpy.algos.DQNConfig().create(device="cpu:0")
    policy.build_with_dataset(rows)
    # It judges algorithms of its own; the policy to be judged answers in the place of one.
    policy.impl.predict_best_action = lambda x: (x[:, 0] < 0.5).long()
    config = FQEConfig(learning_rate=1e-3, gamma=1.0, batch_size=BATCH, target_update_interval=100)
    judge = DiscreteFQE(algo=policy, config=config, device="cpu:0")
    judge.fit(
        rows,
        n_steps=STEPS,
        n_steps_per_epoch=STEPS,
        logger_adapter=NoopAdapterFactory(),
        show_progress=False,
    )
    first = seen[:, 0]
    return float(np.mean(judge.predict_value(first, (first[:, 0] < 0.5).astype(np.int64))))
