"""What in an image counts for a member: the score that it loses where a part of it is hidden.

Source: Zeiler and Fergus (2014), "Visualizing and Understanding Convolutional Networks",
section 4.2: occlusion. It asks the served graphs alone, whatever the eyes are.
"""

import io
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, UInt8
from PIL import Image

from data.errors import BadInput
from data.features import context_features
from data.records import TitleId
from serve.scoring.artwork_vectors import beside
from serve.scoring.scored import Artworks
from web.lab.looks import CatalogueLooks
from web.view.members import Member

PARTS, FEWEST = 84, 12
"""Parts of an image that are hidden one by one; on a slow machine fewer."""
BUDGET_S = 2.5
"""That an image may take."""
AT_ONCE = 12
KEPT = 32
"""Images of which what the eyes saw is kept: another member's map then takes no time."""
LARGE, PAPER = 640, 0.35
"""Pixels of a map's longer side; how far the grey picture under it is lightened."""
FOR, AGAINST = np.array([255.0, 140.0, 0.0]), np.array([30.0, 80.0, 255.0])
"""Colours of what counts for the image and against it: told apart by the colour-blind too."""
STRENGTH = 0.75
"""Of the colour, where a part counts most."""
ACROSS, DOWN = ("left", "middle", "right"), ("upper", "", "lower")


@dataclass(frozen=True)
class Saliency:
    """What each part of an image adds to its score for a member, in logits."""

    artwork_id: str
    lost: list[list[float]]
    """By row and column: the score of the whole image, less that with the part hidden."""
    score: float
    """Of the whole image, the mean over heads; only differences between a title's artworks say
    anything."""
    title_part: float
    """What the title itself adds for this member, whichever artwork is shown."""
    expected_take: float
    words: str
    """Where it is that counts most."""


class _Hidden(NamedTuple):
    """What the eyes see of an image, whole first, then with each part hidden."""

    artworks: Artworks
    rows: int
    columns: int


class Saliencies:
    """Maps of images, a few at a time in memory."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], _Hidden] = OrderedDict()
        self._one = Lock()

    def of(self, looks: CatalogueLooks, member: Member, title: TitleId, artwork: str) -> Saliency:
        """What counts in a title's artwork for a member.

        Raises:
            BadInput: the bundle reads no pixels, the title has no such artwork, or it has no image.
        """
        scorer = looks.scorer
        with self._one:  # as the lab: one at a time, so that live keeps its cores
            seen = self._seen(looks, title, artwork)
        members = scorer.members(context_features(scorer.spec, member.facts))
        scores = members.mean().every_score(seen.artworks)[0, 0]
        whole = seen.artworks.at(slice(0, 1))
        take = scorer.takes(members, Artworks(*(part[None] for part in whole)))[0, 0]
        lost = (scores[0] - scores[1:]).reshape(seen.rows, seen.columns)
        return Saliency(
            artwork,
            lost.tolist(),
            float(scores[0]),
            float(members.appeals[0] @ whole.appeals[0]),
            float(take),
            _where(lost),
        )

    def _seen(self, looks: CatalogueLooks, title: TitleId, artwork: str) -> _Hidden:
        key = (looks.scorer.bundle_id, artwork)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        made = _look(looks, title, artwork)
        self._kept[key] = made
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made


def picture_of(found: Saliency, pixels: UInt8[np.ndarray, "3 height width"]) -> bytes:
    """The image as a WebP file: in grey, orange where parts count for it, blue against it."""
    high, wide = pixels.shape[1:]
    scale = LARGE / max(high, wide)
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    large = Image.fromarray(pixels.transpose(1, 2, 0)).resize(size, Image.Resampling.BICUBIC)
    lost = np.array(found.lost, np.float32)
    share = lost / max(float(np.abs(lost).max()), 1e-9)
    smooth = Image.fromarray(share).resize(size, Image.Resampling.BICUBIC)
    share = np.clip(np.asarray(smooth), -1, 1)[..., None]
    grey = np.asarray(large.convert("L"), np.float32)[..., None]
    grey = grey * (1 - PAPER) + 255 * PAPER
    strength = STRENGTH * np.abs(share)
    mixed = (1 - strength) * grey + strength * np.where(share > 0, FOR, AGAINST)
    out = io.BytesIO()
    Image.fromarray(mixed.clip(0, 255).astype(np.uint8)).save(out, "WEBP", quality=82)
    return out.getvalue()


def _look(looks: CatalogueLooks, title: TitleId, artwork: str) -> _Hidden:
    if looks.shape is None:
        raise BadInput("the published bundle reads no pixels, so no part of an image counts")
    scorer, catalogue = looks.scorer, looks.catalogue
    row = next(
        (
            at
            for at, owner in zip(looks.rows.tolist(), looks.owners, strict=True)
            if catalogue.artwork_ids[at] == artwork and owner == title
        ),
        None,
    )
    if row is None:
        raise BadInput(f"title {title!r:.60} has no artwork {artwork!r:.60} with an image")
    pixels = looks.pixels(artwork)
    begun = time.perf_counter()
    scorer.embed(pixels[None])
    each = max(time.perf_counter() - begun, 1e-6)
    rows, columns = _grid(pixels, int(np.clip(BUDGET_S / each, FEWEST, PARTS)))
    every = _hidden(pixels, rows, columns)
    parts = [scorer.embed(every[at : at + AT_ONCE]) for at in range(0, len(every), AT_ONCE)]
    same = np.full(len(every), row)
    embeddings = beside(scorer, catalogue, np.concatenate(parts), same)
    of_title = np.array([one == title for one in catalogue.title_ids])
    titles = catalogue.titles.filter(pa.array(of_title))
    artworks = scorer.artworks(embeddings, titles, catalogue.artworks.take(pa.array(same)))
    return _Hidden(artworks, rows, columns)


def _grid(pixels: UInt8[np.ndarray, "3 height width"], parts: int) -> tuple[int, int]:
    """Rows and columns of about so many parts, as square as may be."""
    high, wide = pixels.shape[1:]
    columns = max(1, round((parts * wide / high) ** 0.5))
    return max(1, parts // columns), columns


def _hidden(
    pixels: UInt8[np.ndarray, "3 height width"], rows: int, columns: int
) -> UInt8[np.ndarray, "pictures 3 height width"]:
    """The image, and with each part and half of its neighbours under the mean colour."""
    high, wide = pixels.shape[1:]
    mean = pixels.mean((1, 2)).round().astype(np.uint8)[:, None, None]
    made = np.repeat(pixels[None], rows * columns + 1, axis=0)
    tall, broad = high / rows, wide / columns
    for row in range(rows):
        for column in range(columns):
            down = slice(max(0, round((row - 0.5) * tall)), round((row + 1.5) * tall))
            across = slice(max(0, round((column - 0.5) * broad)), round((column + 1.5) * broad))
            made[1 + row * columns + column, :, down, across] = mean
    return made


def _where(lost: Float[np.ndarray, "rows columns"]) -> str:
    """Where the part is that counts most, in words."""
    best = float(lost.max())
    if best <= 0:
        return "no part of it counts for it"
    row, column = np.unravel_index(int(lost.argmax()), lost.shape)
    down = DOWN[min(2, int(3 * (row + 0.5) / lost.shape[0]))]
    across = ACROSS[min(2, int(3 * (column + 0.5) / lost.shape[1]))]
    place = f"the {down} {across}".replace("  ", " ")
    return f"{place} counts most: hidden, it costs {best:.2f} logits"
