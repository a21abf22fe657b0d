"""A picture that somebody sent, written anew: nothing of its file but its pixels is left."""

import io
from pathlib import Path

from PIL import Image

from data.images.decode import decode, upright_size
from data.images.format import ImageFormat

QUALITY = 92


def reencoded(content: bytes, name: Path | str, longest: int) -> bytes:
    """A WebP file of a whole picture, upright, in sRGB, its sides at most `longest` pixels.

    Args:
        content: of a file of any kind that `decode` takes.
        name: of the file, for refusals.
        longest: side in pixels; smaller pictures keep their size.

    Raises:
        BadInput: as `decode`.
    """
    columns, rows = upright_size(content, name)
    scale = min(1.0, longest / max(columns, rows, 1))
    shape = ImageFormat(max(1, round(rows * scale)), max(1, round(columns * scale)))
    out = io.BytesIO()
    picture = Image.fromarray(decode(content, name, shape).transpose(1, 2, 0))
    picture.save(out, "WEBP", quality=QUALITY, method=2)
    return out.getvalue()
