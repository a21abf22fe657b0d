"""Pictures that are sent are decoded where they can harm nobody."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from data.errors import BadInput
from data.images.decode import decode
from data.images.format import ImageFormat
from serve.live.door.image_worker import WAITING, BusyError, ImageWorker

SHAPE = ImageFormat(18, 32)


def png(width, height, mode="RGB"):
    out = io.BytesIO()
    Image.new(mode, (width, height), 7).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def worker():
    worker = ImageWorker(memory=1 << 30)
    yield worker
    worker.close()


def test_a_picture_has_the_same_pixels_as_everywhere(worker):
    raw = png(64, 36)
    pixels = asyncio.run(worker.decode(raw, SHAPE))
    np.testing.assert_array_equal(pixels, decode(raw, "x", SHAPE))


def test_a_picture_that_takes_too_much_is_refused_and_the_next_one_is_decoded():
    async def check():
        worker = ImageWorker(memory=600 << 20)
        try:
            for _ in range(2):
                with pytest.raises(BadInput, match="too much memory"):
                    await worker.decode(png(7900, 7900, "RGBA"), SHAPE)
                assert (await worker.decode(png(64, 36), SHAPE)).shape == (3, 18, 32)
        finally:
            worker.close()

    asyncio.run(check())


def test_a_picture_that_takes_too_long_is_given_up_and_the_next_one_is_decoded():
    async def check():
        worker = ImageWorker()
        try:
            worker.seconds = 0.0
            with pytest.raises(BadInput, match="within"):
                await worker.decode(png(64, 36), SHAPE)
            worker.seconds = 60.0
            assert (await worker.decode(png(64, 36), SHAPE)).shape == (3, 18, 32)
        finally:
            worker.close()

    asyncio.run(check())


def test_more_pictures_than_may_wait_are_turned_away():
    async def check():
        worker = ImageWorker()
        try:
            many = [worker.decode(png(64, 36), SHAPE) for _ in range(WAITING + 3)]
            done = await asyncio.gather(*many, return_exceptions=True)
            assert sum(isinstance(one, BusyError) for one in done) == 3
            assert sum(isinstance(one, np.ndarray) for one in done) == WAITING
        finally:
            worker.close()

    asyncio.run(check())
