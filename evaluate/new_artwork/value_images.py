"""What images that nobody has shown would earn a title, as a bundle and its log see them."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import norm, t

from data.catalogue import Catalogue
from data.records import TitleId
from data.schema import read_schema
from evaluate.new_artwork.audience import NewMembers, own_parts
from evaluate.new_artwork.contrasts import (
    FEWEST,
    contrasts,
    reach,
    usual_new_reach,
    usual_reach,
)
from evaluate.new_artwork.foresight import ENOUGH, PRIOR_ARTWORKS, Belief, Foresight
from evaluate.new_artwork.image_kinds import best_image_kinds
from evaluate.new_artwork.predicted import PredictedTakes, predicted_takes
from evaluate.new_artwork.records import (
    ArtworksToday,
    CurvePoint,
    ForesightRecord,
    ImageValue,
    NewArtwork,
    SegmentValue,
)
from evaluate.new_artwork.value import (
    FEW,
    Addition,
    TitleToday,
    Z,
    greedy_order,
    probability_of_best,
    ratio_range,
    shrunk_differences,
)
from evaluate.new_artwork.what_is_known import TitleKnown
from evaluate.ope.paired_bootstrap import Range
from serve.scoring.scorer import Scorer

Part = Bool[np.ndarray, " members"]


def value_images(
    scorer: Scorer,
    catalogue: Catalogue,
    title_id: TitleId,
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
    judged = predicted_takes(scorer, catalogue, title_id, images, audience, day, Path(cache))
    today = title_today(judged, known)
    share = known.foresight.known(today.predicted_spread)
    parts = audience.parts() | own_parts(audience, read_schema(catalogue.root))
    values = [
        _image_value(str(path), judged.images[:, :, at], today, parts, judged.artworks)
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
        foresight=_foresight_record(known.foresight, share),
    )


def _foresight_record(foresight: Foresight, share: float) -> ForesightRecord:
    value, deviation = foresight.personal.new
    personal = Range(value, value - Z * deviation, value + Z * deviation)
    spread = foresight.spread
    return ForesightRecord(share, spread, share * spread, foresight.artworks, personal)


def title_today(judged: PredictedTakes, known: TitleKnown) -> TitleToday:
    """A title's artwork before an audience, with what is known of it.

    The levels of other titles' images in its place differ about as far as those of new artwork.
    """
    takes, artworks, others = judged.today, judged.artworks, judged.donors
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
    means = takes.mean((1, 2))
    enough = len(artworks) >= FEWEST
    reaches = reach(contrasts(judged.looks if enough else others, means), means)
    usual = usual_new_reach(reaches) if enough else usual_reach(reaches)
    return TitleToday(takes, scale, levels, doubts, foresight, spread, usual)


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
    parts: Mapping[str, Part],
    artworks: Sequence[str],
) -> ImageValue:
    level, added = today.level(takes), today.adds(takes.mean(1))
    value, low, high = ratio_range(level, today.scale.deviation)
    title = today.take.value
    half = FEW * today.doubt(added, level, slice(None))
    segments = _segments(added, level, today, parts)
    return ImageValue(
        image,
        ratio_range(level),
        float(title * value),
        float(title * low),
        float(title * high),
        _probability_of_best(takes, today),
        dict(zip(artworks, beats(level, today).tolist(), strict=True)),
        Range(added.value(), added.value() - half, added.value() + half),
        segments,
        sorted(
            (name for name, segment in segments.items() if segment.difference.low > 0),
            key=lambda name: -segments[name].difference.value,
        ),
    )


def beats(level: Belief, today: TitleToday) -> Float[np.ndarray, " known"]:
    """Probability that an image of this level earns more than each artwork of today, shown to all.

    Levels are believed with tails as wide as those of their intervals.
    """
    apart = np.hypot(level.deviation, today.doubts)
    ahead = level.value - today.levels
    return t.cdf(ahead / np.maximum(apart, 1e-12), PRIOR_ARTWORKS)


def _probability_of_best(takes: Float[np.ndarray, "members heads"], today: TitleToday) -> float:
    """What heads say counts as far as levels are known; for the rest all are as likely."""
    rivals = np.arange(today.takes.shape[2])
    together = np.concatenate([today.takes, takes[:, :, None]], 2)
    even = 1 / together.shape[2]
    by_heads = probability_of_best(together, rivals, len(rivals))
    return even + today.foresight.known(today.predicted_spread) * (by_heads - even)


def _segments(
    added: Addition, level: Belief, today: TitleToday, parts: Mapping[str, Part]
) -> dict[str, SegmentValue]:
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
