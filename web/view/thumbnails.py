"""Artworks as small, whole pictures: decoded here, encoded anew, kept for a while."""

import hashlib
import io
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from PIL import Image

from data.errors import BadInput
from data.images.decode import thumbnail
from serve.pictures.file_mark import FileMark

SIZES = (160, 320, 640)
"""Widths and heights that may be asked for, in pixels: pictures fit into the square."""
KEPT_BYTES = 64 << 20


class Thumbnail(NamedTuple):
    """A WebP file, and what names its content."""

    content: bytes
    etag: str


class Thumbnails:
    """Small pictures of files, the last ones asked for kept in memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, int, FileMark | None], Thumbnail] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def of(self, file: Path, size: int) -> Thumbnail:
        """A file's picture, whole, as large as fits into size × size.

        Raises:
            BadInput: the file cannot be decoded, or the size is none of SIZES.
        """
        if size not in SIZES:
            raise BadInput(f"size {size}: ask for one of {', '.join(map(str, SIZES))}")
        key = (file, size, FileMark.of(file))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        pixels = thumbnail(file, size, size)
        out = io.BytesIO()
        Image.fromarray(pixels.transpose(1, 2, 0)).save(out, "WEBP", quality=82)
        content = out.getvalue()
        made = Thumbnail(content, f'"{hashlib.sha256(content).hexdigest()[:24]}"')
        with self._lock:  # pages ask for many at once, and for one more than once
            if key not in self._kept:
                self._kept[key] = made
                self._bytes += len(content)
            while self._bytes > KEPT_BYTES:
                _, old = self._kept.popitem(last=False)
                self._bytes -= len(old.content)
        return made
