"""Pictures to decode."""

import io

import numpy as np
from PIL import Image


def picture(height: int = 180, width: int = 320) -> Image.Image:
    """Red at the left, blue at the right, brighter towards the bottom: no symmetry."""
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    rgb = np.stack([255 * (1 - across), 255 * down, 255 * across], -1)
    return Image.fromarray(rgb.astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
