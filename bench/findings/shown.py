"""How right it is what a bundle reads of posters that nobody has shown, beside the truth."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from bench.seed_statistics import mean_of, seeds_of
from data.catalogue import Catalogue
from data.errors import BadInput
from data.shown.catalogue_sets import GENRES
from data.shown.guessed_names import GuessedNames
from data.shown.read_outs import shown_group
from evaluate.new_artwork.cold_start import WorldSize, new_world
from evaluate.policies.bundle_scores import embeddings
from serve.scoring.scorer import Scorer
from simulate.posters.subjects import Subjects, named
from simulate.world.catalogue_truth import CatalogueTruth

SIZE, QUICK = WorldSize(60, 6, 2), WorldSize(8, 4, 2)
WORDS = {
    "genres": "correlation of the genres read with those shown, among posters of a title",
    "foreign": "correlation of the share read as foreign with the true one",
    "names": "untagged posters whose likeliest name is the one that is shown most",
    "sure": "the mean probability of that name",
    "chance": "what a guess at random would get",
}


class ReadRight(NamedTuple):
    """Of one world's posters; see `WORDS`."""

    genres: float
    foreign: float
    names: float
    sure: float
    chance: float


def shown(
    subjects: str = "sample/artwork",
    bundle: str = "artifacts/demo/bundles/current",
    include_subjects: str | None = "sample/held_out.txt",
    seeds: str = "1,2,3,4,5",
    quick: bool = False,
) -> dict[str, object]:
    """What a bundle reads of new posters, by new worlds.

    Args:
        subjects: folder of cut-outs with subjects.csv.
        bundle: to ask.
        include_subjects: the only cut-outs to use: names with commas between, or a file.
        seeds: of worlds, separated by commas.
        quick: two small worlds.
    """
    scorer = Scorer(bundle, threads=2)
    if scorer.read_outs is None or not scorer.read_outs.titles:
        raise BadInput(
            f"bundle {scorer.bundle_id} reads no genres of pictures; train with --model.encoder "
            "lite0+simple (pip install '.[sight]')"
        )
    pool = Subjects.read(subjects, named(None), named(include_subjects))
    size, tried = (QUICK, [1, 2]) if quick else (SIZE, seeds_of(seeds))
    worlds = [read_right(scorer, pool, size, seed) for seed in tried]
    found = {name: asdict(mean_of([getattr(of, name) for of in worlds])) for name in WORDS}
    return {"bundle": scorer.bundle_id, "posters": size.titles * size.artworks, **found}


def read_right(scorer: Scorer, pool: Subjects, size: WorldSize, seed: int) -> ReadRight:
    """A bundle on a world that is rendered now."""
    with TemporaryDirectory(prefix="shown.") as scratch:
        folder = Path(scratch) / "catalogue"
        new_world(pool, size, seed, folder)
        catalogue, truth = Catalogue.read(folder), CatalogueTruth.read(folder)
        seen = embeddings(scorer, catalogue, scratch).values
        read_outs = scorer.read_outs
        assert read_outs is not None, "it was asked before"
        found = read_outs.read(seen, scorer.spec, catalogue.titles, catalogue.artworks)
    names = next(g.names for g in found.groups if g.name == shown_group(GENRES))
    at = {theme: place for place, theme in enumerate(truth.subjects.themes)}
    shares = np.zeros((len(truth.themes_shown), len(names)))
    for place, name in enumerate(names):
        if name in at:
            shares[:, place] = truth.themes_shown[:, at[name]]
    read = (found.of(shown_group(GENRES)), shares)
    foreign = found.of(f"{GENRES} foreign")[:, 0], truth.mislead
    return ReadRight(
        _within(*read, truth.title_of),
        float(np.corrcoef(*foreign)[0, 1]),
        *_named(found.guessed, truth),
    )


def _within(
    one: Float[np.ndarray, "artworks names"],
    other: Float[np.ndarray, "artworks names"],
    title_of: np.ndarray,
) -> float:
    """Correlation of what is left when the mean of each title is taken off."""
    count = np.bincount(title_of)[:, None]

    def left(of: np.ndarray) -> np.ndarray:
        total = np.zeros((len(count), of.shape[1]))
        np.add.at(total, title_of, of)
        return (of - (total / count)[title_of]).ravel()

    return float(np.corrcoef(left(one), left(other))[0, 1])


def _named(guessed: GuessedNames, truth: CatalogueTruth) -> tuple[float, float, float]:
    """Share of guesses that are right, how sure they are, and what chance would get."""
    most = truth.subject_weights.argmax(1)
    shown_most = truth.subjects_shown[np.arange(len(most)), most]
    order = np.lexsort((guessed.probability, guessed.row))
    last = np.flatnonzero(np.append(np.diff(guessed.row[order]), 1))
    best = order[last]
    rows = guessed.row[best]
    right = [
        guessed.distinct[code] == truth.subjects.names[shown_most[row]]
        for code, row in zip(guessed.code[best], rows, strict=True)
    ]
    of_cast = np.bincount(guessed.row)[rows]
    return (
        float(np.mean(right)),
        float(guessed.probability[best].mean()),
        float((1 / of_cast).mean()),
    )


def show_shown(record: Mapping[str, object]) -> None:
    """Each figure with its interval over worlds."""
    table = Table("", "mean", "95%", title=f"what is read of {record['posters']} new posters")
    for name, words in WORDS.items():
        of = record[name]
        assert isinstance(of, dict)
        low, high = of["interval"]
        table.add_row(words, f"{of['mean']:.3f}", f"{low:.3f} … {high:.3f}")
    Console().print(table)
