"""The theatre's posters, drawn: a motif, a palette and figures that only their pixels tell."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.strangers.world import Theatre

WIDTH, HEIGHT = 240, 360
GROUNDS = {
    0: ((196, 92, 48), (240, 178, 90)),
    1: ((36, 84, 130), (120, 176, 200)),
    2: ((226, 220, 206), (246, 240, 226)),
    3: ((22, 20, 30), (66, 52, 72)),
}
"""Palette → colours at the top and at the bottom."""
INKS = {0: (88, 24, 16), 1: (232, 242, 248), 2: (112, 98, 92), 3: (214, 176, 92)}
Colour = tuple[int, int, int]


class Pen(NamedTuple):
    """What a motif is drawn with, and where."""

    draw: ImageDraw.ImageDraw
    x: float
    y: float
    size: float
    ink: Colour
    random: np.random.Generator


def draw_posters(theatre: Theatre, folder: Path) -> None:
    """A sub-folder a play, with its posters as JPEG."""
    count, posters = theatre.size.posters, theatre.posters
    for poster in range(len(posters.motif)):
        play, place = divmod(poster, count)
        file = folder / play_name(play) / f"{poster_name(place)}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        motif, palette, figures = (
            int(looks[poster]) for looks in (posters.motif, posters.palette, posters.figures)
        )
        random = np.random.default_rng([theatre.seed, poster])
        _draw(motif, palette, figures, random).save(file, quality=90)


def play_name(play: int) -> str:
    """The name of a play's folder."""
    firsts = ("The Lost", "A Winter's", "The Glass", "Seven", "The Merchant's", "Dear", "An Honest")
    lasts = (
        "Daughter",
        "Island",
        "Game",
        "Brothers",
        "Garden Wall",
        "Liar",
        "Night",
        "Inheritance",
    )
    second, first = divmod(play, len(firsts))
    round_, last = divmod(second, len(lasts))
    return f"{firsts[first]} {lasts[last]}" + (f", part {round_ + 1}" if round_ else "")


def poster_name(place: int) -> str:
    """The name of a file, without its ending."""
    return f"poster {place + 1}"


def _draw(motif: int, palette: int, figures: int, g: np.random.Generator) -> Image.Image:
    """A poster; what does not matter is drawn at random."""
    image = _ground(palette, g)
    draw = ImageDraw.Draw(image)
    ink = _near(INKS[palette], g)
    x, y = WIDTH * g.uniform(0.35, 0.65), HEIGHT * g.uniform(0.25, 0.4)
    _MOTIFS[motif](Pen(draw, x, y, g.uniform(48, 72), ink, g))
    if figures == 1:
        _figure(draw, WIDTH * g.uniform(0.3, 0.7), HEIGHT * 0.86, g.uniform(60, 80), ink)
    elif figures == 2:
        for at in np.linspace(0.1, 0.9, int(g.integers(6, 9))):
            _figure(draw, WIDTH * at, HEIGHT * g.uniform(0.84, 0.9), g.uniform(30, 42), ink)
    for line in range(int(g.integers(1, 3))):  # lettering, which means nothing
        width = g.uniform(0.3, 0.8) * WIDTH
        left, top = g.uniform(0, WIDTH - width), HEIGHT * (0.93 + 0.03 * line)
        draw.rectangle((left, top, left + width, top + 6), fill=ink)
    return image.filter(ImageFilter.GaussianBlur(g.uniform(0, 0.8)))


def _ground(palette: int, g: np.random.Generator) -> Image.Image:
    top, bottom = (np.array(_near(colour, g)) for colour in GROUNDS[palette])
    down = np.linspace(0, 1, HEIGHT)[:, None, None]
    pixels = top * (1 - down) + bottom * down + g.normal(0, 6, (HEIGHT, WIDTH, 1))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def _near(colour: Colour, g: np.random.Generator) -> Colour:
    near = np.clip(np.array(colour) + g.normal(0, 12, 3), 0, 255).astype(int).tolist()
    return near[0], near[1], near[2]


def _figure(draw: ImageDraw.ImageDraw, x: float, foot: float, tall: float, ink: Colour) -> None:
    head = tall * 0.13
    draw.ellipse((x - head, foot - tall, x + head, foot - tall + 2 * head), fill=ink)
    points = [(x - tall * 0.2, foot), (x + tall * 0.2, foot), (x, foot - tall * 0.8)]
    draw.polygon(points, fill=ink)


def _storm(pen: Pen) -> None:
    draw, x, y, r, ink, g = pen
    zigzag = [(x, y - r), (x - r * 0.5, y + r * 0.1), (x, y), (x - r * 0.4, y + r)]
    draw.line(zigzag, fill=ink, width=9)
    for _ in range(24):
        left, top = g.uniform(0, WIDTH), g.uniform(0, HEIGHT * 0.7)
        draw.line((left, top, left - 8, top + 24), fill=ink, width=2)


def _garden(pen: Pen) -> None:
    draw, x, y, r, ink, g = pen
    for _ in range(9):
        left, top = x + g.uniform(-1, 1) * r, y + g.uniform(-0.8, 0.8) * r
        for turn in range(5):
            a, d = turn * 2 * math.pi / 5, r * 0.13
            cx, cy = left + d * math.cos(a), top + d * math.sin(a)
            draw.ellipse((cx - d, cy - d, cx + d, cy + d), outline=ink, width=3)


def _tower(pen: Pen) -> None:
    draw, x, y, r, ink, _ = pen
    draw.rectangle((x - r * 0.35, y - r, x + r * 0.35, y + r), fill=ink)
    for step in (-0.35, -0.05, 0.25):
        left = x + step * r
        draw.rectangle((left - r * 0.1, y - r * 1.2, left + r * 0.1, y - r), fill=ink)


def _mask(pen: Pen) -> None:
    draw, x, y, r, ink, _ = pen
    draw.chord((x - r * 0.8, y - r * 1.3, x + r * 0.8, y + r), 0, 180, fill=ink)
    draw.rectangle((x - r * 0.8, y - r * 0.6, x + r * 0.8, y - r * 0.1), fill=ink)
    for side in (-0.4, 0.4):
        eye = x + side * r
        draw.ellipse((eye - r * 0.2, y - r * 0.4, eye + r * 0.2, y - r * 0.1), fill=(128, 128, 128))


def _moon(pen: Pen) -> None:
    draw, x, y, r, ink, g = pen
    draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)
    for _ in range(5):
        cx, cy, d = x + g.uniform(-0.6, 0.6) * r, y + g.uniform(-0.6, 0.6) * r, r * 0.12
        draw.ellipse((cx - d, cy - d, cx + d, cy + d), fill=(128, 128, 128))


def _crown(pen: Pen) -> None:
    draw, x, y, r, ink, _ = pen
    points = [(x - r, y + r * 0.6), (x - r, y - r * 0.5), (x - r * 0.5, y), (x, y - r * 0.8)]
    points += [(x + r * 0.5, y), (x + r, y - r * 0.5), (x + r, y + r * 0.6)]
    draw.polygon(points, fill=ink)


_MOTIFS = (_storm, _garden, _tower, _mask, _moon, _crown)
"""In the order of `world.MOTIFS`."""
