"""The policies of the learning benchmark, each with the settings it is tuned over: four at most."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from bandit.simple import uniform
from bench.learning import peers
from bench.learning.network_policy import NetworkPolicy, NetworkSettings
from bench.learning.online.online_bandit import OnlineBandit
from bench.learning.online.online_settings import OnlineSettings
from bench.learning.stage import Stage, StagedLearner, View
from bench.learning.vowpal import BayesianArtwork, VowpalArtwork

Setting = dict[str, Any]

_WHEEL_NEURAL = {"steps": 20, "width": 50, "growth": 0.1}
_BOUND = {
    **{"choice": "bound", "unit": 50.0, "compress": 0.03, "prior_scale": 0.3, "unstretched": 0.4},
    **{"width": 50, "steps": 50, "retrain": 1.5, "growth": 0.03, "least": 1},
}
_CLOSED = {"link": "logit", "width": 0, "steps": 0, "retrain": 1e9, "spectrum": 30}
_TRAINED = {"link": "logit", "width": 0, "steps": 10, "rate": 0.01, "spectrum": 30, "growth": 0.1}
_COST = "--cb_min_cost -1 --cb_max_cost 0"

OURS: dict[str, dict[str, list[Setting]]] = {
    "wheel": {
        "neural_linear": [
            {**_BOUND, "noise": 0.2},
            {**_BOUND, "noise": 0.1, "doubt": 200},
            {**_BOUND, "noise": 0.2, "doubt": 200},
            {**_BOUND, "noise": 0.3, "doubt": 200},
        ],
        "bootstrap": [
            {"prior_scale": 1.0, "compress": 0.1, **_WHEEL_NEURAL},
            {"prior_scale": 3.0, "compress": 0.1, **_WHEEL_NEURAL},
            {"prior_scale": 0.3, "compress": 0.0, **_WHEEL_NEURAL},
        ],
        "dropout": [
            {"keep": 0.8, "compress": 0.1, **_WHEEL_NEURAL},
            {"keep": 0.5, "compress": 0.1, **_WHEEL_NEURAL},
            {"keep": 0.8, "compress": 0.0, **_WHEEL_NEURAL},
        ],
        "point": [
            {"compress": 0.1, **_WHEEL_NEURAL},
            {"compress": 0.0, **_WHEEL_NEURAL},
            {"compress": 0.1, "epsilon": 0.02, **_WHEEL_NEURAL},
        ],
    },
    "digits": {
        "neural_linear": [
            {"prior_scale": 1.0, "temperature": 0.3, **_CLOSED},
            {"prior_scale": 1.0, "temperature": 0.1, **_CLOSED},
            {"prior_scale": 1.0, "temperature": 1.0, **_CLOSED},
        ],
        "bootstrap": [
            {"prior_scale": 0.3, "decay": 1e-4, **_TRAINED},
            {"prior_scale": 0.1, "decay": 1e-4, **_TRAINED},
            {"prior_scale": 0.3, "decay": 1e-4, "scheme": "double_or_nothing", **_TRAINED},
        ],
        "dropout": [
            {"keep": 0.8, "decay": 1e-4, **_TRAINED},
            {"keep": 0.9, "decay": 1e-4, **_TRAINED},
            {"keep": 0.95, "decay": 1e-4, **_TRAINED},
        ],
        "point": [
            {"decay": 1e-4, **_TRAINED},
            {"decay": 1e-3, **_TRAINED},
            {"decay": 1e-4, "epsilon": 0.02, **_TRAINED},
        ],
    },
}
OURS["artwork"] = {
    kind: [{key: value for key, value in one.items() if key != "spectrum"} for one in settings]
    for kind, settings in OURS["digits"].items()
}
"""Environment → kind of heads → settings."""

OURS["whole"] = {
    "hierarchical": [{"posterior_scale": scale} for scale in (0.1, 0.03, 0.3)],
    "neural_linear": [{"posterior_scale": 0.1}, {"posterior_scale": 0.3}],
    "bootstrap": [
        {"prior_scale": 0.1, "posterior_scale": 0.1},
        {"prior_scale": 0.3, "posterior_scale": 0.3},
    ],
    "dropout": [{"posterior_scale": 0.1}, {"posterior_scale": 0.3}],
    "point": [{}, {"epsilon": 0.02}],
}
"""The artwork environment with whole features: the product's own network."""

_VOWPAL = {
    "vw_squarecb": [
        {"explore": "--squarecb --gamma_scale 10"},
        {"explore": "--squarecb --gamma_scale 100"},
        {"explore": "--squarecb --gamma_scale 1000"},
        {"explore": "--squarecb --gamma_scale 10000"},
    ],
    "vw_bag": [
        {"explore": "--bag 16 --epsilon 0.01"},
        {"explore": "--bag 16 --epsilon 0.01 -l 2"},
        {"explore": "--bag 8 --greedify --epsilon 0.01"},
    ],
    "vw_epsilon": [
        {"explore": "--epsilon 0.05"},
        {"explore": "--epsilon 0.02"},
        {"explore": "--epsilon 0.05 -l 2"},
    ],
    "vw_regcb": [
        {"explore": f"--regcb --mellowness 0.1 {_COST}"},
        {"explore": f"--regcb --mellowness 0.01 {_COST}"},
        {"explore": f"--regcbopt --mellowness 0.01 {_COST}"},
    ],
}

_CROSSED = "-q fe -q ft -q fi -q ws"
WHOLE_PEERS: dict[str, list[Setting]] = {
    "vw_squarecb": [
        {"explore": "--squarecb --gamma_scale 1000"},
        {"explore": "--squarecb --gamma_scale 1000 -l 0.2"},
        {"explore": "--squarecb --gamma_scale 1000 -l 0.2", "crosses": _CROSSED},
        {"explore": "--squarecb --gamma_scale 1000 -l 0.1", "directions": 64},
    ],
    "vw_epsilon": [
        {"explore": "--epsilon 0.02"},
        {"explore": "--epsilon 0.02 -l 0.2"},
        {"explore": "--epsilon 0.02 -l 0.2", "crosses": _CROSSED},
        {"explore": "--epsilon 0.02 -l 0.1"},
    ],
    "vw_regcb": [
        {"explore": f"--regcb --mellowness 0.01 {_COST}"},
        {"explore": f"--regcb --mellowness 0.01 {_COST} -l 0.2"},
        {"explore": f"--regcbopt --mellowness 0.01 {_COST} -l 0.2"},
    ],
    "vw_bag": [
        {"explore": "--bag 4 --epsilon 0.01"},
        {"explore": "--bag 4 --epsilon 0.01 -l 0.2"},
    ],
    "bayesianbandits": [
        {"beta": 100.0},
        {"beta": 1e4},
        {"beta": 1e6},
    ],
}
"""Peers on the whole features; for bayesianbandits, the larger beta the less it explores."""


def settings_of(name: str, environment: str) -> list[Setting]:
    """What a policy is tuned over in an environment."""
    if name in OURS[environment]:
        return OURS[environment][name]
    if environment == "whole" and name in WHOLE_PEERS:
        return WHOLE_PEERS[name]
    wheel = environment == "wheel"
    squeezed = [{"compress": 0.5}] if wheel else []
    if name in _VOWPAL:
        base = _VOWPAL[name]
        return [*base[: 4 - len(squeezed)], *[{**base[1], **more} for more in squeezed]]
    return {
        "bayesianbandits": [
            {"alpha": 1.0, "beta": 4.0},
            {"alpha": 1.0, "beta": 100.0},
            {"alpha": 1.0, "beta": 1e4},
            *[{"alpha": 1.0, "beta": 1e4, **more} for more in squeezed],
        ],
        "contextualbandits": [{"base": "tree"}, {"base": "logistic"}],
        "mabwiser": [
            {"alpha": 0.1},
            {"alpha": 1.0},
            *[{"alpha": 0.1, **more} for more in squeezed],
        ],
        "uniform": [{}],
    }[name]


def policies_of(environment: str) -> tuple[list[str], list[str]]:
    """Ours and the peers that can play an environment."""
    peers = [*_VOWPAL, "bayesianbandits"]
    if environment == "wheel":
        peers += ["contextualbandits", "mabwiser"]  # both need a fixed set of arms
    if environment == "whole":
        peers = list(WHOLE_PEERS)
    return list(OURS[environment]), peers


def make_policy(name: str, stage: Stage, setting: Setting, seed: int) -> StagedLearner:
    """An untrained policy."""
    makers: dict[str, Callable[..., StagedLearner]] = {
        "bayesianbandits": peers.BayesianLinear,
        "contextualbandits": peers.Bootstrapped,
        "mabwiser": peers.MabWiserLinUCB,
        "uniform": lambda stage, seed: UniformLearner(),
    }
    if stage.whole is not None and name in WHOLE_PEERS:
        if name == "bayesianbandits":
            return BayesianArtwork(stage, stage.whole, seed, **setting)
        return VowpalArtwork(stage, stage.whole, seed, **setting)
    if stage.whole is not None and name in OURS["whole"]:
        return NetworkPolicy(stage, seed, NetworkSettings(kind=name, **setting))  # type: ignore
    if name.startswith("vw_"):
        return peers.Vowpal(stage, seed, **setting)
    if name in makers:
        return makers[name](stage, seed, **setting)
    return Neural(stage, seed, kind=name, **setting)


class UniformLearner:
    """Chance."""

    def batch(self) -> int:
        """See `Learner`."""
        return 1000

    def probabilities(self, view: View) -> np.ndarray:
        """See `Learner`."""
        return uniform(view.valid)

    def learn(
        self, view: View, actions: np.ndarray, propensities: np.ndarray, rewards: np.ndarray
    ) -> None:
        """See `Learner`."""
        del view, actions, propensities, rewards


class Neural:
    """The product's heads on a small trunk."""

    def __init__(self, stage: Stage, seed: int, **setting: Any) -> None:
        torch.set_num_threads(1)
        self.bandit = OnlineBandit(stage.sample(), stage.bank, OnlineSettings(**setting), seed)
        self.batch = self.bandit.batch
        self.told = 0

    def probabilities(self, view: View) -> np.ndarray:
        """See `Learner`."""
        return self.bandit.probabilities(view.contexts, view.bank, view.candidates, view.valid)

    def learn(
        self, view: View, actions: np.ndarray, propensities: np.ndarray, rewards: np.ndarray
    ) -> None:
        """See `Learner`."""
        del propensities
        shown = view.bank[view.candidates[np.arange(len(actions)), actions]]
        ids = [str(i) for i in range(self.told, self.told + len(actions))]
        self.told += len(actions)
        self.bandit.learn(view.contexts, shown, rewards, ids)
