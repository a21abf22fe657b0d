"""The cache of a catalogue's pixels: decoded once, whatever is interrupted."""

import resource
import signal
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import image_cache, load_image
from data.records import ARTWORKS, TITLES
from tests.data.images.pictures import encoded, picture

DAY = date(2026, 1, 1)


def catalogue(root: Path, contents: dict[str, bytes]) -> Catalogue:
    """One title with one artwork a file."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (root / "images" / name).write_bytes(content)
    ids = [Path(name).stem for name in contents]
    title = {
        "title_id": 1,
        "name": "One",
        "genres": [],
        "cast": [],
        "popularity": 1.0,
        "launch_day": DAY,
        "runtime_minutes": 90.0,
        "default_artwork_id": ids[0],
    }
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


@pytest.mark.parametrize("part", ["sha256", "npy"])
@pytest.mark.parametrize(
    "noise", [b"\xff\x00 no such thing\n" * 9, b"\x93NUMPY\x01\x00\xff\xff{(", b""]
)
def test_a_cache_that_is_none_is_made_again(tmp_path: Path, part: str, noise: bytes):
    ours = catalogue(tmp_path / "c", plain("red", "lime", "blue"))
    whole = np.array(image_cache(ours, tmp_path / "cache", quiet=True).images)
    [file] = (tmp_path / "cache").glob(f"*.{part}")
    file.write_bytes(noise + file.read_bytes()[len(noise) :])
    again = image_cache(ours, tmp_path / "cache", quiet=True)
    np.testing.assert_array_equal(again.images[again.of(["red", "lime", "blue"])], whole)


def test_a_cache_that_cannot_be_made_is_a_warning(tmp_path: Path, capfd):
    ours = catalogue(tmp_path / "c", plain("red", "lime", "blue"))
    (tmp_path / "file").write_text("")
    cache = image_cache(ours, tmp_path / "file" / "cache", quiet=True)
    whole = image_cache(ours, tmp_path / "cache", quiet=True)
    np.testing.assert_array_equal(cache.images, whole.images)
    assert cache.rows == whole.rows
    assert not cache.images.flags.writeable
    assert capfd.readouterr().err.count("cannot be written") == 1


def test_what_a_full_disk_does_not_take_stays_in_memory(tmp_path: Path, monkeypatch, capfd):
    first = catalogue(tmp_path / "a", plain("red", "blue"))
    image_cache(first, tmp_path / "cache", quiet=True)
    [hashes] = (tmp_path / "cache").glob("*.sha256")
    before = hashes.read_bytes()
    monkeypatch.setattr("data.images.cache.CHUNK", 1)
    pictures = plain("red", "blue", "lime", "navy")
    second = catalogue(tmp_path / "b", pictures)
    room = (tmp_path / "cache").glob("*.npy").__next__().stat().st_size
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room + 1000, old[1]))
    try:
        cache = image_cache(second, tmp_path / "cache", quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    for artwork in second.artwork_ids:
        stored = cache.images[cache.rows[artwork]]
        np.testing.assert_array_equal(stored, load_image(second.image_path(artwork)))
    assert hashes.read_bytes() == before
    assert capfd.readouterr().err.count("cannot be written") == 1
    again = image_cache(second, tmp_path / "cache", quiet=True)
    np.testing.assert_array_equal(again.images, cache.images)
    assert len(hashes.read_bytes()) == 2 * len(before)
