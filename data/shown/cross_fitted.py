"""Logits of names, each title's by a fit that has not seen the title."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt64

from bandit.choice import profile_keys
from data.records import TitleId
from data.shown.partial_softmax import PartialLabels, fit_partial_softmax

PARTS = 8
"""That titles fall into; a title is read by the fit of the other parts."""
RIDGE = 100.0
"""On weights of directions of mean square 1."""


def title_keys(title_ids: list[TitleId]) -> UInt64[np.ndarray, " titles"]:
    """A number of each title that is the same on every machine."""
    return profile_keys([str(title) for title in title_ids])


class CrossFitted(NamedTuple):
    """A fit without each part of the titles, and the whole fit last: for titles never met."""

    weights: Float[np.ndarray, "parts_and_one directions_and_one names"]

    @classmethod
    def of(
        cls,
        x: Float[np.ndarray, "pictures directions"],
        labels: PartialLabels,
        title: UInt64[np.ndarray, " pictures"],
    ) -> "CrossFitted":
        """Fit to labelled pictures.

        Args:
            x: of each picture.
            labels: what is said of them.
            title: key of each picture's title.
        """
        part = (title % np.uint64(PARTS)).astype(np.int64)
        whole = fit_partial_softmax(x, labels, RIDGE)
        fits = [
            fit_partial_softmax(x, labels.of(part != left_out), RIDGE, whole)
            if (part[labels.picture] == left_out).any()
            else whole
            for left_out in range(PARTS)
        ]
        return cls(np.stack([*fits, whole]))

    def logits(
        self,
        x: Float[np.ndarray, "pictures directions"],
        title: UInt64[np.ndarray, " pictures"],
        met: UInt64[np.ndarray, " titles"],
    ) -> Float[np.ndarray, "pictures names"]:
        """Logits of any pictures.

        Args:
            x: of each picture.
            title: key of each picture's title.
            met: keys of the titles that were fitted to, sorted.
        """
        part = np.where(np.isin(title, met), title % np.uint64(PARTS), PARTS).astype(np.int64)
        found = np.zeros((len(x), self.weights.shape[2]), np.float32)
        for each in np.unique(part):
            of = self.weights[each]
            found[part == each] = x[part == each] @ of[:-1] + of[-1]
        return found
