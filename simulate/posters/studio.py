"""The poster studio: renders a brief and says what the poster shows."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from data.errors import BadInput
from simulate.named_rng import named_generator
from simulate.posters.background import background
from simulate.posters.brief import Brief, VisibleSubjects
from simulate.posters.lettering import drawn_lettering, letter
from simulate.posters.palette import Palette, drawn_palette

MANY = 200
"""From so many posters on, several processes share the work."""
QUALITY = {"webp": 86, "jpg": 90}


def render(
    brief: Brief, files: dict[str, Path], width: int = 320
) -> tuple[Image.Image, VisibleSubjects]:
    """The poster of a brief, 16:9, and what it shows.

    Args:
        brief: what is asked.
        files: the cut-out of each subject.
        width: in pixels; the layout scales with it.
    """
    height = round(width * 9 / 16)
    rng = named_generator("poster", brief.seed)
    palette = drawn_palette(rng, brief.warmth, brief.brightness, brief.richness)
    lettering = drawn_lettering(brief.title, rng)
    canvas = background(width, height, palette, rng)
    owner = np.full((height, width), -1, np.int16)
    places = _places(brief, lettering.side, rng)
    for at in reversed(range(len(brief.subjects))):  # the lead is nearest
        figure = _figure(files[brief.subjects[at]], brief, places[at], height, rng)
        _put(canvas, owner, figure, places[at], at, palette, brief, rng)
    canvas = _graded(canvas, brief)
    letter(canvas, lettering, palette)
    area = np.bincount(owner[owner >= 0], minlength=len(brief.subjects)).astype(float)
    area = np.maximum(area, 1.0)
    return canvas, VisibleSubjects(brief.subjects, tuple((area / area.sum()).tolist()))


def render_all(
    briefs: Sequence[Brief],
    files: dict[str, Path],
    paths: Sequence[Path],
    width: int = 320,
    workers: int = 2,
) -> Iterator[VisibleSubjects]:
    """Render each brief into its file, by processes if there are many; what each shows, in order.

    The file's ending says the format: .webp or .jpg.
    """
    jobs = [
        (brief, {name: files[name] for name in brief.subjects}, path, width)
        for brief, path in zip(briefs, paths, strict=True)
    ]
    if workers < 2 or len(jobs) < MANY:
        yield from map(_job, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield from pool.map(_job, jobs, chunksize=16)


def _job(job: tuple[Brief, dict[str, Path], Path, int]) -> VisibleSubjects:
    brief, files, path, width = job
    poster, visible = render(brief, files, width)
    kind = path.suffix.lstrip(".")
    if kind not in QUALITY:
        raise BadInput(f"posters are written as .webp or .jpg, not {path.suffix!r}")
    options = {"method": 2} if kind == "webp" else {}
    poster.save(path, "JPEG" if kind == "jpg" else "WEBP", quality=QUALITY[kind], **options)
    return visible


@lru_cache(maxsize=512)
def _cut_out(path: Path) -> Image.Image:
    """A cut-out without its empty border."""
    try:
        with Image.open(path) as image:
            figure = image.convert("RGBA")
    except (OSError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path} cannot be decoded ({error}); replace the cut-out") from None
    box = Image.fromarray(np.asarray(figure)[..., 3] > 8).getbbox()
    if box is None:
        raise BadInput(f"{path} is wholly transparent; replace the cut-out")
    return figure.crop(box)


def _places(brief: Brief, free: str, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """Centre and size of each subject, in shares of the frame; the lead first."""
    count = len(brief.subjects)
    size = 0.72 * float(np.exp(0.62 * brief.closeness)) * rng.uniform(0.9, 1.1)
    left, right = {"left": (0.4, 0.88), "right": (0.12, 0.6)}.get(free, (0.14, 0.86))
    middle = {"bottom": 0.41, "top": 0.6}.get(free, 0.52)
    slots = left + (right - left) * (np.arange(count) + 0.5) / count
    slots = slots[rng.permutation(count)] + rng.uniform(-0.05, 0.05, count)
    if count == 1:
        slots = np.array([rng.uniform(left + 0.06, right - 0.06)])
    places = []
    for at in range(count):
        share = size * (1.0 if at == 0 else rng.uniform(0.6, 0.95)) * (0.9 if count > 2 else 1.0)
        y = middle + rng.uniform(-0.07, 0.07) + (0.05 if at == 0 else -0.03)
        if share > 1:  # the head, not the feet, of what does not fit
            y = 0.5 + (share - 1) * rng.uniform(0.1, 0.5)
        places.append((float(slots[at]), float(y), float(share)))
    return places


def _figure(
    path: Path,
    brief: Brief,
    place: tuple[float, float, float],
    height: int,
    rng: np.random.Generator,
) -> Image.Image:
    """A cut-out scaled, turned, flipped and lit."""
    figure = _cut_out(path)
    wide, tall = figure.size
    # An equal area for all shapes: a bus and a lamp of the same size are as easily seen.
    scale = place[2] * height / (0.5 * max(wide, tall) + 0.5 * float(np.sqrt(wide * tall)))
    size = max(1, round(wide * scale)), max(1, round(tall * scale))
    figure = figure.resize(size, Image.Resampling.LANCZOS)
    if rng.random() < 0.5:
        figure = figure.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turn = rng.normal(0, 5)
    if abs(turn) > 1:
        figure = figure.rotate(turn, Image.Resampling.BICUBIC, expand=True)
    alpha = figure.getchannel("A")
    lit = figure.convert("RGB")
    lit = ImageEnhance.Brightness(lit).enhance(1 + 0.2 * brief.brightness + rng.normal(0, 0.06))
    lit = ImageEnhance.Color(lit).enhance(max(0.4, 1 + 0.15 * brief.richness))
    lit.putalpha(alpha)
    return lit


def _put(
    canvas: Image.Image,
    owner: np.ndarray,
    figure: Image.Image,
    place: tuple[float, float, float],
    at: int,
    palette: Palette,
    brief: Brief,
    rng: np.random.Generator,
) -> None:
    """Paste a figure with its shadow or halo, and mark the pixels that it covers as its own."""
    height, width = owner.shape
    x = round(place[0] * width - figure.width / 2)
    y = round(place[1] * height - figure.height / 2)
    # At least half of a figure stays in the frame.
    x = int(np.clip(x, -figure.width // 3, width - 2 * figure.width // 3))
    whole = Image.new("L", (width, height))
    whole.paste(figure.getchannel("A"), (x, y))
    halo = brief.brightness < 0 and rng.random() < 0.6
    soft = whole.filter(ImageFilter.GaussianBlur(height * (0.035 if halo else 0.02)))
    shift = (0, 0) if halo else (round(height * rng.uniform(-0.03, 0.03)), round(height * 0.025))
    strength = 0.55 if halo else 0.45
    mask = Image.new("L", (width, height))
    mask.paste(Image.fromarray((np.asarray(soft) * strength).astype(np.uint8)), shift)
    canvas.paste(palette.high if halo else (0, 0, 0), (0, 0), mask)
    canvas.paste(figure.convert("RGB"), (x, y), figure.getchannel("A"))
    owner[np.asarray(whole) > 96] = at


def _graded(canvas: Image.Image, brief: Brief) -> Image.Image:
    """One light over the whole frame, so that subject and background belong together."""
    pixels = np.asarray(canvas, np.float32) / 255
    tint = 1 + brief.warmth * np.array([0.09, 0.0, -0.10], np.float32)
    pixels = pixels * tint
    height, width = pixels.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    dark = 0.3 - 0.22 * brief.brightness
    pixels = pixels * (1 - dark * np.clip((x**2 + y**2) / 2, 0, 1))[..., None]
    return Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8), "RGB")
