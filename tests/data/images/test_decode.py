"""Every kind of image people upload: decoded right, or refused by name."""

import struct
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from data.errors import BadInput
from data.images.cache import BACKDROP, FORMAT, decode, load_image
from data.images.decode import aspect, thumbnail
from data.images.format import ImageFormat
from tests.data.images.pictures import encoded, picture


def close(pixels: np.ndarray, expected: np.ndarray, tolerance: float = 4) -> None:
    assert pixels.dtype == np.uint8
    assert pixels.shape == (3, FORMAT.height, FORMAT.width)
    assert np.abs(pixels.astype(int) - expected.astype(int)).mean() < tolerance


TRUTH = decode(encoded(picture(), "PNG"), "truth")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("WEBP", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("PPM", {}),
        ("AVIF", {"quality": 95}),
    ],
)
def test_the_same_picture_in_every_format(kind, options):
    close(decode(encoded(picture(), kind, **options), "a"), TRUTH)


def test_a_large_jpeg_is_drafted_to_the_same_picture():
    close(decode(encoded(picture(1440, 2560), "JPEG", quality=95), "a"), TRUTH)


def test_cmyk_keeps_its_colours():
    close(decode(encoded(picture().convert("CMYK"), "JPEG", quality=95), "a"), TRUTH)
    close(decode(encoded(picture().convert("CMYK"), "TIFF"), "a"), TRUTH)


def test_sixteen_bits_are_scaled_not_clipped():
    grey = np.linspace(0, 65535, 320)[None].repeat(180, 0).astype(np.uint16)
    pixels = decode(encoded(Image.fromarray(grey), "PNG"), "a")
    expected = np.linspace(0, 255, FORMAT.width)[None, None].repeat(FORMAT.height, 1).repeat(3, 0)
    close(pixels, expected)
    assert pixels.max() > 250
    assert np.unique(pixels).size > 100


def test_palette_with_and_without_transparency():
    close(decode(encoded(picture().quantize(256), "PNG"), "a"), TRUTH, 8)
    flat = Image.new("P", (64, 36), 1)
    flat.putpalette([255, 0, 0, 0, 0, 255])
    clear = decode(encoded(flat, "PNG", transparency=1), "a")
    np.testing.assert_array_equal(clear, np.full_like(clear, BACKDROP[0]))
    solid = decode(encoded(flat, "PNG", transparency=0), "a")
    assert solid[:, 0, 0].tolist() == [0, 0, 255]


def test_transparency_shows_mid_grey():
    half = Image.new("RGBA", (128, 72), (255, 255, 255, 0))
    half.paste((255, 0, 0, 255), (0, 0, 64, 72))
    pixels = decode(encoded(half, "PNG"), "a")
    assert pixels[:, 36, 10].tolist() == [255, 0, 0]
    assert pixels[:, 36, 120].tolist() == list(BACKDROP)


def test_an_animation_shows_its_first_frame():
    frames = [Image.new("RGB", (128, 72), colour) for colour in ("red", "blue", "green")]
    for kind in ("GIF", "WEBP", "PNG"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50)
        pixels = decode(content, "a").astype(int)
        assert np.abs(pixels[:, 36, 64] - [255, 0, 0]).max() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_exif_rotation_is_applied(kind, orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = picture(720, 1280)
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    close(decode(encoded(stored, kind, exif=exif, **options), "a"), TRUTH)


def test_a_wide_gamut_profile_is_brought_to_srgb():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    close(decode(encoded(picture(), "PNG", icc_profile=profile), "a"), TRUTH)  # does not fit
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    close(decode(encoded(picture(), "PNG", icc_profile=srgb), "a"), TRUTH)


def test_an_earlier_bundle_sees_the_middle_of_other_aspects():
    crop = ImageFormat(72, 128, "crop")
    tall = Image.new("RGB", (128, 272), "black")
    tall.paste("white", (0, 100, 128, 172))
    assert (decode(encoded(tall, "PNG"), "a", crop) > 250).mean() > 0.9
    wide = Image.new("RGB", (528, 72), "black")
    wide.paste("white", (200, 0, 328, 72))
    assert (decode(encoded(wide, "PNG"), "a", crop) > 250).mean() > 0.9


@pytest.mark.parametrize("turned", [1, 6])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(408, 600), (1600, 400), (96, 97), (1280, 720)])
def test_a_picture_of_any_aspect_is_seen_whole(size, kind, turned):
    picture = Image.new("RGB", size, "white")
    exif = Image.Exif()
    exif[0x0112] = turned
    columns, rows = size if turned == 1 else size[::-1]
    for shape in (ImageFormat(), ImageFormat(120, 80)):
        white = decode(encoded(picture, kind, exif=exif), "a", shape).min(0) > 250
        across, down = white.any(0).sum(), white.any(1).sum()
        assert white.sum() == across * down
        assert across == shape.width or down == shape.height
        assert abs(across - columns * down / rows) <= 1 + columns / rows


def test_a_picture_of_one_pixel_is_decoded():
    assert decode(encoded(Image.new("RGB", (1, 1), "red"), "PNG"), "a").shape == (3, 72, 128)


def test_a_thumbnail_has_its_own_aspect(tmp_path: Path):
    path = tmp_path / "cover.png"
    path.write_bytes(encoded(Image.new("RGB", (408, 600), "white"), "PNG"))
    assert aspect(path) == 408 / 600
    assert thumbnail(path, 180, 320).shape == (3, 180, 122)


def test_the_extension_does_not_matter(tmp_path: Path):
    path = tmp_path / "poster.png"
    path.write_bytes(encoded(picture(), "JPEG", quality=95))
    close(load_image(path), TRUTH)
    assert load_image(path, ImageFormat(36, 64)).shape == (3, 36, 64)


def bomb(side: int) -> bytes:
    """A PNG whose header promises side × side pixels, in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100_000)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"not an image at all", "none of JPEG"),
        (b"%PDF-1.7\n", "none of JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "none of JPEG"),
        (bomb(30_000), "not decoded"),
        (bomb(10_000), "not decoded"),
        (bomb(8_001), "not decoded"),
        (encoded(picture(), "JPEG")[:3000], "truncated or damaged"),
        (encoded(picture(), "PNG")[:-200], "truncated or damaged"),
        (encoded(Image.fromarray(np.ones((72, 128), np.float32)), "TIFF"), "range is unknown"),
    ],
    ids=["empty", "svg", "text", "pdf", "eps", "30000", "10000", "8001", "jpeg", "png", "float"],
)
def test_what_cannot_be_decoded_is_refused_by_name(tmp_path: Path, content: bytes, why: str):
    path = tmp_path / "poster.jpg"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"poster\.jpg") as refusal:
        load_image(path)
    assert why in str(refusal.value)


def test_missing_files_and_folders_are_refused_by_name(tmp_path: Path):
    with pytest.raises(BadInput, match=r"gone\.jpg is missing"):
        load_image(tmp_path / "gone.jpg")
    with pytest.raises(BadInput, match="is not a file"):
        load_image(tmp_path)


WHOLE = {
    kind: (content, decode(content, kind))
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
    for content in [encoded(picture(90, 160), kind)]
}


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(WHOLE)), share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_never_another_picture(kind: str, share: float):
    content, pixels = WHOLE[kind]
    try:
        found = decode(content[: int(share * len(content))], "a")
    except BadInput:
        return
    np.testing.assert_array_equal(found, pixels)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    at=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4),
    byte=st.integers(0, 255),
)
def test_a_damaged_file_is_decoded_or_refused(kind: str, at: list[float], byte: int):
    content = bytearray(WHOLE[kind][0])
    for place in at:
        content[int(place * len(content))] = byte
    with suppress(BadInput):
        assert decode(bytes(content), "a").shape == (3, FORMAT.height, FORMAT.width)


TAGS = Image.Exif()
TAGS[0x010F] = "a"
JUNK = b"Exif\0\0garbage here"
PACKED = zlib.compress(b"x" * 1_200_000)
SIDEWAYS = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax'
    b'-ns#"><rdf:Description tiff:Orientation="6" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def chunk(kind: bytes, body: bytes) -> bytes:
    checked = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + checked


def png_with(extra: bytes) -> bytes:
    whole = encoded(picture(), "PNG")
    return whole[:33] + extra + whole[33:]


def jpeg_with(marker: int, body: bytes) -> bytes:
    whole = encoded(picture(), "JPEG", quality=90)
    segment = b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body
    return whole[:2] + segment + whole[2:]


@pytest.mark.parametrize(
    "content",
    [
        png_with(chunk(b"zTXt", b"Comment\0\0" + PACKED)),
        png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + PACKED)),
        png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SIDEWAYS)),
        png_with(chunk(b"iCCP", b"big\0\0" + PACKED)),
        png_with(chunk(b"iCCP", b"cut\0\0" + PACKED[:40])),
        png_with(chunk(b"eXIf", b"garbage here")),
        png_with(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 8\nzz\n"))),
        png_with(struct.pack(">I", 4) + b"tEXt" + b"a\0bc" + b"\0\0\0\0"),
        png_with(chunk(b"gAMA", b"\0")),
        png_with(chunk(b"pHYs", b"")),
        jpeg_with(0xE1, JUNK),
        jpeg_with(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SIDEWAYS),
        jpeg_with(0xE2, b"MPF\0garbage"),
        jpeg_with(0xED, b"Photoshop 3.0\x008BIMgarbage"),
        jpeg_with(0xFE, b"\xff\xd8 a comment"),
        encoded(picture(), "WEBP", quality=90, exif=JUNK),
        encoded(picture(), "AVIF", quality=90, exif=TAGS).replace(b"II*\0", b"junk"),
    ],
    ids=range(17),
)
def test_what_a_file_says_of_itself_never_decides_over_its_pixels(content):
    close(decode(content, "odd"), TRUTH)
