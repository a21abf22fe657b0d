"""Title lettering, in the font that comes with Pillow."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from simulate.posters.palette import Colour, Palette


class Lettering(NamedTuple):
    """How a title is set; `side` is what the subjects leave free."""

    side: str  # bottom, top, left or right
    lines: tuple[str, ...]
    size: float  # height of a capital's line, as a share of the frame's height
    tracking: float  # space between letters, as a share of the size
    weight: float  # thickness added to each stroke, as a share of the size
    rule: bool  # a thin line above or below


def drawn_lettering(title: str, rng: np.random.Generator) -> Lettering:
    """A random way to set a title."""
    side = ("bottom", "bottom", "left", "right", "top")[rng.integers(5)]
    words = (title.upper() if rng.random() < 0.75 else title).split()
    stacked = side in ("left", "right") or (len(words) > 2 and rng.random() < 0.3)
    half = -(-len(words) // 2)
    lines = (" ".join(words[:half]), " ".join(words[half:])) if stacked else (" ".join(words),)
    return Lettering(
        side,
        tuple(filter(None, lines)),
        rng.uniform(0.09, 0.15),
        rng.uniform(0.0, 0.28),
        rng.uniform(0.0, 0.05),
        bool(rng.random() < 0.35),
    )


def letter(canvas: Image.Image, lettering: Lettering, palette: Palette) -> None:
    """Set a title on a poster, over a scrim that keeps it legible."""
    width, height = canvas.size
    upright = lettering.side in ("left", "right")
    room = width * (0.42 if upright else 0.9)
    size = lettering.size * height
    widest = max(_wide(line, lettering, size) for line in lettering.lines)
    size *= min(1.0, room / widest)
    widest = max(_wide(line, lettering, size) for line in lettering.lines)
    tall = 1.12 * size * len(lettering.lines)
    margin = 0.06 * height
    left = {"left": margin * 1.2, "right": width - margin * 1.2 - widest}.get(
        lettering.side, (width - widest) / 2
    )
    top = {"bottom": height - margin - tall, "top": margin}.get(lettering.side, (height - tall) / 2)
    _scrim(canvas, lettering.side, palette.letters)
    pen = ImageDraw.Draw(canvas)
    for i, line in enumerate(lettering.lines):
        own = _wide(line, lettering, size)
        x = (
            left
            if lettering.side == "left"
            else left + (widest - own) * (1.0 if lettering.side == "right" else 0.5)
        )
        _spaced(pen, x, top + 1.12 * size * i, line, lettering, size, palette.letters)
    if lettering.rule:
        y = top - 0.18 * size if lettering.side == "bottom" else top + tall + 0.12 * size
        pen.line((left, y, left + widest, y), palette.letters, max(1, round(height / 120)))


def _spaced(
    pen: ImageDraw.ImageDraw,
    x: float,
    y: float,
    line: str,
    lettering: Lettering,
    size: float,
    colour: Colour,
) -> None:
    font, stroke = _font(round(size)), round(lettering.weight * size)
    for character in line:
        pen.text((x, y), character, colour, font, stroke_width=stroke, stroke_fill=colour)
        x += font.getlength(character) + lettering.tracking * size


def _wide(line: str, lettering: Lettering, size: float) -> float:
    font = _font(round(size))
    letters = sum(font.getlength(character) for character in line)
    return letters + lettering.tracking * size * (len(line) - 1) + 2 * lettering.weight * size


def _scrim(canvas: Image.Image, side: str, letters: Colour) -> None:
    """Darken, or lighten under dark letters, the side where the title stands."""
    width, height = canvas.size
    ramp = np.linspace(0, 1, width if side in ("left", "right") else height)
    if side in ("left", "top"):
        ramp = ramp[::-1]
    shade = 150 * np.clip((ramp - 0.55) / 0.45, 0, 1) ** 1.2
    rows = shade[None, :] if side in ("left", "right") else shade[:, None]
    mask = Image.fromarray(np.broadcast_to(rows, (height, width)).astype(np.uint8), "L")
    canvas.paste((245, 243, 238) if sum(letters) < 300 else (8, 8, 12), (0, 0), mask)


@lru_cache(maxsize=256)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(max(size, 4))
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType; install the wheel from PyPI")
    return font
