"""What about a picture gives pause before anybody is shown it."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

SMALL = 160
"""Pixels of the side of the thumbnail that darkness is judged at."""
LIT, LIT_SHARE = 64, 0.05
"""Of 255: what counts as lit, and the least share of a thumbnail that is."""
FLAT = 10.0
"""Of 255: standard deviation of light below which a thumbnail shows next to nothing."""
SAME = 6.0
"""Of 255: mean difference of pixels below which two pictures are taken for one."""
FEWEST = 300
"""Pixels of the shorter side below which a picture is blurred on a large screen."""
Light = Float[np.ndarray, "height width"]
LUMA = np.array([0.2126, 0.7152, 0.0722])


def cautions(
    small: UInt8[np.ndarray, "3 height width"],
    size: tuple[int, int],
    same: Sequence[str],
    unlike: str | None,
) -> list[str]:
    """Sentences, each with what to do; none where nothing gives pause.

    Args:
        small: the picture at thumbnail size.
        size: columns and rows of the picture itself.
        same: artworks that it repeats.
        unlike: what the title is and pictures like it are not; None: they are.
    """
    light = np.tensordot(LUMA, small.astype(float), 1)
    found = []
    if (light > LIT).mean() < LIT_SHARE:
        found.append(
            f"it is dark at thumbnail size: {(light > LIT).mean():.0%} of it is lit; brighten its "
            "subject, or look at it on a phone"
        )
    elif light.std() < FLAT:
        found.append(
            "it has next to no contrast at thumbnail size; give it a subject that stands out"
        )
    if min(size) < FEWEST:
        found.append(
            f"it has {size[0]:,} × {size[1]:,} pixels, which is blurred on a large screen; export "
            "it larger"
        )
    if same:
        found.append(
            f"it is nearly the same picture as {', '.join(same[:3])}, so it adds no choice; send "
            "one that differs"
        )
    if unlike is not None:
        found.append(
            f"what looks like it in the catalogue is hardly ever {unlike}, as this title is: "
            "members may be led to expect something else; look at its neighbours"
        )
    return found


def difference(
    one: UInt8[np.ndarray, "3 height width"], other: UInt8[np.ndarray, "3 height width"]
) -> float:
    """Mean difference of two pictures' pixels, of 255."""
    return float(np.abs(one.astype(np.int16) - other).mean())
