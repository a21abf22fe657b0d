"""The format that a catalogue's pictures are read in."""

import numpy as np
import pytest
from PIL import Image

from data.images.cache import catalogue_format, image_cache
from data.images.format import PIXELS, ImageFormat
from tests.data.images.pictures import encoded
from tests.data.images.test_cache import catalogue


@pytest.mark.parametrize("aspect", [16 / 9, 9 / 16, 2 / 3, 3 / 4, 1, 4 / 3, 2.35, 0.68])
def test_a_format_has_the_aspect_of_its_pictures_and_the_usual_number_of_pixels(aspect):
    shape = ImageFormat.of_aspects([aspect] * 3 + [5.0])
    assert shape.width / shape.height == pytest.approx(aspect, rel=0.025)
    assert shape.height * shape.width == pytest.approx(PIXELS, rel=0.1)
    assert shape.fit == "whole"


def test_pictures_of_no_known_aspect_have_that_of_a_screen():
    assert ImageFormat.of_aspects([]) == ImageFormat(72, 128, "whole")


@pytest.mark.parametrize("wrong", [(0, 5), (72, 20_000), (72, 128, "stretch")])
def test_a_format_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must (lie|be)"):
        ImageFormat(*wrong)


def test_covers_are_seen_whole_in_a_format_of_their_own(tmp_path):
    cover = np.zeros((600, 400, 3), np.uint8)
    cover[:10] = cover[-10:] = cover[:, :10] = cover[:, -10:] = 255  # a white rim
    contents = {"c.png": b"no picture"}
    for name, pixels in {"a.png": cover, "b.png": cover // 2}.items():
        contents[name] = encoded(Image.fromarray(pixels), "PNG")
    ours = catalogue(tmp_path, contents)
    shape = catalogue_format(ours)
    assert shape == ImageFormat(120, 80)
    cache = image_cache(ours, tmp_path / "cache", shape, quiet=True, leave_out=True)
    rim = cache.images[0]
    assert rim.shape == (3, 120, 80)
    assert min(rim[:, 0].min(), rim[:, -1].min(), rim[:, :, 0].min(), rim[:, :, -1].min()) > 200
    assert rim[:, 10:-10, 10:-10].max() < 20
