"""What an image file says of itself, taken away before its pixels are decoded.

A browser shows the pixels of a file whose EXIF, text or profile is broken or beyond all measure; a
decoder that reads them refuses it. So all that decides nothing about pixels is left out, and the
two things that do, orientation and colour profile, are read here, or are not there.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

ORIENTATION = 0x0112
LARGEST_PROFILE = 4 << 20
"""Bytes of a colour profile; a larger one is none."""
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_TIFF = (b"II", b"MM")
_SHORT = 3
_PIXELS = (b"tRNS",)
"""Chunks of a PNG that decide about pixels, beside those whose first letter is a capital."""

_SAYS = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})
"""Markers of a JPEG's segments that are no part of its picture: all but JFIF's and Adobe's."""


class Bare(NamedTuple):
    """A file without its metadata."""

    content: bytes
    orientation: int | None = None
    """1 … 8, as EXIF counts them; None: the decoder knows."""
    profile: bytes | None = None
    """ICC; None: the decoder knows."""


def bare(content: bytes) -> Bare:
    """A file's pixels, and what it says of how to show them.

    Chromium asks a JPEG and a PNG for their EXIF, an AVIF for its boxes alone, and no other kind
    for anything (`tests/data/images/test_browser.py` measures it).
    """
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(_JPEG):
        return _jpeg(content)
    if content[4:8] == b"ftyp":
        return Bare(_avif(content))
    return Bare(content, None if content.startswith(_TIFF) else 1)


def orientation(exif: bytes | None) -> int:
    """What EXIF says, 1 … 8, by the first entry that is one; 1 where there is none.

    Args:
        exif: from its byte order on.
    """
    order = _ORDERS.get((exif or b"")[:4])
    if exif is None or order is None or len(exif) < 8:
        return 1
    [start] = struct.unpack_from(order + "I", exif, 4)
    if start + 2 > len(exif):
        return 1
    [entries] = struct.unpack_from(order + "H", exif, start)
    for at in range(start + 2, min(start + 2 + 12 * entries, len(exif) - 11), 12):
        tag, kind, count, value = struct.unpack_from(order + "HHIH", exif, at)
        if (tag, kind, count) == (ORIENTATION, _SHORT, 1) and 1 <= value <= 8:
            return value
    return 1


def _png(content: bytes) -> Bare:
    parts, exif, profile, begun = [_PNG], None, None, False
    for kind, whole in _chunks(content):
        body, begun = whole[8:-4], begun or kind == b"IDAT"
        if kind[:1].isupper() or kind in _PIXELS or len(whole) < 12:
            parts.append(whole)
        elif zlib.crc32(kind + body) != struct.unpack(">I", whole[-4:])[0]:
            continue  # as browsers do with what they can do without
        elif kind == b"eXIf" and not begun:
            exif = exif or body
        elif kind == b"iCCP":
            profile = profile or _unpacked(body.partition(b"\0")[2][1:])
    return Bare(b"".join(parts), orientation(exif), profile)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and bytes of each chunk, up to the end of the image."""
    at = len(_PNG)
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        kind, end = content[at + 4 : at + 8], at + 12 + length
        yield kind, content[at:end]
        if kind == b"IEND":
            return
        at = end


def _unpacked(packed: bytes) -> bytes | None:
    """A profile; None where it is damaged or larger than any profile is."""
    try:
        unpacking = zlib.decompressobj()
        profile = unpacking.decompress(packed, LARGEST_PROFILE)
    except zlib.error:
        return None
    return None if unpacking.unconsumed_tail else profile


def _jpeg(content: bytes) -> Bare:
    """Segments up to the first scan: frames, tables, JFIF, Adobe and the colour profile."""
    parts, exif, at = [_JPEG], None, 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # a byte that fills
            at += 1
            continue
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == 0xDA or 0xD0 <= marker <= 0xD9 or end < at + 4:
            break
        body = content[at + 4 : end]
        if marker == 0xE1 and body.startswith(b"Exif\0") and len(body) > 6:
            exif = exif or body[6:]
        elif marker not in _SAYS or (marker == 0xE2 and body.startswith(b"ICC_PROFILE\0")):
            parts.append(content[at:end])
        at = end
    parts.append(content[at:])
    return Bare(b"".join(parts), orientation(exif))


def _avif(content: bytes) -> bytes:
    """AVIF whose EXIF is of no kind that a reader knows: it is turned by its own boxes alone."""
    at = 0
    while at + 8 <= len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] == b"meta":
            box = content[at : at + size].replace(b"Exif", b"skip")
            return content[:at] + box + content[at + size :]
        if size < 8:
            break
        at += size
    return content
