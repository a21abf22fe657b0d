"""`python -m evaluate candidates`: what images that nobody has shown would earn a title."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import image_cache
from data.images.decode import load_image
from data.records import ARTWORKS
from evaluate.new_artwork.audience import Audience
from evaluate.new_artwork.image_kinds import Kind, best_kinds, donors, kinds_of
from evaluate.new_artwork.value import (
    Step,
    Takes,
    expected_take,
    gain,
    greedy_order,
    mean_gains,
    over_heads,
    probability_of_best,
    title_values,
)
from evaluate.ope.paired_bootstrap import Range
from evaluate.policies.bundle_scores import BundleScores
from serve.scoring.scorer import Artworks, Scorer

STEP = 1 << 22
"""Takes worked out at a time."""


@dataclass(frozen=True)
class Verdict:
    """One image, judged."""

    image: str
    take: Range
    """If every member of the audience saw it."""
    best: float
    """Probability that it beats all that the title has today."""
    adds: Range
    """To the title's expected take, given what it has."""
    audience: Mapping[str, Mapping[str, float]]
    """Segment → members, take, best, adds."""


@dataclass(frozen=True)
class Judged:
    """Images for a title, judged."""

    today: list[str]
    """Artworks that it has."""
    value: Range
    """Its expected take with these."""
    images: list[Verdict]
    """The largest addition first."""
    curve: list[Step]
    """Value by number of candidates, old and new; each step's artwork is a row of `names`."""
    names: list[str]
    kinds: list[Kind]
    """To commission next, the best first."""


def judge_images(
    scorer: Scorer, catalogue: Catalogue, title_id: int, images: Sequence[Path | str],
    audience: Audience, day: date, cache: Path | str,
) -> Judged:  # fmt: skip
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
    size = scorer.manifest["image"]
    if size is None:
        raise BadInput(
            f"bundle {scorer.bundle_id} reads no pixels, so it cannot judge images; give one that "
            "was trained on them"
        )
    shape = (size["height"], size["width"])
    fresh = np.stack([load_image(path, *shape) for path in images])
    kept = image_cache(catalogue, Path(cache), height=shape[0], width=shape[1], quiet=True)
    known = {artwork: row for row, artwork in enumerate(catalogue.artwork_ids)}
    today = catalogue.candidates(title_id, day)
    others = donors(catalogue, title_id)
    rows = np.array([*(known[artwork] for artwork in today), *others], np.int64)
    old = catalogue.artworks.take(pa.array(rows))
    pixels = np.concatenate([fresh, kept.images[kept.of(old["artwork_id"].to_pylist())]])
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
    kinds = best_kinds(
        old["artwork_id"].to_pylist()[len(today) :],
        kinds_of(old.slice(len(today)), pixels[len(names) :]), gains,
    )  # fmt: skip
    verdicts = [_verdict(str(path), at, takes, now, audience) for at, path in enumerate(images)]
    return Judged(
        today, over_heads(title_values(takes, now)),
        sorted(verdicts, key=lambda v: -v.adds.value), greedy_order(takes), names, kinds,
    )  # fmt: skip


def _takes(scorer: Scorer, audience: Audience, artworks: Artworks) -> Takes:
    scored = BundleScores(scorer, artworks)
    return scored.head_takes(scored.members(audience.facts), artworks)


def _gains(
    scorer: Scorer, audience: Audience, artworks: Artworks,
    today: Float[np.ndarray, "members some"], first: int,
) -> Float[np.ndarray, " others"]:  # fmt: skip
    """What each artwork from the `first` on would add, in the mean over heads."""
    heads = int(scorer.manifest["policy"]["heads"])
    step = max(1, STEP // (len(audience) * heads))
    found = [np.zeros(0)]
    for at in range(first, len(artworks.vectors), step):
        some = Artworks(*(part[at : at + step] for part in artworks))
        mean = _takes(scorer, audience, some).mean(1)
        both = np.concatenate([today, mean], axis=1)[:, None]
        rows: Int[np.ndarray, " some"] = np.arange(today.shape[1])
        found.append(mean_gains(both, rows)[today.shape[1] :])
    return np.concatenate(found)


def _verdict(
    image: str, at: int, takes: Takes, now: Int[np.ndarray, " some"], audience: Audience
) -> Verdict:
    segments = {
        name: {
            "members": int(part.sum()),
            "expected_take": expected_take(takes[part], at).value,
            "probability_of_best": probability_of_best(takes[part], now, at),
            "adds": gain(takes[part], now, at).value,
        }
        for name, part in audience.parts().items()
    }
    return Verdict(
        image, expected_take(takes, at), probability_of_best(takes, now, at),
        gain(takes, now, at), segments,
    )  # fmt: skip


def _untagged(paths: Sequence[str], title_id: int) -> pa.Table:
    """Rows of artworks of a title that nobody has tagged."""
    rows = [
        {
            "artwork_id": f"new {at}", "title_id": title_id, "path": path,
            "added_day": date(1970, 1, 1), "withdrawn_day": None, "cast_shown": None, "tone": None,
        }
        for at, path in enumerate(paths)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, ARTWORKS)
