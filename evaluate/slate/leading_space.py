"""The few directions in which members of a log see most difference between artworks."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from data.catalogue import Catalogue
from evaluate.policies.bundle_scores import BundleScores

ASKED = 2000
"""Members of the log whose eyes artworks are seen by."""


class LeadingSpace(NamedTuple):
    """Coordinates of artworks, and of what members see in them."""

    centre: Float[np.ndarray, " dimension"]
    """Mean vector of the artworks that have an image."""
    projection: Float[np.ndarray, "dimension rank"]
    """To coordinates of deviation 1; the last are 0 where artworks differ in fewer."""
    taste: Float[np.ndarray, "dimension rank"]
    """From a member's functional to its score's slope along each coordinate."""
    functionals: Float[np.ndarray, "members dimension"]
    """Of the members asked, the mean over heads."""


def leading_space(
    scored: BundleScores,
    catalogue: Catalogue,
    facts: pa.StructArray,
    rank: int,
    rng: np.random.Generator,
) -> LeadingSpace:
    """The leading directions of the scores of all artworks to members of a log.

    By a vector's covariance and the functionals' second moment: no score is computed.

    Args:
        scored: a bundle on the catalogue.
        catalogue: of the artworks.
        facts: of the log's members.
        rank: coordinates.
        rng: picks the members that are asked.
    """
    vectors = scored.artworks.vectors.astype(np.float64)
    some = rng.choice(len(facts), min(ASKED, len(facts)), replace=False)
    members = scored.members(facts.take(pa.array(np.sort(some))))
    functionals = members.functionals.mean(1).astype(np.float64)
    size, turned = np.linalg.eigh(functionals.T @ functionals / len(functionals))
    root = turned * np.sqrt(np.maximum(size, 0))
    there = np.array([name not in scored.left_out for name in catalogue.artwork_ids])
    centre = vectors[there].mean(0)
    apart = vectors[there] - centre
    _, spread, across = np.linalg.svd(apart @ root, full_matrices=False)
    found = min(rank, int((spread > 1e-6 * spread[0]).sum()))
    projection = np.zeros((vectors.shape[1], rank))
    projection[:, :found] = root @ across[:found].T / spread[:found] * np.sqrt(there.sum())
    taste = apart.T @ (apart @ projection) / there.sum()
    return LeadingSpace(centre, projection, taste, functionals)
