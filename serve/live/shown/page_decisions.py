"""A page's live decisions, and how their numbers are spelt."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from data.records import TitleId


class PageDecisions(NamedTuple):
    """A page's live decisions, a column each; titles outside the catalogue are left out."""

    title_ids: list[TitleId]
    slots: list[int]
    ordinals: list[int]
    decision_ids: list[str]
    propensities: list[float]
    probabilities: Float[np.ndarray, "titles ranks"]
    seeds: list[int]
    epochs: list[int]
    fingerprint: int  # of the features that the page's facts became
    entropy: float  # mean of the titles' policies, nats
    ruled: list[int] | None = None  # effect of rules on each title, 0: none; None: none on any


NOTHING_DECIDED = PageDecisions([], [], [], [], [], np.empty((0, 1)), [], [], 0, 0.0)


class Spelt(dict[float, str]):
    """Numbers as JSON spells them; propensities are few, and spelling one takes longest."""

    def __missing__(self, number: float) -> str:
        if len(self) >= SPELT_KEPT:
            self.clear()
        text = self[number] = repr(number)
        return text


SPELT, SPELT_KEPT = Spelt(), 10_000
