"""The policies that a loop can be asked for by name."""

from dataclasses import dataclass
from pathlib import Path

from data.errors import BadInput
from loop.bundle_policy import BUNDLE_POLICIES, BundlePolicy
from loop.linear_policy import LINEAR_POLICIES, LinearPolicy
from loop.loop_policy import LoopPolicy
from loop.tabular_policy import RULES, Exp3Policy, TabularPolicy
from simulate.world.artwork_world import ArtworkWorld

POLICIES = ("uniform", *RULES, "exp3", *LINEAR_POLICIES, *BUNDLE_POLICIES)


@dataclass(frozen=True)
class Learning:
    """Which policy learns from the examples, and how."""

    policy: str
    """One of POLICIES."""
    window: int | None = None
    """Learn from the last so many days only; None: from all."""
    decay: float = 1.0
    """Weight of a day relative to the day after it."""
    epsilon: float = 0.05
    """Share of uniform exploration."""
    reward: str = "take"
    """What is learnt from: a reward's name, or 'name=SQL expression'."""
    train: tuple[str, ...] = ()
    """Further options of train.py."""

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise BadInput(f"--policy {self.policy}: choose one of {', '.join(POLICIES)}")
        if not 0 <= self.epsilon <= 1:
            raise BadInput(f"--epsilon {self.epsilon}: it is a probability, from 0 to 1")
        if self.window is not None and self.window < 1:
            raise BadInput(f"--window {self.window}: it holds no day; give at least 1")
        if not 0 < self.decay <= 1:
            raise BadInput(f"--decay {self.decay}: a factor a day, above 0 and at most 1")


def open_policy(learning: Learning, world: ArtworkWorld, catalogue: Path, out: Path) -> LoopPolicy:
    """The policy that is asked for, before it has learnt anything.

    Args:
        learning: names it.
        world: whose artwork it shows.
        catalogue: the world's catalogue.
        out: the loop's folder.
    """
    name, epsilon = learning.policy, learning.epsilon
    if name == "exp3":
        return Exp3Policy(world, epsilon)
    if name in RULES:
        return TabularPolicy(name, world, epsilon)
    if name in LINEAR_POLICIES:
        return LinearPolicy(name, world, epsilon, out / "cache")
    if name in BUNDLE_POLICIES:
        return BundlePolicy(name, catalogue, out, epsilon, learning.train)
    return LoopPolicy(name)
