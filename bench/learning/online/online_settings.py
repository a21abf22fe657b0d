"""Settings of the neural bandit for plain feature vectors."""

from dataclasses import dataclass
from typing import Literal

from bench.learning.online.update_schedule import Pace
from model.heads.bayesian_last_layer import Link
from model.heads.bootstrap_weights import Scheme
from model.heads.interface import Kind


@dataclass(frozen=True)
class OnlineSettings(Pace):
    """How the online bandit is made and trained."""

    kind: Kind = "bootstrap"
    """Of the heads."""
    heads: int = 20
    """In the bank."""
    prior: int = 16
    """Frozen numbers of it."""
    prior_scale: float = 0.3
    """Deviation of the prior functions, in units of the score."""
    frozen: int = 512
    """Width of the frozen network."""
    width: int = 100
    """Of the trunk's two layers; the heads also read the context itself. 0: only that."""
    spectrum: int = 0
    """Directions of the candidates' own geometry that take the place of their features; 0: none."""
    temperature: float = 1.0
    """Factor on the deviation of neural_linear's draws: below 1 where contexts explore for free."""
    choice: Literal["draw", "bound"] = "draw"
    """Of neural_linear: a draw of its posterior, or its highest mean plus one deviation."""
    noise: float = 0.0
    """Of a target about its score, that neural_linear's posterior is told; 0: it estimates it. The
    larger it is, the more often the same is tried before it counts as known."""
    doubt: int = 0
    """Random waves of the context that neural_linear's posterior also reads, and that are not
    trained: what training finds alike they keep apart."""
    unstretched: float = 0.05
    """Numbers of the context that vary less than this are not stretched to deviation 1."""
    scheme: Scheme = "none"
    """Of the bootstrap."""
    keep: float = 0.8
    """Share kept by a dropout mask."""
    link: Link = "identity"
    """identity: squared error of rewards; logit: cross-entropy of takes."""
    rate: float = 3e-3
    """Of Adam."""
    decay: float = 0.0
    """Of the weights."""
    steps: int = 50
    """Steps of a training."""
    retrain: float = 1.0
    """neural_linear's posterior takes in every batch between trainings."""
    least: int = 10
    most: int = 2000
    minibatch: int = 256
    """Rows a step."""
    epsilon: float = 0.0
    """Share of uniform exploration."""
    compress: float = 0.0
    """Learn asinh(standardised reward / compress), standardised: for rewards of very different
    sizes and little noise; 0: rewards as they are."""
    unit: float = 0.0
    """How large rewards may be, where that is known beforehand: targets go from 0, the least reward
    seen, to about 1. 0: rewards are standardised by those seen."""
