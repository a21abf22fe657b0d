"""How a bank of heads decides: what a bundle's policy says, and what a command may ask for."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
from jaxtyping import Float

PolicyKind = Literal["thompson", "greedy", "epsilon_greedy", "uniform"]


@dataclass(frozen=True)
class HeadPolicy:
    """How a bank of heads decides.

    Raises:
        ValueError: an unknown kind, or epsilon is outside [0, 1].
    """

    kind: PolicyKind = "thompson"
    """thompson draws a head and takes its best candidate; greedy takes the candidate of the best
    mean over heads; epsilon_greedy does, but explores too; uniform asks no head."""
    epsilon: float = 0.0
    """Share of uniform exploration of thompson and epsilon_greedy; the others have their own."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(PolicyKind):
            known = ", ".join(get_args(PolicyKind))
            raise ValueError(f"policy kind {self.kind!r} is not one of {known}")
        if not 0 <= self.epsilon <= 1:
            raise ValueError(f"epsilon is {self.epsilon}; it is a probability, from 0 to 1")

    @classmethod
    def named(cls, kind: str, epsilon: float) -> "HeadPolicy":
        """The policy of a kind that somebody wrote down.

        Raises:
            ValueError: as the class.
        """
        return cls(cast("PolicyKind", kind), epsilon)

    @property
    def exploration(self) -> float:
        """Share of uniform exploration: none of greedy, all of uniform."""
        return {"greedy": 0.0, "uniform": 1.0}.get(self.kind, self.epsilon)

    def voters(self, heads: int) -> int:
        """How many vote, of so many heads: `considered` leaves so many."""
        return heads if self.kind == "thompson" else 1

    def considered(
        self, scores: Float[np.ndarray, "..."], heads_axis: int
    ) -> Float[np.ndarray, "..."]:
        """The scores whose best candidates are votes: of each head, or of their mean alone."""
        if self.kind == "thompson":
            return scores
        return scores.mean(heads_axis, keepdims=True)
