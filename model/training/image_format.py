"""The format of the pictures that a network is trained on."""

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import catalogue_format
from data.images.format import ImageFormat
from model.training.settings import Settings

SHOWN = {"whole": "whole pictures", "crop": "the middle of pictures"}


def image_format(settings: Settings, catalogue: Catalogue) -> ImageFormat:
    """That of the bundle which training starts from, if any; else as told; else the catalogue's.

    Raises:
        BadInput: another is told than the bundle has, or half of one.
    """
    height, width = settings.data.height, settings.data.width
    if (height is None) != (width is None):
        raise BadInput("give --data.height and --data.width together, or neither")
    try:
        told = ImageFormat(height, width) if height is not None and width is not None else None
    except ValueError as error:
        raise BadInput(f"--data.{error}") from None
    start = settings.fit.warm_start
    before = Bundle.open(start).manifest.image if start is not None else None
    if before is not None:
        if told is not None and (told.height, told.width) != (before.height, before.width):
            raise BadInput(
                f"--data.height {height} --data.width {width}: --fit.warm-start {start} reads"
                f" {before.width} × {before.height} pixels; leave them out, or start anew"
            )
        return before
    return told or catalogue_format(catalogue)
