"""What older artworks teach of the traces that new ones will leave: a prior, day by day."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Shaped


class TracePrior(NamedTuple):
    """Normal laws of traces: what each member does on the first w days after a take, as numbers."""

    mean: Float[np.ndarray, " days"]
    """Of an artwork's mean trace."""
    covariance: Float[np.ndarray, "days days"]
    """Of artworks' mean traces."""
    noise: Float[np.ndarray, "days days"]
    """Of members' traces around the mean of their artwork."""

    @property
    def days(self) -> int:
        """Length of a trace."""
        return len(self.mean)


def learn_prior(
    item: Int[np.ndarray, " members"], traces: Shaped[np.ndarray, "members days"]
) -> TracePrior:
    """Prior of artworks' traces from older ones, whose traces are whole; each counts alike.

    Args:
        item: the artwork that each member took.
        traces: what each member did on each day after.

    Raises:
        ValueError: there are fewer than two artworks, or one has fewer than two members.

    Source: McDonald, Maystre, Lalmas, Russo and Ciosek (2023), "Impatient Bandits: Optimizing
    Recommendations for the Long-Term Without Delay", KDD, section 4.
    """
    items = np.unique(item)
    if len(items) < 2:
        raise ValueError(f"{len(items)} artworks teach no prior; give two or more")
    values = traces.astype(np.float64)
    means, within = [], []
    for each in items:
        own = values[item == each]
        if len(own) < 2:
            raise ValueError(f"artwork {each} has {len(own)} traces; give two or more of each")
        mean = own.mean(0)
        means.append(mean)
        within.append((own - mean).T @ (own - mean) / (len(own) - 1))
    stacked = np.stack(means)
    apart = stacked - stacked.mean(0)
    return TracePrior(stacked.mean(0), apart.T @ apart / (len(items) - 1), np.stack(within).mean(0))
