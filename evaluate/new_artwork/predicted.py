"""What a bundle predicts of all that a title might show: new images, its own, and other titles'."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from data.catalogue import Catalogue
from data.days import EPOCH
from data.errors import BadInput
from data.images.cache import image_cache
from data.images.decode import load_image
from data.images.format import ImageFormat
from data.records import ARTWORKS, TitleId, titles_as, titles_like
from evaluate.new_artwork.audience import NewMembers
from evaluate.new_artwork.image_kinds import donors, image_kinds
from evaluate.new_artwork.value import HeadTakes
from evaluate.policies.bundle_scores import BundleScores
from serve.scoring.artwork_vectors import embedded, refuse_pixels_alone
from serve.scoring.scorer import Scorer

STEP = 1 << 22
"""Takes worked out at a time."""


class PredictedTakes(NamedTuple):
    """Takes that a bundle predicts, of all that a title might show."""

    images: HeadTakes
    today: HeadTakes
    looks: Float[np.ndarray, "members today"]
    """Of the same by looks alone, the mean over heads."""
    donors: Float[np.ndarray, "members donors"]
    """Of other titles' images in this title's place, the mean over heads."""
    artworks: list[str]
    """Of today."""
    donated: list[str]
    kinds: list[list[str]]
    """Of the donors."""


def predicted_takes(
    scorer: Scorer,
    catalogue: Catalogue,
    title_id: TitleId,
    images: Sequence[Path | str],
    audience: NewMembers,
    day: date,
    cache: Path,
) -> PredictedTakes:
    """Of images as candidates of a title, for an audience; see `value_images`."""
    shape = _image_format(scorer)
    refuse_pixels_alone(scorer)
    fresh = np.stack([load_image(path, shape) for path in images])
    decoded = image_cache(catalogue, cache, shape, quiet=True, leave_out=True)
    known = {artwork: row for row, artwork in enumerate(catalogue.artwork_ids)}
    today = [name for name in catalogue.candidates(title_id, day) if name in decoded.rows]
    if not today:
        raise BadInput(
            f"--title {title_id} has no artwork on {day} that has an image, which new artwork is "
            "held against; give a --day on which it has"
        )
    others = donors(catalogue, title_id, decoded.refused)
    rows = np.array([*(known[artwork] for artwork in today), *others], np.int64)
    old = catalogue.artworks.take(pa.array(rows))
    places = decoded.of(old["artwork_id"].to_pylist())
    # The others are judged like the new ones, by what they show: untagged.
    table = pa.concat_tables(
        [
            _untagged([Path(path).name for path in images], title_id),
            old.slice(0, len(today)).cast(titles_like(ARTWORKS, old.schema)),
            _untagged(old["path"].to_pylist(), title_id),
        ]
    )
    known_too = len(images) + len(today)
    seen = embedded(scorer, decoded.images, places, cache)
    looks = np.concatenate([scorer.embed(fresh), seen[: len(today)], seen])
    scores = BundleScores(scorer, scorer.artworks(looks, catalogue.titles, table))
    own = _takes(scores, audience, 0, known_too)
    others_too = _mean_takes(scores, audience, known_too)
    return PredictedTakes(
        own[:, :, : len(images)],
        own[:, :, len(images) :],
        others_too[:, : len(today)],
        others_too[:, len(today) :],
        list(today),
        old["artwork_id"].to_pylist()[len(today) :],
        image_kinds(old.slice(len(today)), decoded.images[places[len(today) :]]),
    )


def _image_format(scorer: Scorer) -> ImageFormat:
    """Of the pictures that the bundle reads."""
    size = scorer.manifest.image
    if size is None:
        raise BadInput(
            f"bundle {scorer.bundle_id} reads no pixels, so it cannot judge images; give one that "
            "was trained on them"
        )
    return size


def _takes(scores: BundleScores, audience: NewMembers, first: int, last: int) -> HeadTakes:
    some = scores.artworks.at(slice(first, last))
    return scores.head_takes(scores.members(audience.facts), some)


def _mean_takes(
    scores: BundleScores, audience: NewMembers, first: int
) -> Float[np.ndarray, "members others"]:
    """Predicted takes of artworks from the `first` on, the mean over heads."""
    count = len(scores.artworks.vectors)
    step = max(1, STEP // (len(audience) * scores.scorer.manifest.policy.heads))
    blocks = [_takes(scores, audience, at, at + step).mean(1) for at in range(first, count, step)]
    return np.concatenate([np.zeros((len(audience), 0)), *blocks], 1)


def _untagged(paths: Sequence[str], title_id: TitleId) -> pa.Table:
    """Rows of artworks of a title that nobody has tagged."""
    rows = [
        {
            "artwork_id": f"new {at}",
            "title_id": title_id,
            "path": path,
            "added_day": EPOCH,
            "withdrawn_day": None,
            "cast_shown": None,
            "tone": None,
        }
        for at, path in enumerate(paths)
    ]
    kind = pa.string() if isinstance(title_id, str) else pa.int64()
    return pa.Table.from_pylist(rows, titles_as(ARTWORKS, kind))
