"""What perfect sight would tell of a poster: its true attributes as numbers, in place of pixels.

A learner that is given these and nothing else of the image shows how much of what is lost is lost
in seeing. The width does not depend on the catalogue: names are hashed, so a model that was trained
on one catalogue reads another's, and a subject or theme that it never met has numbers of its own.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from data.errors import BadInput
from simulate.named_rng import named_generator, named_seed
from simulate.world.catalogue_truth import CatalogueTruth

THEME_CODE = 32
"""Numbers that stand for the themes shown. Each theme's are drawn by its name, so that no two
themes are the same, which buckets this few would not promise."""
SUBJECT_BUCKETS = 1024
"""Buckets that subjects' names fall into: of 150 subjects one in eight shares its own."""
REST = 7
"""Warmth, brightness, closeness, quality, share misleading, misleading or not, ensemble or not."""
WIDTH = THEME_CODE + SUBJECT_BUCKETS + REST


def artwork_attributes(
    truth: CatalogueTruth, artwork_ids: Sequence[str]
) -> Float32[np.ndarray, "artworks attributes"]:
    """All that the world knows of each artwork when it decides what members do.

    Columns: the themes shown and the subjects shown, both by share of the visible area, then what
    `REST` lists.

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
    names = [named_seed("attribute", name) % SUBJECT_BUCKETS for name in truth.subjects.names]
    subjects = np.zeros((len(at), SUBJECT_BUCKETS))
    shown, weights = truth.subjects_shown[at], truth.subject_weights[at]
    there = shown >= 0
    row = np.broadcast_to(np.arange(len(at))[:, None], shown.shape)[there]
    np.add.at(subjects, (row, np.array(names)[shown[there]]), weights[there])
    parts = [
        truth.themes_shown[at] @ codes,
        subjects,
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
