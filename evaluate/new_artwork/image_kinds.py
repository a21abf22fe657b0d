"""Which kind of image a title lacks: told by images of other titles, put in its place.

Each is scored as if it were the title's own, and kinds are compared by what their images would add.
Kinds come from pixels, which every image has, and from tags, where somebody tagged.
"""

from collections.abc import Container, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int, UInt8

from data.catalogue import Catalogue
from data.records import TitleId

LEAST = 5
"""Images below which a kind is not reported."""
MOST = 300
"""Images that stand for all."""
CAST_SHOWN = ("nobody of the cast", "one of the cast alone", "several of the cast")
"""By how many of the cast a tag names."""


class ImageKind(NamedTuple):
    """A kind of image and what one of it would add."""

    kind: str
    images: int
    gain: float
    """Mean over its images."""
    low: float
    high: float
    best: str
    """The artwork that would add most, as an example to look at."""


def donors(
    catalogue: Catalogue, title_id: TitleId, left_out: Container[str] = ()
) -> Int[np.ndarray, " donors"]:
    """Catalogue rows of other titles' images, of those nearest in genre first, then in file order.

    An image of another genre would promise what the title is not. Artworks of `left_out` have none.
    """
    genres = dict(
        zip(catalogue.title_ids, map(set, catalogue.titles["genres"].to_pylist()), strict=True)
    )
    owners = catalogue.artworks["title_id"].to_pylist()
    mine = genres[title_id]
    near = [len(mine & genres[o]) / max(1, len(mine | genres[o])) for o in owners]
    rows = [
        row
        for row, (owner, name) in enumerate(zip(owners, catalogue.artwork_ids, strict=True))
        if owner != title_id and name not in left_out
    ]
    return np.array(sorted(rows, key=lambda row: -near[row])[:MOST], np.int64)


def image_kinds(
    artworks: pa.Table, images: UInt8[np.ndarray, "artworks 3 height width"]
) -> list[list[str]]:
    """Kinds that each image is of: light and colour by its pixels, tone and cast by its tags."""
    pixels = images.reshape(*images.shape[:2], -1).mean(-1)
    light = pixels.mean(-1)
    warmth = pixels[:, 0] - pixels[:, 2]
    colour = [
        f"{'bright' if bright else 'dark'}, {'warm' if warm else 'cool'} picture"
        for bright, warm in zip(light > np.median(light), warmth > np.median(warmth), strict=True)
    ]
    kinds = [[name] for name in colour]
    columns = (artworks["cast_shown"].to_pylist(), artworks["tone"].to_pylist())
    for row, (cast, tone) in enumerate(zip(*columns, strict=True)):
        if cast is not None:
            kinds[row].append(CAST_SHOWN[min(len(cast), 2)])
        if tone is not None:
            kinds[row].append(f"tone: {tone}")
    return kinds


def best_image_kinds(
    names: Sequence[str], kinds: Sequence[Sequence[str]], gains: Float[np.ndarray, " artworks"]
) -> list[ImageKind]:
    """Kinds by what one more image of them would add, the best first, with 95% intervals."""
    ranked = []
    for kind in sorted({kind for each in kinds for kind in each}):
        rows = np.array([row for row, each in enumerate(kinds) if kind in each])
        if len(rows) < LEAST:
            continue
        mine = gains[rows]
        half = float(1.96 * mine.std(ddof=1) / np.sqrt(len(mine)))
        mean = float(mine.mean())
        example = names[int(rows[mine.argmax()])]
        ranked.append(ImageKind(kind, len(rows), mean, mean - half, mean + half, example))
    return sorted(ranked, key=lambda kind: -kind.gain)
