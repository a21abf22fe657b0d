"""What a network is trained on of pictures: pixels, or what eyes that learn nothing say."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import image_cache
from data.images.format import ImageFormat
from model.eyes.frozen_encoder import FrozenEncoder, look
from model.eyes.open_eyes import (
    AUTO,
    GIVEN,
    INSTEAD_OF_PIXELS,
    Eyes,
    chosen_encoder,
    is_frozen,
    reads_given,
)
from model.eyes.simple_numbers import LEAST_SIDE
from model.network.image_encoder import SIMPLE
from model.pictures.image_format import format_words, image_format
from model.training.settings import Settings


class TrainingPictures(NamedTuple):
    """What a network reads of artwork."""

    images: np.ndarray
    """uint8 pixels, or float32 embeddings in their place."""
    image_row: Int[np.ndarray, " artworks"]
    """Row of each artwork, in the catalogue's order; -1: its image cannot be had."""
    format: ImageFormat | None = None
    """Of the images; None: embeddings came with the catalogue."""
    left_out: Mapping[str, str] = MappingProxyType({})
    """artwork_id → why its image cannot be had."""
    other_canvas: int = 0
    """Artworks that lack the format's canvas, and are read as another of theirs."""
    frozen: FrozenEncoder | None = None
    """What the embeddings come from; None: pixels are learnt from, or embeddings were given."""
    given: int = 0
    """Numbers at the end of embeddings that came with the catalogue, beside what was seen."""

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """Name and width of each part of the embeddings, where they have parts."""
        if self.frozen is None:
            return ()
        return (*self.frozen.groups, *([(GIVEN, self.given)] if self.given else []))


def with_encoder(settings: Settings, say: Callable[[str], None] = lambda _: None) -> Settings:
    """The same settings with an encoder by name: who goes on from a bundle sees as it does.

    Args:
        settings: of the run.
        say: where it goes what was chosen.

    Raises:
        BadInput: another is told than the bundle has that training starts from.
    """
    model, start = settings.model, settings.fit.warm_start
    before = start or settings.increment.of
    if before is None:
        name, words = chosen_encoder(model.encoder, model.weights)
        if words is not None:
            say(words)
    else:
        held = encoder_of(Bundle.open(before))
        name = held if model.encoder == AUTO else model.encoder
        told = {held, name} <= set(INSTEAD_OF_PIXELS)
        if start is not None and name != held and not told:
            raise BadInput(
                f"--model.encoder {name}: --fit.warm-start {start} sees through {held}; leave it "
                "out, or start anew"
            )
    return replace(settings, model=replace(model, encoder=name))


def encoder_of(bundle: Bundle) -> str:
    """The name of a bundle's encoder, as `--model.encoder` takes it."""
    if bundle.manifest.image is None:
        return GIVEN
    name = (bundle.manifest.network or {}).get("encoder")
    return name if isinstance(name, str) and name != "unknown" else "cnn"


def training_pictures(
    settings: Settings, catalogue: Catalogue, say: Callable[[str], None] = lambda _: None
) -> TrainingPictures:
    """The catalogue's pictures, or its embeddings where the encoder is `features`.

    Args:
        settings: of the run, with an encoder by name.
        catalogue: whose pictures.
        say: where progress goes.

    Raises:
        BadInput: no picture can be had, or eyes that cannot be opened.
    """
    model, cache = settings.model, Path(settings.data.cache)
    given = catalogue.embeddings if reads_given(model.encoder) else None
    if given is None and reads_given(model.encoder):
        raise BadInput(
            f"--model.encoder {model.encoder} needs {catalogue.root}/embeddings.npy: float32, a "
            "row an artwork; or train on images alone, with --model.encoder auto"
        )
    if model.encoder == GIVEN and given is not None:
        return TrainingPictures(given, np.arange(len(given)))
    start = None if settings.fit.warm_start is None else Bundle.open(settings.fit.warm_start)
    other = start is not None and encoder_of(start) != model.encoder
    frozen = is_frozen(model.encoder) and not other  # which is refused or trained anew later
    eyes = Eyes.named(model.encoder, model.weights) if frozen and start is None else None
    shape = image_format(settings, catalogue, eyes)
    if f"+{SIMPLE}" in model.encoder and min(shape.height, shape.width) < LEAST_SIDE:
        raise BadInput(
            f"images of {shape.width} × {shape.height} pixels are too small for {SIMPLE}, which "
            f"needs sides of {LEAST_SIDE} at least; give larger --data.height and --data.width"
        )
    say("\n".join(format_words(shape, catalogue)))
    cached = image_cache(catalogue, cache, shape, leave_out=True)
    rows = np.array([cached.rows.get(name, -1) for name in catalogue.artwork_ids], np.int64)
    left_out = cached.refused, len(cached.other_canvas)
    if not frozen:
        return TrainingPictures(cached.images, rows, shape, *left_out)
    wanted, place = np.unique(rows[rows >= 0], return_inverse=True)
    if eyes is None:
        assert start is not None
        encoder = FrozenEncoder.of_bundle(start)
        embeddings = encoder.embed(cached.images, wanted, cache)
    else:
        looked = look(eyes, shape, cached.images, wanted, cache, model.directions)
        encoder, embeddings = looked.encoder, looked.embeddings
        groups = ", ".join(f"{width} of {name}" for name, width in encoder.groups)
        say(f"{looked.numbers:,} numbers of each picture; their leading directions: {groups}")
    at = np.full(len(rows), -1)
    at[rows >= 0] = place
    if given is None:
        return TrainingPictures(embeddings, at, shape, *left_out, encoder)
    say("numbers of embeddings.npy beside pixels: an image alone cannot be judged by the bundle")
    whole = np.concatenate([embeddings[at], given], 1)
    at[rows >= 0] = np.flatnonzero(rows >= 0)
    return TrainingPictures(whole, at, shape, *left_out, encoder, given.shape[1])
