"""Real scans as artwork: candidates are images of digits, each member wants some of the ten.

The scans are scikit-learn's (Alpaydin and Kaynak 1998, 8 × 8, by 13 writers). A share of them is
held out, so that a learner's judgement of images nobody has shown can be tested.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int, UInt8

from data.errors import BadInput
from simulate.testbeds.environment import Rounds, chosen

DIGITS = 10
STRONGEST = 16
"""Ink in the scans goes from 0 to this."""


@dataclass(frozen=True)
class Digits:
    """Members who take wanted digits more often than others."""

    candidates: int = 6
    """Images to choose from in a round."""
    wanted: float = 0.3
    """Share of the digits that a member wants."""
    take_wanted: float = 0.6
    """Probability of a take if the digit shown is wanted."""
    take_other: float = 0.1
    """Probability of a take if it is not."""
    held_out: float = 0.25
    """Share of the scans that appear in unseen rounds only."""
    split_seed: int = 0
    """Which scans those are."""

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise BadInput(f"candidates is {self.candidates}; a round needs at least 1")
        for name in ("wanted", "take_wanted", "take_other"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} is {getattr(self, name)}; it must be from 0 to 1")
        if not 0 < self.held_out < 1:
            raise BadInput(f"held_out is {self.held_out}; it must be between 0 and 1")

    @cached_property
    def _scans(self) -> tuple[np.ndarray, np.ndarray]:
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            raise BadInput(
                "the digits environment needs scikit-learn; run `pip install -e .[peers]`"
            ) from error
        scans, labels = load_digits(return_X_y=True)
        return np.asarray(scans), np.asarray(labels)

    @cached_property
    def _held_out(self) -> np.ndarray:
        shuffled = np.random.default_rng(self.split_seed).permutation(len(self.labels))
        unseen = np.zeros(len(shuffled), bool)
        unseen[shuffled[: max(1, round(self.held_out * len(shuffled)))]] = True
        return unseen

    @property
    def labels(self) -> Int[np.ndarray, " bank"]:
        """The digit on each scan: for the judge, not for learners."""
        return self._scans[1]

    @cached_property
    def features(self) -> Float[np.ndarray, "bank 64"]:
        """Ink of each pixel, 0 to 1."""
        return (self._scans[0] / STRONGEST).astype(np.float32)

    @cached_property
    def images(self) -> UInt8[np.ndarray, "bank 3 8 8"]:
        """The scans as grey RGB."""
        grey = np.round(self.features * 255).astype(np.uint8).reshape(-1, 1, 8, 8)
        return np.repeat(grey, 3, axis=1)

    def rounds(self, count: int, rng: np.random.Generator, unseen: bool = False) -> Rounds:
        """Members, whose context says which digits they want, and random scans.

        Args:
            count: how many rounds.
            rng: where members and scans come from.
            unseen: with held-out scans only.
        """
        wants = rng.random((count, DIGITS)) < self.wanted
        bank = np.flatnonzero(self._held_out == unseen)
        scans = bank[rng.integers(0, len(bank), (count, self.candidates))]
        wanted = np.take_along_axis(wants, self.labels[scans], axis=1)
        expected = np.where(wanted, self.take_wanted, self.take_other)
        return Rounds(wants.astype(np.float32), scans, np.ones(scans.shape, bool), expected)

    def rewards(
        self, rounds: Rounds, actions: Int[np.ndarray, " rounds"], rng: np.random.Generator
    ) -> Float[np.ndarray, " rounds"]:
        """Takes: 1 or 0."""
        return (rng.random(len(actions)) < chosen(rounds, actions)).astype(np.float64)
