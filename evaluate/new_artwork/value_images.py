"""What images that nobody has shown would earn a title, as a bundle's heads see them."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.catalogue import Catalogue
from data.days import EPOCH
from data.errors import BadInput
from data.images.cache import image_cache
from data.images.decode import load_image
from data.records import ARTWORKS
from evaluate.new_artwork.audience import NewMembers
from evaluate.new_artwork.image_kinds import best_image_kinds, donors, image_kinds
from evaluate.new_artwork.records import (
    ArtworksToday,
    CurvePoint,
    ImageValue,
    NewArtwork,
    SegmentValue,
)
from evaluate.new_artwork.value import (
    HeadTakes,
    expected_take,
    gain,
    greedy_order,
    mean_gains,
    over_heads,
    probability_of_best,
    title_values,
)
from evaluate.policies.bundle_scores import BundleScores
from serve.scoring.scorer import Artworks, Scorer

STEP = 1 << 22
"""Takes worked out at a time."""


def value_images(
    scorer: Scorer,
    catalogue: Catalogue,
    title_id: int,
    images: Sequence[Path | str],
    audience: NewMembers,
    day: date,
    cache: Path | str,
) -> NewArtwork:
    """Score images as candidates of a title, for an audience.

    Args:
        scorer: of a bundle that reads pixels.
        catalogue: that has the title.
        title_id: what they are for.
        images: files, whose names must differ.
        audience: for whom.
        day: on which the title has what is called today's set.
        cache: folder for decoded images.

    Raises:
        BadInput: no such title, no encoder, or an image that cannot be decoded, by name.
    """
    if title_id not in catalogue.title_ids:
        raise BadInput(f"--title {title_id}: it is not in the catalogue {catalogue.root}")
    shape = _image_size(scorer)
    fresh = np.stack([load_image(path, *shape) for path in images])
    decoded = image_cache(catalogue, Path(cache), height=shape[0], width=shape[1], quiet=True)
    known = {artwork: row for row, artwork in enumerate(catalogue.artwork_ids)}
    today = catalogue.candidates(title_id, day)
    others = donors(catalogue, title_id)
    rows = np.array([*(known[artwork] for artwork in today), *others], np.int64)
    old = catalogue.artworks.take(pa.array(rows))
    pixels = np.concatenate([fresh, decoded.images[decoded.of(old["artwork_id"].to_pylist())]])
    # The others are judged like the new ones, by what they show: untagged.
    table = pa.concat_tables(
        [
            _untagged([Path(path).name for path in images], title_id),
            old.slice(0, len(today)).cast(ARTWORKS),
            _untagged(old["path"].to_pylist()[len(today) :], title_id),
        ]
    )
    scored = scorer.artworks(scorer.embed(pixels), catalogue.titles, table)
    names = [*map(str, images), *today]
    own = slice(0, len(names))
    takes = _takes(scorer, audience, Artworks(*(part[own] for part in scored)))
    now = np.arange(len(images), len(names))
    gains = _gains(scorer, audience, scored, takes[:, :, now].mean(1), len(names))
    kinds = image_kinds(old.slice(len(today)), pixels[len(names) :])
    donated = old["artwork_id"].to_pylist()[len(today) :]
    values = [_image_value(str(path), at, takes, now, audience) for at, path in enumerate(images)]
    return NewArtwork(
        today=ArtworksToday(today, *over_heads(title_values(takes, now))),
        images=sorted(values, key=lambda value: -value.adds.value),
        curve=_curve(takes, names, today),
        commission_next=best_image_kinds(donated, kinds, gains),
        title=title_id,
        members=len(audience),
    )


def _image_size(scorer: Scorer) -> tuple[int, int]:
    """Height and width that the bundle reads."""
    size = scorer.manifest.image
    if size is None:
        raise BadInput(
            f"bundle {scorer.bundle_id} reads no pixels, so it cannot judge images; give one that "
            "was trained on them"
        )
    return size.height, size.width


def _curve(takes: HeadTakes, names: Sequence[str], today: Sequence[str]) -> list[CurvePoint]:
    """Value of the title by number of candidates, in the order of what each adds."""
    return [
        CurvePoint(
            at, names[added.artwork], names[added.artwork] not in today, *added.value, added.gain
        )
        for at, added in enumerate(greedy_order(takes), start=1)
    ]


def _takes(scorer: Scorer, audience: NewMembers, artworks: Artworks) -> HeadTakes:
    scores = BundleScores(scorer, artworks)
    return scores.head_takes(scores.members(audience.facts), artworks)


def _gains(
    scorer: Scorer,
    audience: NewMembers,
    artworks: Artworks,
    today: Float[np.ndarray, "members some"],
    first: int,
) -> Float[np.ndarray, " others"]:
    """What each artwork from the `first` on would add, in the mean over heads."""
    heads = scorer.manifest.policy.heads
    step = max(1, STEP // (len(audience) * heads))
    gains = [np.zeros(0)]
    for at in range(first, len(artworks.vectors), step):
        block = Artworks(*(part[at : at + step] for part in artworks))
        mean = _takes(scorer, audience, block).mean(1)
        both = np.concatenate([today, mean], axis=1)[:, None]
        rows: Int[np.ndarray, " some"] = np.arange(today.shape[1])
        gains.append(mean_gains(both, rows)[today.shape[1] :])
    return np.concatenate(gains)


def _image_value(
    image: str, at: int, takes: HeadTakes, now: Int[np.ndarray, " some"], audience: NewMembers
) -> ImageValue:
    segments = {
        name: SegmentValue(
            members=int(part.sum()),
            expected_take=expected_take(takes[part], at).value,
            probability_of_best=probability_of_best(takes[part], now, at),
            adds=gain(takes[part], now, at).value,
        )
        for name, part in audience.parts().items()
    }
    best = probability_of_best(takes, now, at)
    return ImageValue(image, *expected_take(takes, at), best, gain(takes, now, at), segments)


def _untagged(paths: Sequence[str], title_id: int) -> pa.Table:
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
    return pa.Table.from_pylist(rows, ARTWORKS)
