"""Artwork of every kind that is decoded, its bytes and its segments changed."""

import zlib

from data.images.decode import decode
from data.images.format import ImageFormat
from tests.data.images.pictures import encoded, picture
from tests.data.images.test_browser import EXIF, chunk, jpeg, png, segment
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import of_bytes, with_png_checksums

SMALL = picture(18, 32)


def seeds():
    made = [encoded(SMALL, kind) for kind in ("PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP", "AVIF")]
    made += [encoded(SMALL, "JPEG"), encoded(SMALL, "JPEG", progressive=True)]
    made += [encoded(SMALL.convert(mode), "PNG") for mode in ("P", "L", "LA", "RGBA", "1", "I;16")]
    made += [encoded(SMALL.convert("CMYK"), "JPEG"), encoded(SMALL.convert("CMYK"), "TIFF")]
    made += [
        encoded(SMALL, "TIFF", compression=one) for one in ("tiff_lzw", "tiff_deflate", "jpeg")
    ]
    made += [encoded(SMALL, "WEBP", lossless=True), encoded(SMALL.convert("RGBA"), "WEBP")]
    made += [jpeg(segment(b"Exif\0\0" + EXIF["orientation 6"]))[:4096]]
    made += [
        png(chunk(b"eXIf", EXIF["orientation 6"]), chunk(b"zTXt", b"a\0\0" + zlib.compress(b"b")))
    ]
    other = [SMALL.rotate(180)]
    made += [encoded(SMALL, kind, save_all=True, append_images=other) for kind in ("GIF", "WEBP")]
    return [one for one in made if len(one) < 16_384]


def checked(raw, rng):
    return with_png_checksums(of_bytes(raw, rng))


def images():
    def read(raw: bytes) -> None:
        assert decode(raw, "sent", ImageFormat(18, 32)).shape == (3, 18, 32)

    return Kind(read, seeds(), [of_bytes, checked])


TARGETS = {"images": images}
