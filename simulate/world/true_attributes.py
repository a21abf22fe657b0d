"""What perfect sight would tell of a poster: its true attributes as numbers, in place of pixels.

A learner that is given these and nothing else of the image shows how much of what is lost is lost
in seeing. The width does not depend on the catalogue: themes have codes, so a model that was
trained on one catalogue reads another's, and a theme that it never met has numbers of its own.

Subjects are not among them: whom an image shows is told by its tags, and met by name. A bucket for
each had taken up the leading directions, which themes and style need.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from data.errors import BadInput
from simulate.named_rng import named_generator
from simulate.world.catalogue_truth import CatalogueTruth

THEME_CODE = 32
"""Numbers that stand for the themes shown. Each theme's are drawn by its name, so that no two
themes are the same, which buckets this few would not promise."""
REST = 7
"""Warmth, brightness, closeness, quality, share misleading, misleading or not, ensemble or not."""
WIDTH = THEME_CODE + REST


def artwork_attributes(
    truth: CatalogueTruth, artwork_ids: Sequence[str]
) -> Float32[np.ndarray, "artworks attributes"]:
    """What the world knows of each artwork when it decides what members do, but for its subjects.

    Columns: the themes shown by share of the visible area, then what `REST` lists.

    Args:
        truth: of the catalogue that has the artworks.
        artwork_ids: of that catalogue, in any order.

    Raises:
        BadInput: the catalogue has no such artwork.
    """
    rows = {artwork: row for row, artwork in enumerate(truth.catalogue.artwork_ids)}
    unknown = [artwork for artwork in artwork_ids if artwork not in rows]
    if unknown:
        raise BadInput(f"artwork {unknown[0]!r} is not in the catalogue {truth.catalogue.root}")
    at = np.array([rows[artwork] for artwork in artwork_ids], np.int64)
    codes = np.stack([_theme_code(theme) for theme in truth.subjects.themes])
    parts = [
        truth.themes_shown[at] @ codes,
        truth.style[at],
        truth.quality[at, None],
        truth.mislead[at, None],
        truth.misleading[at, None],
        truth.ensemble[at, None],
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _theme_code(theme: str) -> np.ndarray:
    """−1s and 1s that a theme always gets."""
    return np.sign(named_generator("attribute", "theme", theme).standard_normal(THEME_CODE))
