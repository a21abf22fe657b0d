"""Backgrounds of posters: light, shapes and texture that a recogniser must see past."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFilter

from simulate.posters.palette import Palette

Canvas = Image.Image
Painter = Callable[[Canvas, Palette, np.random.Generator], None]
SMOOTH = 2
"""Shapes are drawn so many times larger, then reduced: smooth edges."""


def background(
    width: int, height: int, palette: Palette, rng: np.random.Generator, grain: float = 1.0
) -> Canvas:
    """A random background: light, one or two layers of shapes, texture."""
    light = _light(width, height, rng)
    ramp = np.array(palette.low) + light[..., None] * (np.array(palette.high) - palette.low)
    canvas = Image.fromarray(np.clip(ramp, 0, 255).astype(np.uint8), "RGB")
    canvas = canvas.resize((width * SMOOTH, height * SMOOTH), Image.Resampling.BILINEAR)
    painters = list(PAINTERS)
    for at in rng.permutation(len(painters))[: 1 + (rng.random() < 0.4)]:
        painters[at](canvas, palette, rng)
    canvas = canvas.resize((width, height), Image.Resampling.BOX)
    if rng.random() < 0.45:
        canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0.004, 0.018) * width))
    return _grained(canvas, rng, grain)


def _light(width: int, height: int, rng: np.random.Generator) -> Float[np.ndarray, "height width"]:
    """Where the light falls, 0 … 1: a slope, a glow or a soft cloud."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    kind = rng.integers(4)
    if kind == 0:
        angle = rng.uniform(0, 2 * math.pi)
        slope = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle)
        return np.clip(0.5 + slope, 0, 1)
    if kind == 1:
        slope = y if rng.random() < 0.5 else 1 - y
        return slope ** rng.uniform(0.6, 1.6)
    if kind == 2:
        across = (x - rng.uniform(0.2, 0.8)) * 1.78
        down = y - rng.uniform(0.1, 0.7)
        return np.exp(-(across**2 + down**2) / rng.uniform(0.15, 0.6))
    coarse = Image.fromarray(rng.random((4, 6)).astype(np.float32), "F")
    return np.clip(np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)), 0, 1)


def _grained(canvas: Canvas, rng: np.random.Generator, grain: float) -> Canvas:
    pixels = np.asarray(canvas, np.float32)
    kind = rng.integers(4)
    height, width = pixels.shape[:2]
    if kind == 0:  # film
        pixels = pixels + grain * rng.normal(0, rng.uniform(2, 9), (height, width, 1))
    elif kind == 1:  # paper
        rough = rng.normal(0, 1, (height // 3 + 1, width // 3 + 1)).astype(np.float32)
        fibres = Image.fromarray(rough, "F").resize((width, height), Image.Resampling.BILINEAR)
        pixels = pixels + grain * rng.uniform(4, 12) * np.asarray(fibres)[..., None]
    elif kind == 2:  # woven lines
        at = np.arange(height if rng.random() < 0.5 else width)
        lines = grain * rng.uniform(2, 8) * np.sin(at * rng.uniform(0.6, 2.2))
        pixels = pixels + (lines[:, None, None] if len(at) == height else lines[None, :, None])
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def _pen(canvas: Canvas) -> ImageDraw.ImageDraw:
    return ImageDraw.Draw(canvas, "RGBA")


def _ground(canvas: Canvas, x: np.ndarray, y: np.ndarray, fill: tuple[int, ...]) -> None:
    """Fill what lies below a line, given in shares of the frame."""
    width, height = canvas.size
    edge = [(float(a) * width, float(b) * height) for a, b in zip(x, y, strict=True)]
    _pen(canvas).polygon([(0, height), *edge, (width, height)], fill=fill)


def _hills(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    x = np.linspace(0, 1, 60)
    for depth, colour in enumerate(palette.shapes):
        base = 0.5 + 0.16 * depth + rng.uniform(-0.05, 0.05)
        y = np.full(len(x), base)
        for k in (1, 2, 3):
            swing = rng.uniform(0.02, 0.1) / k
            y += swing * np.sin(2 * math.pi * (k * x * 1.3 + rng.random()))
        _ground(canvas, x, y, colour)


def _peaks(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    for depth, colour in enumerate(palette.shapes):
        count = int(rng.integers(5, 10))
        x = np.sort(rng.random(count))
        y = 0.4 + 0.17 * depth + rng.uniform(-0.16, 0.16, count)
        x[0], x[-1] = 0, 1
        _ground(canvas, x, y, colour)


def _skyline(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = canvas.size
    pen = _pen(canvas)
    for depth, colour in enumerate(palette.shapes[:2]):
        at = 0.0
        while at < width:
            wide = width * rng.uniform(0.03, 0.1)
            top = height * rng.uniform(0.25 + 0.2 * depth, 0.75)
            pen.rectangle((at, top, at + wide, height), fill=colour)
            if depth == 1 and rng.random() < 0.6:
                for wx in np.arange(at + wide * 0.2, at + wide * 0.75, width * 0.014):
                    for wy in np.arange(top + height * 0.03, height, height * 0.06):
                        if rng.random() < 0.4:
                            box = (wx, wy, wx + width * 0.005, wy + height * 0.02)
                            pen.rectangle(box, fill=(*palette.accent, 150))
            at += wide * rng.uniform(0.9, 1.3)


def _trees(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = canvas.size
    pen = _pen(canvas)
    for colour in palette.shapes[1:]:
        for x in rng.uniform(0, width, int(rng.integers(6, 16))):
            tall = height * rng.uniform(0.25, 0.75)
            half = tall * rng.uniform(0.1, 0.25)
            points = [(x, height - tall), (x - half, height), (x + half, height)]
            pen.polygon(points, fill=colour)


def _disc(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = canvas.size
    x, y, r = rng.uniform(0.15, 0.85), rng.uniform(0.1, 0.7), rng.uniform(0.12, 0.5)
    box = (x * width - r * height, (y - r) * height, x * width + r * height, (y + r) * height)
    _pen(canvas).ellipse(box, fill=(*palette.high, 150 + int(rng.integers(80))))


def _rays(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = canvas.size
    cx, cy = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 1.0) * height
    count, turn = int(rng.integers(7, 18)), rng.random()
    for i in range(count):
        a, b = (2 * math.pi * (i + turn + part) / count for part in (0, 0.5))
        far = 2 * width
        points = [
            (cx, cy),
            *((cx + far * math.cos(t), cy + far * math.sin(t)) for t in (a, b)),
        ]
        _pen(canvas).polygon(points, fill=(*palette.shapes[0], 90))


def _lights(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = canvas.size
    pen = _pen(canvas)
    colours = (palette.high, palette.accent, palette.shapes[0])
    for _ in range(int(rng.integers(12, 45))):
        x, y = rng.random() * width, rng.random() * height
        r = height * rng.uniform(0.008, 0.09)
        shade = (*colours[rng.integers(3)], int(rng.integers(35, 130)))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=shade)


def _bands(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = canvas.size
    pen = _pen(canvas)
    slant, at = rng.uniform(-0.6, 0.6) * height, -0.4 * width
    while at < 1.4 * width:
        wide = width * rng.uniform(0.02, 0.14)
        shade = (*palette.shapes[rng.integers(3)], int(rng.integers(60, 170)))
        pen.polygon(
            [(at, 0), (at + wide, 0), (at + wide + slant, height), (at + slant, height)], fill=shade
        )
        at += wide * rng.uniform(1.3, 3.0)


def _dots(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = canvas.size
    pen = _pen(canvas)
    step = height * rng.uniform(0.07, 0.15)
    rising = rng.random() < 0.5
    for row, y in enumerate(np.arange(0, height + step, step)):
        size = y / height if rising else 1 - y / height
        r = step * 0.48 * max(size, 0.05)
        for x in np.arange((row % 2) * step / 2, width + step, step):
            pen.ellipse((x - r, y - r, x + r, y + r), fill=(*palette.shapes[1], 120))


def _split(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    width, height = canvas.size
    top, bottom = rng.uniform(0.2, 0.8, 2) * width
    side = 0 if rng.random() < 0.5 else width
    points = [(side, 0), (top, 0), (bottom, height), (side, height)]
    _pen(canvas).polygon(points, fill=(*palette.shapes[rng.integers(3)], 215))


def _waves(canvas: Canvas, palette: Palette, rng: np.random.Generator) -> None:
    x = np.linspace(0, 1, 80)
    start = rng.uniform(0.4, 0.65)
    for i in range(6):
        y = start + 0.09 * i + 0.025 * np.sin(2 * math.pi * (rng.uniform(2, 5) * x + rng.random()))
        _ground(canvas, x, y, (*palette.shapes[i % 3], 140))


PAINTERS: tuple[Painter, ...] = (
    _hills,
    _peaks,
    _skyline,
    _trees,
    _disc,
    _rays,
    _lights,
    _bands,
    _dots,
    _split,
    _waves,
)
