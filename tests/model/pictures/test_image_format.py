"""Which format of pictures a network is trained on."""

import pytest
from PIL import Image

from data.errors import BadInput
from data.images.format import ImageFormat
from model.pictures.image_format import format_words, image_format
from model.training.settings import Data, Fit, Settings
from tests.data.images.canvases import canvas_catalogue
from tests.data.images.pictures import encoded
from tests.data.images.test_cache import catalogue
from tests.export.world import SIZE, make_bundle, variant


@pytest.fixture
def covers(tmp_path):
    return catalogue(
        tmp_path / "catalogue", {"a.png": encoded(Image.new("RGB", (408, 600)), "PNG")}
    )


def test_it_is_the_catalogues_unless_another_is_told(covers):
    shape = image_format(Settings(), covers)
    assert shape.height > shape.width
    told = image_format(Settings(data=Data(height=36, width=64)), covers)
    assert told == ImageFormat(36, 64)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"height": 36}, "together"), ({"height": 0, "width": 9}, "--data.height")],
)
def test_half_of_one_or_none_at_all_is_refused(covers, options, words):
    with pytest.raises(BadInput, match=words):
        image_format(Settings(data=Data(**options)), covers)


def test_training_that_starts_from_a_bundle_keeps_its_format(covers, tmp_path):
    bundle = make_bundle(tmp_path / "bundles")
    start = Fit(warm_start=str(bundle))
    assert image_format(Settings(fit=start), covers) == ImageFormat(**SIZE)
    same = Data(**SIZE, canvas="main", fit="whole")
    assert image_format(Settings(data=same, fit=start), covers) == ImageFormat(**SIZE)
    taller = Data(height=SIZE["height"] * 2, width=SIZE["width"])
    for told, words in (
        (taller, "height"),
        (Data(canvas="tile"), "canvas"),
        (Data(fit="crop"), "fit"),
    ):
        with pytest.raises(BadInput, match=rf"--data.{words}.*warm-start.*canvas main, fit whole"):
            image_format(Settings(data=told, fit=start), covers)


def test_a_canvas_is_chosen_said_and_kept(tmp_path):
    ours = canvas_catalogue(tmp_path / "catalogue")
    shape = image_format(Settings(), ours)
    assert shape == ImageFormat(72, 128, "whole", "tile"), "the one that all artworks have"
    assert format_words(shape, ours) == ["reading whole pictures of canvas tile as 128 × 72 pixels"]
    tall = image_format(Settings(data=Data(canvas="portrait", fit="crop")), ours)
    assert tall == ImageFormat(120, 80, "crop", "portrait")
    [line, other] = format_words(tall, ours)
    assert "of canvas portrait as 80 × 120 pixels" in line
    assert "1 artwork without a picture of canvas portrait" in other
    with pytest.raises(BadInput, match=r"--data.canvas 'poster' .* tile, portrait, hero"):
        image_format(Settings(data=Data(canvas="poster")), ours)
    bundles = tmp_path / "bundles"
    before = variant(make_bundle(bundles), bundles, image={**SIZE, "fit": "crop", "canvas": "hero"})
    start = Fit(warm_start=str(before))
    assert image_format(Settings(fit=start), ours) == ImageFormat(**SIZE, fit="crop", canvas="hero")
    gone = variant(
        make_bundle(bundles), bundles, image={**SIZE, "fit": "whole", "canvas": "square"}
    )
    with pytest.raises(BadInput, match=r"canvas square, and .* has none; there are tile"):
        image_format(Settings(fit=Fit(warm_start=str(gone))), ours)


def test_a_bundle_that_does_not_say_reads_the_middle_of_pictures(covers, tmp_path):
    before = variant(make_bundle(tmp_path / "bundles"), tmp_path / "bundles", image=SIZE)
    start = Fit(warm_start=str(before))
    assert image_format(Settings(fit=start), covers) == ImageFormat(**SIZE, fit="crop")
