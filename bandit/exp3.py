"""EXP3, for rewards that an adversary may choose.

Source: Auer, Cesa-Bianchi, Freund and Schapire 2002, "The Nonstochastic Multiarmed Bandit
Problem", section 3.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from bandit.floor import candidate_counts, epsilon_floor


@dataclass(frozen=True)
class Exp3:
    """Estimated total reward of every candidate of every row, and what to do with it."""

    totals: Float[np.ndarray, "rows candidates"]
    rate: float
    """How fast estimates turn into preference."""
    epsilon: float
    """Share of uniform exploration: γ in the paper, with rate = γ / candidates."""

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise ValueError(f"rate is {self.rate}; it must be above 0")
        if not 0 <= self.epsilon <= 1:
            raise ValueError(f"epsilon is {self.epsilon}; it is a probability, from 0 to 1")

    @staticmethod
    def empty(rows: int, candidates: int, epsilon: float = 0.1) -> "Exp3":
        """Before any reward, with the paper's rate."""
        return Exp3(np.zeros((rows, candidates)), max(epsilon, 1e-3) / candidates, epsilon)

    def probabilities(
        self, rows: Int[np.ndarray, " decisions"], valid: Bool[np.ndarray, "decisions candidates"]
    ) -> Float[np.ndarray, "decisions candidates"]:
        """Exponential weights of the valid candidates, mixed with uniform exploration.

        Raises:
            ValueError: a row has no valid candidate.
        """
        candidate_counts(valid)
        powers = np.where(valid, self.rate * self.totals[rows], -np.inf)
        weights = np.exp(powers - powers.max(-1, keepdims=True))
        share = weights / weights.sum(-1, keepdims=True)
        return epsilon_floor(share, valid, self.epsilon)

    def update(
        self,
        rows: Int[np.ndarray, " impressions"],
        actions: Int[np.ndarray, " impressions"],
        rewards: Float[np.ndarray, " impressions"],
        propensities: Float[np.ndarray, " impressions"],
    ) -> "Exp3":
        """After a batch of impressions, each weighted by 1 / propensity.

        Raises:
            ValueError: a propensity is not above 0.
        """
        if not (propensities > 0).all():
            at = int((~(propensities > 0)).argmax())
            raise ValueError(f"impression {at} has propensity {propensities[at]}; drop it")
        totals = self.totals.copy()
        np.add.at(totals, (rows, actions), rewards / propensities)
        return replace(self, totals=totals)
