"""Colours of a poster: a warm or cool family of hues, in light or in darkness."""

import colorsys
from typing import NamedTuple

import numpy as np

Colour = tuple[int, int, int]

WARM = ((0.94, 1.14),)  # rose, red, orange, gold; hues beyond 1 wrap around
COOL = ((0.36, 0.72),)  # green, cyan, blue, violet


class Palette(NamedTuple):
    """The colours that everything on a poster is drawn in."""

    high: Colour  # where the light is
    low: Colour  # where it is not
    shapes: tuple[Colour, ...]  # silhouettes, from far to near
    accent: Colour  # small things, of any hue
    letters: Colour


def drawn_palette(
    rng: np.random.Generator, warmth: float, brightness: float, richness: float
) -> Palette:
    """A random palette of that temperature and light."""
    span = (WARM if warmth > 0 else COOL)[0]
    hue = rng.uniform(*span)
    second = rng.uniform(*span)
    saturation = float(np.clip(0.46 + 0.22 * abs(warmth) + 0.12 * richness, 0.15, 0.95))
    light = 0.56 + 0.29 * brightness
    contrast = 0.16 + 0.05 * richness + rng.uniform(0, 0.08)
    high = _colour(hue, saturation * rng.uniform(0.55, 1.0), light + contrast)
    low = _colour(second, saturation, light - contrast)
    steps = np.linspace(0.1, 0.9, 3) * (-1 if rng.random() < 0.75 else 1)
    shapes = tuple(
        _colour(second + 0.02 * i, saturation * 0.9, light + step * (0.18 + 0.2 * light))
        for i, step in enumerate(steps)
    )
    accent = _colour(rng.random(), rng.uniform(0.4, 0.9), np.clip(light + 0.25, 0.3, 0.95))
    return Palette(high, low, shapes, accent, _letters(rng, hue, light))


def _letters(rng: np.random.Generator, hue: float, light: float) -> Colour:
    if light > 0.62 and rng.random() < 0.7:
        return _colour(hue + rng.choice((0.0, 0.5)), 0.6, 0.13)
    tints = ((1.0, 0.0), (0.98, 0.12), (0.97, 0.45), (0.95, 0.2))
    value, saturation = tints[rng.integers(len(tints))]
    return _colour(rng.choice((0.13, 0.12, hue)), saturation, value)


def _colour(hue: float, saturation: float, value: float) -> Colour:
    """RGB of 0 … 255; all but the hue, which wraps around, is clipped to 0 … 1."""
    rgb = colorsys.hsv_to_rgb(hue % 1.0, np.clip(saturation, 0, 1), np.clip(value, 0.03, 1))
    r, g, b = (round(255 * float(part)) for part in rgb)
    return r, g, b
