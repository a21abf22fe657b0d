"""Section `candidates`: does what `evaluate candidates` says of new posters come true?

Posters that nobody has shown, of known titles, judged by the product's own functions from a log and
a bundle; the truth is the expected take of every poster to fresh members who are shown the title.
"""

from datetime import timedelta
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bench.judging.claims import Claim, claim_rows
from bench.judging.new_posters import NewPosters, NewPostersSize, new_posters
from bench.judging.row import Effort, Row, run_each, share_row
from data.catalogue import Catalogue
from evaluate.new_artwork.audience import NewMembers, viewers
from evaluate.new_artwork.foresight import Foresight
from evaluate.new_artwork.log_evidence import LogEvidence, TrainingCounts
from evaluate.new_artwork.records import ImageValue
from evaluate.new_artwork.value_images import value_images
from evaluate.new_artwork.what_is_known import TitleKnown
from evaluate.ope.paired_bootstrap import Range
from evaluate.policies.bundle_scores import BundleScores, embeddings
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.read_examples import read_examples
from serve.scoring.scored import Artworks
from serve.scoring.scorer import Scorer
from simulate.world.effects import Effects
from simulate.world.titles import START

SECTION = "candidates"
FULL = NewPostersSize(24, 6, 4, 1000, 5, 6000, 8, 1500)
QUICK = NewPostersSize(8, 4, 2, 150, 3, 900, 1, 200)
TASTES = {
    "the simulator's tastes": Effects(),
    "tastes twice as strong": Effects(theme_sd=0.92, subject_sd=0.92, style_sd=0.92),
    "no tastes": Effects(theme_sd=0.0, subject_sd=0.0, style_sd=0.0),
}
"""Kinds of world: whom a poster pleases is much, or nothing, of what it does."""
FEWEST = 50
"""Fresh decisions of a title, with fewer its truth is not looked at."""


class JudgedPoster(NamedTuple):
    """What was said of a poster, with the ends of intervals, and what is true."""

    world: int
    title: int
    ratio: Range
    true_ratio: float
    take: Range
    true_take: float
    adds: Range
    true_adds: float
    best: float
    true_best: float
    segment: float
    """What it adds where it is said to add most; NaN: it is said to add the same everywhere."""
    true_segment: float
    most_for: int
    """Segments that it is said to be most for."""


def candidates(effort: Effort) -> list[Row]:
    """Coverage, calibration and correlation over posters of several worlds.

    A world takes half a minute, so there is one for every 25 runs, and a quarter as many of other
    kinds than the simulator's own.
    """
    worlds = 1 if effort.quick else max(1, effort.runs // 25)
    size = QUICK if effort.quick else FULL
    counts = [worlds] if effort.quick else [worlds, -(-worlds // 4), -(-worlds // 4)]
    tasks = [
        (size, effort.seed + 1000 * world, kind)
        for kind, count in enumerate(counts)
        for world in range(count)
    ]
    found = run_each(judged_world, tasks, effort.workers)
    rows = []
    for kind, (tastes, count) in enumerate(zip(TASTES, counts, strict=False)):
        posters = [p for task, of in zip(tasks, found, strict=True) if task[2] == kind for p in of]
        rows += poster_rows(posters, f"{count} worlds of {size.titles} titles, {tastes}")
    return rows


def poster_rows(posters: list[JudgedPoster], setting: str) -> list[Row]:
    """Rows of the posters of some worlds of one kind."""
    title = np.unique([(p.world, p.title) for p in posters], axis=0, return_inverse=True)[1].ravel()
    rows = [row for claim in _claims(posters) for row in claim_rows(SECTION, claim, title, setting)]
    hits = [p.most_for > 0 for p in posters]
    what = "posters said to be most for a segment"
    return [*rows, share_row(SECTION, what, setting, hits, None, "shown")]


def _claims(posters: list[JudgedPoster]) -> list[Claim]:
    """What is said of every poster, number by number."""

    def ranges(said: list[Range], true: list[float], words: str) -> Claim:
        value, low, high = np.array(said).T
        return Claim(words, value, np.array(true), low, high)

    none = None
    return [
        ranges([p.ratio for p in posters], [p.true_ratio for p in posters], "ratio to known"),
        ranges([p.take for p in posters], [p.true_take for p in posters], "expected take"),
        ranges([p.adds for p in posters], [p.true_adds for p in posters], "adds"),
        Claim(
            "best of all",
            np.array([p.best for p in posters]),
            np.array([p.true_best for p in posters]),
            none,
            none,
        ),
        Claim(
            "adds in its best segment",
            np.array([p.segment for p in posters]),
            np.array([p.true_segment for p in posters]),
            none,
            none,
        ),
    ]


def judged_world(task: tuple[NewPostersSize, int, int]) -> list[JudgedPoster]:
    """All new posters of a world of a size, a seed and a kind, judged."""
    size, seed, kind = task
    with new_posters(size, seed, list(TASTES.values())[kind]) as world:
        return judged_posters(world, seed)


def judged_posters(world: NewPosters, seed: int) -> list[JudgedPoster]:
    """All new posters of a world, judged."""
    catalogue = world.catalogue
    scorer = Scorer(world.bundle, judging=True)
    examples = read_examples(world.examples, catalogue)
    counts = TrainingCounts.of(scorer)
    embedded = embeddings(scorer, catalogue, world.root / "cache")
    logged = LoggedExamples.of(examples, catalogue)
    log = LogEvidence.of(scorer, embedded, logged, counts)
    foresight = Foresight.of(log.all_titles())
    posters = []
    for title, shown in world.shown.items():
        evidence = log.title(title)
        if len(shown.facts) < FEWEST or evidence is None:
            continue
        ids = [catalogue.artwork_ids[row] for row in log.artworks_of(title)]
        known = TitleKnown(foresight, evidence, ids, "log", counts)
        value = value_images(
            scorer,
            catalogue,
            catalogue.title_ids[title],
            [catalogue.image_path(catalogue.artwork_ids[row]) for row in world.new(title)],
            viewers(examples, catalogue.title_ids[title]),
            START + timedelta(days=world.size.days + 2),
            world.root / "cache",
            known,
        )
        predicted = _predicted(log.scores, log.looks, world, title)
        by_path = {image.image: image for image in value.images}
        posters += [
            _poster(by_path, catalogue, world, title, row, predicted, seed)
            for row in world.new(title)
        ]
    return posters


def _predicted(
    scores: BundleScores, looks: Artworks, world: NewPosters, title: int
) -> Float[np.ndarray, "decisions artworks"]:
    """What the bundle says to fresh members of a title's posters, by which it would choose."""
    shown, today = world.shown[title], world.today(title)
    members = scores.members(shown.facts)
    known, new = (
        scores.head_takes(members, artworks.at(shown.artworks)).mean(1)
        for artworks in (scores.artworks, looks)
    )
    return np.where(today, known, new)


def _poster(
    said: dict[str, ImageValue],
    catalogue: Catalogue,
    world: NewPosters,
    title: int,
    row: int,
    predicted: Float[np.ndarray, "decisions artworks"],
    seed: int,
) -> JudgedPoster:
    image = said[str(catalogue.image_path(catalogue.artwork_ids[row]))]
    shown, today = world.shown[title], world.today(title)
    at, takes = int(np.flatnonzero(shown.artworks == row)[0]), shown.takes
    rows, places = np.arange(len(takes)), np.flatnonzero(today)
    best = places[predicted[:, today].argmax(1)]
    over = np.where(predicted[:, at] > predicted[rows, best], takes[:, at] - takes[rows, best], 0.0)
    title_take = takes[:, today].mean()
    segment, true_segment = np.nan, np.nan
    if image.audience:
        most = max(image.audience, key=lambda name: image.audience[name].difference.value)
        name, _, wanted = most.partition("=")
        inside = NewMembers(shown.facts).values[name] == wanted
        if image.audience[most].difference.value > 0 and inside.any():
            segment, true_segment = image.audience[most].adds, float(over[inside].mean())
    adds = image.adds
    return JudgedPoster(
        seed,
        title,
        image.ratio,
        float(takes[:, at].mean() / title_take),
        Range(image.expected_take, image.low, image.high),
        float(takes[:, at].mean()),
        adds,
        float(over.mean()),
        image.probability_of_best,
        float((takes[:, at] > takes[:, today].max(1)).mean()),
        segment,
        true_segment,
        len(image.most_for),
    )
