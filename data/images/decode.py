"""One image file → uint8 pixels of one format, or a refusal that names the file.

What people upload as artwork is decoded as a browser would show it: turned as it says, the first
frame of an animation, CMYK and wide-gamut colours brought to sRGB, 16-bit grey scaled, and
transparency composited on mid-grey. The kind is read from the content, never from the extension.
What a file says of itself beside its pixels never decides whether they are shown
(`data/images/metadata.py`). Whatever cannot be decoded whole raises BadInput; no other picture is
ever put in its place.

`python -m data.images.decode` is the worker of the image cache: paths in on stdin, pixels out.
"""

import io
import json
import struct
import sys
import warnings
from hashlib import sha256
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageCms, UnidentifiedImageError

from data.errors import BadInput
from data.images.format import ImageFormat
from data.images.metadata import Bare, bare, orientation

FORMAT = ImageFormat()
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
LARGEST_PIXELS = 64_000_000
"""8K artwork has 33 million pixels; more than this is refused from the header, undecoded."""
LARGEST_BYTES = 128 * 2**20
BACKDROP = (128, 128, 128)
"""What shows through transparent artwork, and beside narrow: mid-grey, so that dark and light
cut-outs both stay."""
DECODER_VERSION = 3
"""Raised whenever the same file decodes to other pixels, so that caches are built again."""

_SIDEWAYS = (5, 6, 7, 8)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SRGB = ImageCms.createProfile("sRGB")


def load_image(
    path: Path | str, shape: ImageFormat = FORMAT
) -> UInt8[np.ndarray, "3 {shape.height} {shape.width}"]:
    """The pixels of an image file: RGB, in a format.

    Raises:
        BadInput: missing, empty, truncated, too large, or of a kind that is not decoded.
    """
    return decode(read_bytes(path), path, shape)


def read_bytes(path: Path | str) -> bytes:
    """The content of an image file.

    Raises:
        BadInput: missing, not a file, unreadable, empty or larger than LARGEST_BYTES.
    """
    path = Path(path)
    if not path.exists():
        raise BadInput(f"image {path} is missing; put it there or drop its artwork")
    if not path.is_file():
        raise BadInput(f"image {path} is not a file; name an image file")
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise BadInput(
                f"image {path} has {size:,} bytes, more than {LARGEST_BYTES:,}; export it smaller"
            )
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"image {path} cannot be read ({error}); check its permissions") from None
    if not content:
        raise BadInput(f"image {path} is empty (0 bytes); copy it again")
    return content


def decode(
    content: bytes,
    name: Path | str,
    shape: ImageFormat = FORMAT,
    focal: tuple[float, float] | None = None,
) -> UInt8[np.ndarray, "3 {shape.height} {shape.width}"]:
    """The pixels of an image file's content; `name` is what an error calls it.

    Args:
        content: of the file.
        name: of the file.
        shape: of the pixels.
        focal: what a crop is about, from the left and from the top, 0 to 1; None: the middle.

    Raises:
        BadInput: truncated, too large, or of a kind that is not decoded.
    """
    stripped = bare(content)
    with _open(stripped.content, name) as image:
        columns, rows = image.size
        if columns * rows > LARGEST_PIXELS:
            raise BadInput(
                f"image {name} has {columns:,} × {rows:,} pixels, more than {LARGEST_PIXELS:,}; "
                "it was not decoded: export it smaller"
            )
        try:
            upright, profile = _upright(image, stripped, shape)
        except BadInput as error:
            raise BadInput(f"image {name}: {error}") from None
        except MemoryError:
            raise
        except Exception as error:  # decoders raise whatever they like at damaged data
            raise BadInput(
                f"image {name} ({image.format}) is truncated or damaged "
                f"({type(error).__name__}: {error}); export it again"
            ) from None
    size, box = _place(*upright.size, shape, focal)
    small = _srgb(upright.resize(size, Image.Resampling.LANCZOS, box=box), profile)
    if small.size != (shape.width, shape.height):
        left, top = (shape.width - small.width) // 2, (shape.height - small.height) // 2
        picture, small = small, Image.new("RGB", (shape.width, shape.height), BACKDROP)
        small.paste(picture, (left, top))
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))


def aspect(path: Path | str) -> float:
    """Width over height of an image file, as it is shown; from its header alone.

    Raises:
        BadInput: as `load_image`, but for damage past the header.
    """
    columns, rows = upright_size(read_bytes(path), path)
    return columns / rows


def upright_size(content: bytes, name: Path | str) -> tuple[int, int]:
    """Columns and rows of an image file's content, as it is shown; from its header alone.

    Raises:
        BadInput: as `decode`, but for damage past the header.
    """
    stripped = bare(content)
    with _open(stripped.content, name) as image:
        columns, rows = image.size
        return (rows, columns) if _turned(image, stripped) in _SIDEWAYS else (columns, rows)


def thumbnail(path: Path | str, height: int, width: int) -> UInt8[np.ndarray, "3 h w"]:
    """A whole picture for people to look at, as large as fits into height × width.

    Raises:
        BadInput: as `load_image`.
    """
    ratio = aspect(path)
    rows = min(height, width / ratio)
    return load_image(path, ImageFormat(max(1, round(rows)), max(1, round(rows * ratio))))


def _open(content: bytes, name: Path | str) -> Image.Image:
    """Read the header alone."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise BadInput(
            f"image {name} has more than {LARGEST_PIXELS:,} pixels ({error}); "
            "it was not decoded: export it smaller"
        ) from None
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        if b"<svg" in content[:4096].lower():
            known = f"it looks like SVG, which is not drawn here; render it to PNG ({known} work)"
        else:
            known = f"it is none of {known}, or its header is damaged; export it as PNG or JPEG"
        raise BadInput(f"image {name} cannot be decoded: {known}") from None
    except Exception as error:
        raise BadInput(
            f"image {name} has a damaged header ({type(error).__name__}: {error}); export it again"
        ) from None


def _turned(image: Image.Image, stripped: Bare) -> int | None:
    """How a picture is to be turned, as EXIF counts it."""
    if stripped.orientation is not None:
        return stripped.orientation
    # TIFF is upright after load(); AVIF's boxes are told as EXIF.
    told = image.info.get("exif") if image.format == "AVIF" else None
    return orientation(told and told.removeprefix(b"Exif\0\0"))


def _upright(
    image: Image.Image, stripped: Bare, shape: ImageFormat
) -> tuple[Image.Image, bytes | None]:
    """Decode to RGB, RGBA, L or CMYK and turn upright; the colour profile, if there is one."""
    turned = _turned(image, stripped)
    columns, rows = image.size
    sideways = turned in _SIDEWAYS
    (width, height), _ = _place(*((rows, columns) if sideways else (columns, rows)), shape)
    # A JPEG is decoded at 1/2, 1/4 or 1/8 where that still leaves twice the pixels wanted.
    image.draft(None, (2 * height, 2 * width) if sideways else (2 * width, 2 * height))
    profile = stripped.profile or image.info.get("icc_profile")
    image.load()
    turn = None if turned is None else _TURNS.get(turned)
    if image.mode.startswith("I;16"):
        image = _eight_bits(image)
    elif image.mode in ("I", "F"):
        raise BadInput(
            f"its pixels are 32-bit ({image.mode}), whose range is unknown; export it with 8 or 16"
        )
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    if turn is not None:
        image = image.transpose(turn)
    return image, profile


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey: 65535 becomes 255 (Pillow's own conversion clips at 255)."""
    deep = np.asarray(image).astype(np.uint32)
    grey = Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    clear = image.info.get("transparency")
    if not isinstance(clear, int):
        return grey
    opaque = Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8))
    return Image.merge("LA", (grey, opaque)).convert("RGBA")


def _place(
    columns: int, rows: int, shape: ImageFormat, focal: tuple[float, float] | None = None
) -> tuple[tuple[int, int], tuple[float, float, float, float]]:
    """Width and height of what is shown of a picture, and from where: left, top, right, bottom."""
    if shape.fit == "whole":
        return shape.place(columns, rows), (0, 0, columns, rows)
    height, width = shape.height, shape.width
    crop = min(columns, rows * width / height), min(rows, columns * height / width)
    x, y = focal or (0.5, 0.5)
    left = min(max(x * columns - crop[0] / 2, 0), columns - crop[0])
    top = min(max(y * rows - crop[1] / 2, 0), rows - crop[1])
    return (width, height), (left, top, min(columns, left + crop[0]), min(rows, top + crop[1]))


def _srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An RGB image as screens show it: colours by the embedded profile, alpha on BACKDROP."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    if alpha is not None:
        image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
            image = converted if converted is not None else image
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that cannot be read or does not fit: as if there were none
    image = image.convert("RGB")
    if alpha is None:
        return image
    return Image.composite(image, Image.new("RGB", image.size, BACKDROP), alpha)


def digest(content: bytes, focal: tuple[float, float] | None = None) -> str:
    """What an image is cached by: the SHA-256 of its content and of what it is cropped about."""
    found = sha256(content)
    if focal is not None:
        found.update(f"\0focal point {focal[0]:.6f} {focal[1]:.6f}".encode())
    return found.hexdigest()


def _work() -> None:
    """Decode the paths in the JSON object on stdin; one record each on stdout.

    A record is 1, the digest and the pixels; or 0, a length as uint32 and a refusal in UTF-8.
    """
    job = json.load(sys.stdin)
    shape = ImageFormat(**job["format"])
    out = sys.stdout.buffer
    for path, focal in job["paths"]:
        try:
            content = read_bytes(path)
            pixels = decode(content, path, shape, focal)
        except BadInput as refusal:
            text = str(refusal).encode()
            out.write(b"\0" + struct.pack("<I", len(text)) + text)
        else:
            out.write(b"\1" + bytes.fromhex(digest(content, focal)) + pixels.tobytes())


if __name__ == "__main__":
    _work()
