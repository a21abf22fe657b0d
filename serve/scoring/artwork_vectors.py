"""What a bundle says of a catalogue's artworks; an image is embedded once per encoder."""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.atomic_write import whole_file
from data.catalogue import Catalogue
from data.errors import BadInput, warn_of_cache
from data.images.cache import ImageCache, image_cache
from data.images.canvases import other_canvas_words
from data.pictures import MAIN
from serve.scoring.scored import Artworks
from serve.scoring.scorer import BATCH, Scorer


class Shown(NamedTuple):
    """Of a catalogue what can be shown: an image that cannot be had costs its artworks alone."""

    catalogue: Catalogue
    """As it was read."""
    artworks: pa.Table
    """Those that there are images of, or embeddings."""
    images: ImageCache | None
    """Decoded at the bundle's size; None: the bundle takes embeddings."""
    canvas: str = MAIN
    """That the bundle reads."""

    @property
    def left_out(self) -> Mapping[str, str]:
        """artwork_id → why it cannot be shown."""
        return self.images.refused if self.images is not None else {}

    @property
    def other_canvas(self) -> Mapping[str, str]:
        """artwork_id → the canvas that it is read as, of those that lack the bundle's."""
        return self.images.other_canvas if self.images is not None else {}

    @property
    def canvas_words(self) -> list[str]:
        """What is said of these; see `data.images.canvases`."""
        return other_canvas_words(self.canvas, self.other_canvas)

    @classmethod
    def of(cls, scorer: Scorer, catalogue: Catalogue, cache: Path) -> "Shown":
        """Decode a catalogue's images for a bundle.

        Args:
            scorer: of the bundle.
            catalogue: to be shown.
            cache: of decoded images.
        """
        size = scorer.manifest.image
        if size is None:
            return cls(catalogue, catalogue.artworks, None)
        decoded = image_cache(catalogue, cache, size, quiet=True, leave_out=True)
        there = np.array([name in decoded.rows for name in catalogue.artwork_ids], bool)
        shown = catalogue.artworks.filter(pa.array(there))
        return cls(catalogue, shown, decoded, size.canvas)


def scored_artworks(
    scorer: Scorer,
    catalogue: Catalogue,
    artwork_ids: Sequence[str],
    cache: Path,
    images: ImageCache | None = None,
) -> Artworks:
    """What a bundle says of artworks of a catalogue, in the order asked for.

    Embeddings are kept in `cache` by encoder and pixels. A bundle without encoder takes the
    catalogue's own embeddings.

    Args:
        scorer: of the bundle.
        catalogue: that the artworks are of.
        artwork_ids: of the artworks.
        cache: of decoded images and embeddings.
        images: decoded already; None: they are decoded now, and must all be there.

    Raises:
        BadInput: an image cannot be decoded, or embeddings are missing or of another width.
    """
    rows = {artwork: row for row, artwork in enumerate(catalogue.artwork_ids)}
    at = np.array([rows[artwork] for artwork in artwork_ids], np.int64)
    size = scorer.manifest.image
    if size is None:
        embeddings = _catalogue_embeddings(scorer, catalogue)[at]
    else:
        cached = images or image_cache(catalogue, cache, size, quiet=True)
        embeddings = _embeddings(scorer, cached.images, cached.of(artwork_ids), cache)
    return scorer.artworks(embeddings, catalogue.titles, catalogue.artworks.take(pa.array(at)))


def _catalogue_embeddings(
    scorer: Scorer, catalogue: Catalogue
) -> Float[np.ndarray, "artworks embedding"]:
    """The catalogue's own embeddings.

    Raises:
        BadInput: it has none.
    """
    embeddings = catalogue.embeddings
    if embeddings is None:
        raise BadInput(
            f"bundle {scorer.bundle_id} was trained on embeddings in place of images, "
            f"and {catalogue.root} has no embeddings.npy; add it with a row for each artwork"
        )
    return embeddings


def _embeddings(
    scorer: Scorer, images: np.ndarray, rows: Int[np.ndarray, " artworks"], cache: Path
) -> Float[np.ndarray, "artworks embedding"]:
    """Embeddings of some rows of the image cache, in their order; only unseen ones are computed."""
    wanted, back = np.unique(rows, return_inverse=True)
    names = [hashlib.blake2b(images[row].tobytes(), digest_size=16).hexdigest() for row in wanted]
    version = scorer.manifest.encoder_version or scorer.bundle_id
    file = cache / f"embeddings-{version[:16]}.npz"
    known = _cached(file)
    missing = [at for at, name in enumerate(names) if name not in known]
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        embedded = scorer.embed(np.ascontiguousarray(images[wanted[batch]]))
        known |= zip((names[at] for at in batch), embedded, strict=True)
    if missing:
        try:
            with whole_file(file) as part, part.open("wb") as opened:
                embeddings = np.stack(list(known.values()))
                np.savez(opened, names=np.array(list(known)), embeddings=embeddings)
        except OSError as error:
            warn_of_cache(cache, error)
    return np.stack([known[name] for name in names])[back]


def _cached(file: Path) -> dict[str, np.ndarray]:
    """Embeddings that were made before, by the hash of the pixels; none of a damaged file."""
    try:
        with np.load(file) as held:
            return dict(zip(held["names"].tolist(), held["embeddings"], strict=True))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        return {}
