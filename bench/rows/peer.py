"""Beside sb-obp (Saito et al.) on rows of its own environment: the same numbers, and others."""

import os
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import numpy as np
from jaxtyping import Float

from evaluate.ope.feedback import GROUPS
from evaluate.ope.reward_model import FOLDS
from evaluate.slate.estimators import ESTIMATORS
from evaluate.slate.slates import Slates
from evaluate.slate.slot_model import Places

PACKAGE = "obp"
"""Module of sb-obp, the fork of obp that has estimators of rows."""
STRUCTURES = ("independent", "cascade_additive", "standard_additive")
"""What a slot's reward depends on there: itself, the slots before it, all others."""
SLOTS, ACTIONS, CONTEXT = 4, 4, 3
SHARP = 1.5
"""Scale of the target's logits."""
SAME = ("sips", "iips", "rips")
"""Estimators that both have."""
OWN = ("pi", "pi_dr", "pi2", "pi2_dr")


@dataclass(frozen=True)
class PeerRow:
    """Estimators on the peer's logs of one structure.

    Attributes:
        structure: of its rewards.
        logs: that were drawn.
        apart: the largest difference between the peer's value and ours of the same estimator.
        truth: mean value of the target, by enumeration.
        rmse: estimator → root mean squared error as a share of that; of both, or of ours alone.
        best_of_peer: the least of those that both have.
    """

    structure: str
    logs: int
    apart: float
    truth: float
    rmse: dict[str, float]
    best_of_peer: float


class _Estimator(Protocol):
    def estimate_policy_value(self, **columns: np.ndarray) -> float: ...


def beside_peer(logs: int, pages: int, seed: int) -> list[PeerRow]:
    """Logs of even draws from the peer's environment, judged by the peer and by us.

    Args:
        logs: of each structure.
        pages: rows of each log.
        seed: of the environments.
    """
    os.environ.setdefault("TQDM_DISABLE", "1")
    return [_of_structure(structure, logs, pages, seed) for structure in STRUCTURES]


def _of_structure(structure: str, logs: int, pages: int, seed: int) -> PeerRow:
    worlds, ope = import_module(f"{PACKAGE}.dataset"), import_module(f"{PACKAGE}.ope")
    made = worlds.SyntheticSlateBanditDataset(
        n_unique_action=ACTIONS,
        len_list=SLOTS,
        dim_context=CONTEXT,
        reward_structure=structure,
        click_model=None,
        base_reward_function=worlds.logistic_reward_function,
        behavior_policy_function=None,
        is_factorizable=True,
        random_state=seed,
    )
    theirs: dict[str, _Estimator] = {
        "sips": ope.SlateStandardIPS(len_list=SLOTS),
        "iips": ope.SlateIndependentIPS(len_list=SLOTS),
        "rips": ope.SlateRewardInteractionIPS(len_list=SLOTS),
    }
    turned = SHARP * np.random.default_rng(seed).normal(size=(CONTEXT, ACTIONS))
    off: dict[str, list[float]] = {name: [] for name in (*SAME, *OWN)}
    apart, truths = 0.0, []
    for _ in range(logs):
        log = made.obtain_batch_bandit_feedback(n_rounds=pages)
        logits = log["context"] @ turned
        target = made.obtain_pscore_given_evaluation_policy_logit(log["action"], logits)
        truth = float(made.calc_ground_truth_policy_value(log["context"], logits))
        slates = _slates(log, *target)
        values = {name: ESTIMATORS[name].estimate(slates) for name in off}
        columns = _columns(log, *target)
        for name, each in theirs.items():
            said = each.estimate_policy_value(**columns[name])
            apart = max(apart, abs(said - values[name]))
        truths.append(truth)
        for name, value in values.items():
            off[name].append(value / truth - 1)
    rmse = {name: float(np.sqrt(np.mean(np.square(errors)))) for name, errors in off.items()}
    best = min(rmse[name] for name in SAME)
    return PeerRow(structure, logs, apart, float(np.mean(truths)), rmse, best)


def _columns(
    log: dict[str, np.ndarray],
    slate: Float[np.ndarray, " slots"],
    position: Float[np.ndarray, " slots"],
    prefix: Float[np.ndarray, " slots"],
) -> dict[str, dict[str, np.ndarray]]:
    """What each of the peer's estimators reads."""
    shared = {name: log[name] for name in ("slate_id", "reward", "position")}
    return {
        "sips": shared | {"pscore": log["pscore"], "evaluation_policy_pscore": slate},
        "iips": shared
        | {
            "pscore_item_position": log["pscore_item_position"],
            "evaluation_policy_pscore_item_position": position,
        },
        "rips": shared
        | {"pscore_cascade": log["pscore_cascade"], "evaluation_policy_pscore_cascade": prefix},
    }


def _slates(
    log: dict[str, np.ndarray],
    slate: Float[np.ndarray, " slots"],
    position: Float[np.ndarray, " slots"],
    prefix: Float[np.ndarray, " slots"],
) -> Slates:
    """The same log as our estimators read it; slots are chosen independently on both sides."""
    shape = (-1, SLOTS)
    single = (position / log["pscore_item_position"]).reshape(shape)
    count, length = len(single), np.full(len(single), SLOTS)
    reward, group = log["reward"].reshape(shape).astype(float), np.arange(count) % GROUPS
    there, nobody = np.ones(single.shape, bool), np.zeros(count, np.int64)
    none = np.zeros(single.shape, np.int64)
    places = Places(there, length, group % FOLDS, nobody, none, None, None)
    last = np.zeros((count, 1))
    return Slates(
        length=length,
        reward=reward,
        group=group,
        slate=(slate / log["pscore"]).reshape(shape)[:, 0],
        position=single,
        prefix=(prefix / log["pscore_cascade"]).reshape(shape),
        pair=np.concatenate([single[:, :-1] * single[:, 1:], last], axis=1),
        model=places.model(reward),
        logged="alone",
        target="alone",
    )
