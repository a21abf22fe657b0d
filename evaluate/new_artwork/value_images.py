"""What images that nobody has shown would earn a title, as a bundle and its log see them."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float
from scipy.stats import norm

from data.catalogue import Catalogue
from data.days import EPOCH
from data.errors import BadInput
from data.images.cache import image_cache
from data.images.decode import load_image
from data.records import ARTWORKS
from evaluate.new_artwork.audience import NewMembers
from evaluate.new_artwork.foresight import ENOUGH, Belief
from evaluate.new_artwork.image_kinds import best_image_kinds, donors, image_kinds
from evaluate.new_artwork.records import (
    ArtworksToday,
    CurvePoint,
    ForesightRecord,
    ImageValue,
    NewArtwork,
    SegmentValue,
)
from evaluate.new_artwork.value import (
    Addition,
    HeadTakes,
    TitleToday,
    Z,
    greedy_order,
    probability_of_best,
    ratio_range,
    shrunk_differences,
)
from evaluate.new_artwork.what_is_known import TitleKnown
from evaluate.ope.paired_bootstrap import Range
from evaluate.policies.bundle_scores import BundleScores
from serve.scoring.scorer import Artworks, Scorer

STEP = 1 << 22
"""Takes worked out at a time."""


class PredictedTakes(NamedTuple):
    """Takes that a bundle predicts, of all that a title might show."""

    images: HeadTakes
    today: HeadTakes
    donors: Float[np.ndarray, "members donors"]
    """Of other titles' images in this title's place, the mean over heads."""
    artworks: list[str]
    """Of today."""
    donated: list[str]
    kinds: list[list[str]]
    """Of the donors."""


def value_images(
    scorer: Scorer,
    catalogue: Catalogue,
    title_id: int,
    images: Sequence[Path | str],
    audience: NewMembers,
    day: date,
    cache: Path | str,
    known: TitleKnown,
) -> NewArtwork:
    """Judge images as candidates of a title, for an audience.

    Args:
        scorer: of a bundle that reads pixels.
        catalogue: that has the title.
        title_id: what they are for.
        images: files, whose names must differ.
        audience: for whom.
        day: on which the title has what is called today's set.
        cache: folder for decoded images.
        known: of the title, from a log or from training.

    Raises:
        BadInput: no encoder, no artwork on that day, or an image that cannot be decoded, by name.
    """
    judged = _predicted(scorer, catalogue, title_id, images, audience, day, Path(cache))
    today = title_today(judged.today, judged.artworks, judged.donors, known)
    spread, share = known.foresight.spread, known.foresight.known(today.predicted_spread)
    values = [
        _image_value(str(path), judged.images[:, :, at], today, audience)
        for at, path in enumerate(images)
    ]
    gains = [today.adds(judged.donors[:, at]).value() for at in range(len(judged.donated))]
    return NewArtwork(
        today=ArtworksToday(
            judged.artworks,
            today.take,
            today.today,
            known.anchor,
            known.title.decisions if known.title else 0,
        ),
        images=sorted(values, key=lambda value: -value.adds.value),
        curve=_curve(today, judged.images.mean(1), [*map(str, images), *judged.artworks]),
        commission_next=best_image_kinds(judged.donated, judged.kinds, np.array(gains)),
        title=title_id,
        members=len(audience),
        foresight=ForesightRecord(share, spread, share * spread, known.foresight.artworks),
    )


def title_today(
    takes: HeadTakes,
    artworks: Sequence[str],
    others: Float[np.ndarray, "members donors"],
    known: TitleKnown,
) -> TitleToday:
    """A title's artwork before an audience, with what is known of it.

    Args:
        takes: that the bundle predicts for the artwork of today.
        artworks: their ids.
        others: predicted takes of other titles' images in its place, whose levels differ about as
            far as those of new artwork.
        known: of the title.
    """
    foresight, title = known.foresight, known.title
    everyone = takes.mean()
    foreseen = takes.mean((0, 1)) / everyone - 1
    seen, noise = np.zeros(len(artworks)), np.full(len(artworks), np.inf)
    if title is None:
        scale = Belief(1.0, 0.0)
    else:
        place = {known.artwork_ids[row]: at for at, row in enumerate(title.rows)}
        for at, name in enumerate(artworks):
            if name in place:
                seen[at] = title.artworks.seen[place[name]]
                noise[at] = title.artworks.noise[place[name]]
        scale = Belief(title.scale or title.take / everyone, title.deviation / title.take)
    levels, doubts = foresight.known_levels(foreseen, seen, noise)
    spread = foresight.predicted_spread
    if spread is None:
        spread = float((others.mean(0) / everyone).std()) if others.shape[1] >= ENOUGH else 0.0
    return TitleToday(takes, scale, levels, doubts, foresight, spread)


def _predicted(
    scorer: Scorer,
    catalogue: Catalogue,
    title_id: int,
    images: Sequence[Path | str],
    audience: NewMembers,
    day: date,
    cache: Path,
) -> PredictedTakes:
    shape = _image_size(scorer)
    fresh = np.stack([load_image(path, *shape) for path in images])
    decoded = image_cache(catalogue, cache, height=shape[0], width=shape[1], quiet=True)
    known = {artwork: row for row, artwork in enumerate(catalogue.artwork_ids)}
    today = catalogue.candidates(title_id, day)
    if not today:
        raise BadInput(
            f"--title {title_id} has no artwork on {day}, which new artwork is held against; give "
            "a --day on which it has"
        )
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
    scores = BundleScores(scorer, scorer.artworks(scorer.embed(pixels), catalogue.titles, table))
    own = _takes(scores, audience, 0, len(images) + len(today))
    return PredictedTakes(
        own[:, :, : len(images)],
        own[:, :, len(images) :],
        _mean_takes(scores, audience, len(images) + len(today)),
        list(today),
        old["artwork_id"].to_pylist()[len(today) :],
        image_kinds(old.slice(len(today)), pixels[len(images) + len(today) :]),
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


def _takes(scores: BundleScores, audience: NewMembers, first: int, last: int) -> HeadTakes:
    some = Artworks(*(part[first:last] for part in scores.artworks))
    return scores.head_takes(scores.members(audience.facts), some)


def _mean_takes(
    scores: BundleScores, audience: NewMembers, first: int
) -> Float[np.ndarray, "members others"]:
    """Predicted takes of artworks from the `first` on, the mean over heads."""
    count = len(scores.artworks.vectors)
    step = max(1, STEP // (len(audience) * scores.scorer.manifest.policy.heads))
    blocks = [_takes(scores, audience, at, at + step).mean(1) for at in range(first, count, step)]
    return np.concatenate([np.zeros((len(audience), 0)), *blocks], 1)


def _curve(
    today: TitleToday, images: Float[np.ndarray, "members images"], names: Sequence[str]
) -> list[CurvePoint]:
    """Value of the title by number of candidates, in the order of what each adds."""
    expected = np.concatenate([today.new(images), today.known], 1)
    return [
        CurvePoint(at, names[pick], pick < images.shape[1], value, gain)
        for at, (pick, value, gain) in enumerate(greedy_order(expected), start=1)
    ]


def _image_value(
    image: str,
    takes: Float[np.ndarray, "members heads"],
    today: TitleToday,
    audience: NewMembers,
) -> ImageValue:
    level, added = today.level(takes), today.adds(takes.mean(1))
    value, low, high = ratio_range(level, today.scale.deviation)
    title = today.take.value
    half = Z * today.doubt(added, level, slice(None))
    segments = _segments(added, level, today, audience)
    return ImageValue(
        image,
        ratio_range(level),
        title * value,
        title * low,
        title * high,
        _probability_of_best(takes, today),
        Range(added.value(), added.value() - half, added.value() + half),
        segments,
        sorted(
            (name for name, segment in segments.items() if segment.difference.low > 0),
            key=lambda name: -segments[name].difference.value,
        ),
    )


def _probability_of_best(takes: Float[np.ndarray, "members heads"], today: TitleToday) -> float:
    """What heads say counts as far as levels are known; for the rest all are as likely."""
    rivals = np.arange(today.takes.shape[2])
    together = np.concatenate([today.takes, takes[:, :, None]], 2)
    even = 1 / together.shape[2]
    by_heads = probability_of_best(together, rivals, len(rivals))
    return even + today.foresight.known(today.predicted_spread) * (by_heads - even)


def _segments(
    added: Addition, level: Belief, today: TitleToday, audience: NewMembers
) -> dict[str, SegmentValue]:
    parts = audience.parts()
    whole = added.value()
    differences, doubts = shrunk_differences(
        np.array([added.value(part) - whole for part in parts.values()]),
        np.array([today.difference_doubt(added, level, part) for part in parts.values()]),
    )
    # So that none of all parts is shown by chance more than once in twenty (Bonferroni).
    z = float(norm.isf(0.025 / max(1, len(parts))))
    return {
        name: SegmentValue(
            members=int(part.sum()),
            adds=whole + float(difference),
            difference=Range(
                float(difference), float(difference - z * doubt), float(difference + z * doubt)
            ),
        )
        for (name, part), difference, doubt in zip(parts.items(), differences, doubts, strict=True)
    }


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
