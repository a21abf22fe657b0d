"""How alike two artworks are: what stands beside an image changes how it looks."""

import numpy as np

from simulate.world.artwork_world import Rows, Values
from simulate.world.catalogue_truth import CatalogueTruth

STYLE_ALIKE_SPREAD = 0.9
"""SD of the product of two posters' styles, of different titles of the sample's cut-outs (96
artworks, .896): it makes the effect per SD mean what it says; measured once."""
SAME_SUBJECT = 2.0
"""Two posters that show the same subject alone are as alike as two SD of style."""


def alike(truth: CatalogueTruth, one: Rows, other: Rows) -> Values:
    """Alikeness of artworks in style and subject: 0 on average, SD 1; below 0: a contrast.

    Args:
        truth: of the catalogue.
        one: rows of artworks; broadcasts against the other.
        other: rows of artworks.
    """
    one, other = np.asarray(one), np.asarray(other)
    style = (truth.style[one] * truth.style[other]).sum(-1)
    mine, theirs = truth.subjects_shown[one][..., None], truth.subjects_shown[other][..., None, :]
    least = np.minimum(
        truth.subject_weights[one][..., None], truth.subject_weights[other][..., None, :]
    )
    shared = np.where((mine == theirs) & (mine >= 0), least, 0.0).sum((-1, -2))
    return style / STYLE_ALIKE_SPREAD + SAME_SUBJECT * shared
