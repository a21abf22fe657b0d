"""Every kind of image people upload: decoded right, or refused by name."""

import io
import struct
import zlib
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import BACKDROP, HEIGHT, WIDTH, decode, image_cache, load_image
from data.records import ARTWORKS, TITLES

DAY = date(2026, 1, 1)


def picture(height: int = 180, width: int = 320) -> Image.Image:
    """Red at the left, blue at the right, brighter towards the bottom: no symmetry."""
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    rgb = np.stack([255 * (1 - across), 255 * down, 255 * across], -1)
    return Image.fromarray(rgb.astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def close(pixels: np.ndarray, expected: np.ndarray, tolerance: float = 4) -> None:
    assert pixels.dtype == np.uint8
    assert pixels.shape == (3, HEIGHT, WIDTH)
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
    expected = np.linspace(0, 255, WIDTH)[None, None].repeat(HEIGHT, 1).repeat(3, 0)
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
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
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


def test_other_aspects_are_cropped_at_the_centre():
    tall = Image.new("RGB", (128, 272), "black")
    tall.paste("white", (0, 100, 128, 172))
    assert (decode(encoded(tall, "PNG"), "a") > 250).mean() > 0.9
    wide = Image.new("RGB", (528, 72), "black")
    wide.paste("white", (200, 0, 328, 72))
    assert (decode(encoded(wide, "PNG"), "a") > 250).mean() > 0.9
    assert decode(encoded(Image.new("RGB", (1, 1), "red"), "PNG"), "a").shape == (3, 72, 128)


def test_the_extension_does_not_matter(tmp_path: Path):
    path = tmp_path / "poster.png"
    path.write_bytes(encoded(picture(), "JPEG", quality=95))
    close(load_image(path), TRUTH)
    assert load_image(path, 36, 64).shape == (3, 36, 64)


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
        assert decode(bytes(content), "a").shape == (3, HEIGHT, WIDTH)


def catalogue(root: Path, contents: dict[str, bytes]) -> Catalogue:
    """One title with one artwork a file."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (root / "images" / name).write_bytes(content)
    ids = [Path(name).stem for name in contents]
    title = {
        "title_id": 1, "name": "One", "genres": [], "cast": [], "popularity": 1.0,
        "launch_day": DAY, "runtime_minutes": 90.0, "default_artwork_id": ids[0],
    }  # fmt: skip
    artworks = [
        {"artwork_id": i, "title_id": 1, "path": f"images/{name}", "added_day": DAY}
        for i, name in zip(ids, contents, strict=True)
    ]
    return Catalogue(
        root,
        pa.Table.from_pylist([title], schema=TITLES),
        pa.Table.from_pylist(artworks, schema=ARTWORKS),
    )


def plain(*colours: str) -> dict[str, bytes]:
    return {f"{c}.png": encoded(Image.new("RGB", (32, 18), c), "PNG") for c in colours}


def test_the_cache_holds_every_artwork(tmp_path: Path):
    ours = catalogue(tmp_path / "c", plain("red", "lime", "blue"))
    cache = image_cache(ours, tmp_path / "cache", quiet=True)
    assert cache.images.shape == (3, 3, 72, 128)
    assert not cache.images.flags.writeable
    assert cache.of(["blue", "red"]).tolist() == [2, 0]
    for artwork in ours.artwork_ids:
        stored = cache.images[cache.rows[artwork]]
        np.testing.assert_array_equal(stored, load_image(ours.image_path(artwork)))
    [file] = (tmp_path / "cache").glob("*.npy")
    np.testing.assert_array_equal(np.load(file), cache.images)
    with pytest.raises(BadInput, match="green"):
        cache.of(["green"])


def test_workers_decode_the_same_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("data.images.cache.CHUNK", 4)
    pictures = {f"{i}.png": encoded(picture(18 + i, 32), "PNG") for i in range(11)}
    ours = catalogue(tmp_path / "c", pictures)
    one = image_cache(ours, tmp_path / "one", processes=1, quiet=True)
    two = image_cache(ours, tmp_path / "two", processes=2, quiet=True)
    np.testing.assert_array_equal(one.images, two.images)
    assert one.rows == two.rows


def test_a_second_build_decodes_only_what_is_new(tmp_path: Path, capsys):
    first = catalogue(tmp_path / "a", plain("red", "blue"))
    before = image_cache(first, tmp_path / "cache", quiet=True)
    seen = np.array(before.images)
    second = catalogue(tmp_path / "b", plain("blue", "lime", "red"))
    after = image_cache(second, tmp_path / "cache", quiet=True)
    assert len(after.images) == 3
    assert after.rows == {"blue": 1, "lime": 2, "red": 0}
    np.testing.assert_array_equal(after.images[:2], seen)
    np.testing.assert_array_equal(before.images, seen)  # a map that is open does not change
    assert capsys.readouterr().out == ""


def test_equal_content_takes_one_row(tmp_path: Path):
    same = encoded(Image.new("RGB", (32, 18), "red"), "PNG")
    cache = image_cache(catalogue(tmp_path, {"a.png": same, "b.png": same}), tmp_path / "cache")
    assert len(cache.images) == 1
    assert cache.rows == {"a": 0, "b": 0}


def test_bad_images_are_all_named_and_good_ones_kept(tmp_path: Path):
    contents = plain("red", "blue") | {"torn.png": b"\x89PNG", "none.png": b""}
    ours = catalogue(tmp_path / "c", contents)
    with pytest.raises(BadInput, match=r"2 of 4 images") as refusal:
        image_cache(ours, tmp_path / "cache", quiet=True)
    assert "torn.png" in str(refusal.value)
    assert "none.png" in str(refusal.value)
    [file] = (tmp_path / "cache").glob("*.npy")
    assert len(np.load(file)) == 2


@pytest.mark.parametrize("damage", ["half a hash", "lost pixels", "half an append"])
def test_an_interrupted_build_goes_on(tmp_path: Path, damage: str):
    ours = catalogue(tmp_path / "c", plain("red", "lime", "blue"))
    whole = np.array(image_cache(ours, tmp_path / "cache", quiet=True).images)
    [pixels] = (tmp_path / "cache").glob("*.npy")
    hashes = pixels.with_suffix(".sha256")
    if damage == "half a hash":
        hashes.write_bytes(hashes.read_bytes()[:-10])
    elif damage == "lost pixels":
        pixels.write_bytes(pixels.read_bytes()[:-10])
    else:
        hashes.write_bytes(hashes.read_bytes()[:65])
        pixels.write_bytes(pixels.read_bytes() + b"\7" * 100)
    again = image_cache(ours, tmp_path / "cache", quiet=True)
    assert again.rows == {"red": 0, "lime": 1, "blue": 2}
    np.testing.assert_array_equal(again.images, whole)
