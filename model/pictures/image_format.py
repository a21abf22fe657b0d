"""The format of the pictures that a network is trained on: how many pixels, of which canvas."""

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import catalogue_format
from data.images.canvases import canvas_aspects, canvas_pictures, other_canvas_words
from data.images.format import ImageFormat
from data.pictures import MAIN
from model.eyes.open_eyes import Eyes
from model.training.settings import Settings

SHOWN = {"whole": "whole pictures", "crop": "pictures cropped about their focal points"}


def image_format(settings: Settings, catalogue: Catalogue, eyes: Eyes | None = None) -> ImageFormat:
    """That of the bundle which training starts from, if any; else as told; else the catalogue's.

    Args:
        settings: of the run.
        catalogue: whose pictures are read.
        eyes: that read them; None: an encoder that learns, which reads any.

    Raises:
        BadInput: another is told than the bundle has, or half of one; or no picture is of the
            canvas.
    """
    data, start = settings.data, settings.fit.warm_start
    if (data.height is None) != (data.width is None):
        raise BadInput("give --data.height and --data.width together, or neither")
    if data.height is not None and data.width is not None:
        try:
            ImageFormat(data.height, data.width)
        except ValueError as error:
            raise BadInput(f"--data.{error}") from None
    before = Bundle.open(start).manifest.image if start is not None else None
    if before is not None:
        _keep(settings, before, catalogue)
        return before
    try:
        ours = catalogue_format(catalogue, data.canvas, data.fit or "whole")
    except BadInput as error:
        raise BadInput(f"--data.{error}") from None
    told = data.height is not None and data.width is not None
    if data.height is not None and data.width is not None:
        ours = ImageFormat(data.height, data.width, ours.fit, ours.canvas)
    return ours if eyes is None else eyes.format(ours, told)


def format_words(shape: ImageFormat, catalogue: Catalogue) -> list[str]:
    """What pictures are read as, for people: a line, and one more where another canvas stands in.

    Args:
        shape: of the pictures.
        catalogue: whose pictures.
    """
    of = "" if shape.canvas == MAIN else f" of canvas {shape.canvas}"
    line = f"reading {SHOWN[shape.fit]}{of} as {shape.width} × {shape.height} pixels"
    other = canvas_pictures(catalogue, shape.canvas).other
    return [line, *other_canvas_words(shape.canvas, other)]


def _keep(settings: Settings, before: ImageFormat, catalogue: Catalogue) -> None:
    """See to it that nothing else is told than what the bundle has that training starts from.

    Raises:
        BadInput: it is, or the catalogue has not one picture of the bundle's canvas.
    """
    data, start = settings.data, settings.fit.warm_start
    told = {
        f"--data.height {data.height} --data.width {data.width}": (
            data.height is not None and (data.height, data.width) != (before.height, before.width)
        ),
        f"--data.canvas {data.canvas}": data.canvas not in (None, before.canvas),
        f"--data.fit {data.fit}": data.fit not in (None, before.fit),
    }
    if wrong := [words for words, differs in told.items() if differs]:
        raise BadInput(
            f"{' '.join(wrong)}: --fit.warm-start {start} reads {before.width} × {before.height} "
            f"pixels of canvas {before.canvas}, fit {before.fit}; leave them out, or start anew"
        )
    if before.canvas != MAIN and before.canvas not in (known := canvas_aspects(catalogue)):
        raise BadInput(
            f"--fit.warm-start {start} reads pictures of canvas {before.canvas}, and "
            f"{catalogue.root} has none; there are {', '.join(known)}: add it to images.parquet, "
            "or start anew"
        )
