"""What a bundle says of a catalogue's artworks; an image is embedded once per encoder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import ImageCache, image_cache
from data.images.canvases import other_canvas_words
from data.images.vector_cache import VectorCache
from data.pictures import MAIN
from serve.scoring.scored import Artworks
from serve.scoring.scorer import Scorer


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
    asked = np.array([rows[artwork] for artwork in artwork_ids], np.int64)
    # Whatever is asked for, names are known by all tagged pictures of the catalogue.
    read_outs, tags = scorer.read_outs, catalogue.artworks["cast_shown"]
    tagged = np.asarray(tags.is_valid()) & (read_outs is not None)
    size = scorer.manifest.image
    if size is None:
        own = _catalogue_embeddings(scorer, catalogue)
        at = np.union1d(asked, np.flatnonzero(tagged))
        embeddings = own[at]
    else:
        cached = images or image_cache(catalogue, cache, size, quiet=True)
        there = np.array([name in cached.rows for name in catalogue.artwork_ids], bool)
        at = np.union1d(asked, np.flatnonzero(tagged & there))
        names = [catalogue.artwork_ids[row] for row in at]
        seen = embedded(scorer, cached.images, cached.of(names), cache)
        refuse_no_numbers(scorer, seen, names)
        embeddings = beside(scorer, catalogue, seen, at)
    titles, artworks, known = catalogue.titles, catalogue.artworks, tagged[at]
    gallery = None
    if read_outs is not None:
        by_tags = artworks.take(pa.array(at[known]))
        gallery = read_outs.gallery_of(embeddings[known], scorer.spec, titles, by_tags)
    embeddings = embeddings[np.searchsorted(at, asked)]
    return scorer.artworks(embeddings, titles, artworks.take(pa.array(asked)), gallery)


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
            f"bundle {scorer.bundle_id} was trained on embeddings that come with the catalogue, "
            f"and {catalogue.root} has no embeddings.npy; add it with a row for each artwork"
        )
    return embeddings


def refuse_pixels_alone(scorer: Scorer) -> None:
    """Refuse to judge an image of which nothing is known but its pixels.

    Raises:
        BadInput: the bundle reads more.
    """
    if given := scorer.widths[1]:
        raise BadInput(
            f"bundle {scorer.bundle_id} reads {given} numbers of each artwork that come with the "
            "catalogue (embeddings.npy), so it cannot judge an image alone; train without "
            "features in --model.encoder for one that can"
        )


def refuse_no_numbers(
    scorer: Scorer, seen: Float[np.ndarray, "artworks embedding"], names: Sequence[str]
) -> None:
    """Refuse what an encoder says of a picture that is no number: nothing could be chosen by it.

    Args:
        scorer: whose encoder it is.
        seen: by it.
        names: artwork_id of each, or the file.

    Raises:
        BadInput: with the first of them.
    """
    wrong = np.flatnonzero(~np.isfinite(seen).all(1))
    if len(wrong):
        raise BadInput(
            f"the encoder of bundle {scorer.bundle_id} says no number of {names[int(wrong[0])]}, "
            f"and of {len(wrong):,} of {len(seen):,} pictures in all; give that artwork another "
            "picture, or train on an --model.encoder that can read it"
        )


def embedded(
    scorer: Scorer, images: np.ndarray, rows: Int[np.ndarray, " artworks"], cache: Path
) -> Float[np.ndarray, "artworks pixel_embedding"]:
    """Embeddings of some rows of an image cache, in their order; only unseen ones are computed.

    Args:
        scorer: of a bundle that reads pixels.
        images: pixels of its size.
        rows: of these.
        cache: folder in which embeddings are kept.
    """
    version = scorer.manifest.encoder_version or scorer.bundle_id
    held = VectorCache(cache, version, scorer.widths[0])
    return held.rows(images, rows, scorer.embed).of()


def beside(
    scorer: Scorer,
    catalogue: Catalogue,
    seen: Float[np.ndarray, "artworks pixel_embedding"],
    rows: Int[np.ndarray, " artworks"],
) -> Float[np.ndarray, "artworks embedding"]:
    """What was seen of artworks, and what the catalogue gives beside it where a bundle reads that.

    Args:
        scorer: of the bundle.
        catalogue: that the artworks are of.
        seen: embeddings of their pixels.
        rows: of the artworks in the catalogue.

    Raises:
        BadInput: the catalogue gives nothing, or numbers of another width.
    """
    wanted = scorer.widths[1]
    if not wanted:
        return seen
    given = _catalogue_embeddings(scorer, catalogue)
    if given.shape[1] != wanted:
        raise BadInput(
            f"{catalogue.root}/embeddings.npy has {given.shape[1]} numbers an artwork, and bundle "
            f"{scorer.bundle_id} was trained with {wanted}; give the same ones, or train again"
        )
    return np.concatenate([seen, given[rows]], 1)
