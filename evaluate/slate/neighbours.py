"""`python -m evaluate neighbours`: what images do to their neighbours, learnt from pages."""

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

import pyarrow as pa
from rich.console import Console

from data.atomic_write import whole_file
from data.bundle.row_pairs import RowPairs
from data.catalogue import Catalogue
from data.examples.stream import ExampleStream
from data.records import PAGE_COLUMNS
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.slate.latest import latest_with
from evaluate.slate.learn_rows import MOST, LearntRows, learn_rows
from evaluate.slate.logged_rows import NO_PAGES

CHANCE = 3.0
"""SDs by which what is learnt must exceed what chance alone brings, to be called an effect."""


class Neighbours(TypedDict):
    """What was learnt."""

    slots: int
    """With a neighbour that was seen."""
    effect: float
    """SD of what neighbours add to the logit of a take."""
    surprise: float
    """How far the weights lie from none; chance alone brings it to about their number."""
    weights: int
    beyond_chance: bool
    out: str | None
    """File of the pair term."""


def neighbours(
    log: Path,
    bundle: Path = Path("artifacts/bundles/current"),
    catalogue: Path | None = None,
    out: Path | None = None,
    cache: Path = Path("artifacts/cache"),
    seed: int = 0,
) -> Neighbours:
    """Learn what neighbours do to each other's takes, beside what a bundle says of each title.

    The log says pages where it was served with `python -m serve live --rows true`. What is learnt
    becomes a bundle's by `python -m export rows FILE --like BUNDLE`; `train.py --rows.learn true`
    does both.

    Args:
        log: folder of joined examples.
        bundle: what it is learnt for.
        catalogue: folder of the catalogue; beside the log when left out.
        out: file for the pair term; none is written when left out.
        cache: folder of decoded images.
        seed: of the draws of its posterior.
    """
    examples = latest_pages(ExampleStream(log))
    shown = find_catalogue(log, catalogue)
    learnt = learn_rows(open_bundle_scores(bundle, shown, cache), shown, examples, seed)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(out) as part:
            learnt.pairs.write(part)
    return {
        "slots": learnt.slots,
        "effect": learnt.effect,
        "surprise": learnt.surprise,
        "weights": learnt.weights,
        "beyond_chance": beyond_chance(learnt),
        "out": None if out is None else str(out),
    }


def rows_before(
    scores: Callable[[], BundleScores],
    catalogue: Catalogue,
    before: ExampleStream,
    say: Callable[[str], None],
) -> RowPairs:
    """What neighbours do, by the examples before those that are held out.

    Args:
        scores: opens the bundle that it is learnt for.
        catalogue: of the examples.
        before: these.
        say: tells progress.

    Raises:
        BadInput: none says its page.
    """
    pages = latest_pages(before)
    learnt = learn_rows(scores(), catalogue, pages)
    sure = "more" if beyond_chance(learnt) else "no more"
    say(
        f"neighbours add {learnt.effect:.3f} logits to a take (SD over {learnt.slots:,} slots),"
        f" {sure} than chance brings"
    )
    return learnt.pairs


def beyond_chance(learnt: LearntRows) -> bool:
    """Whether the log shows that neighbours matter: χ² of the weights, by its mean and SD."""
    return learnt.surprise > learnt.weights + CHANCE * (2 * learnt.weights) ** 0.5


def latest_pages(stream: ExampleStream) -> pa.Table:
    """The latest examples that say their page, as many as are learnt from.

    Raises:
        BadInput: none does.
    """
    return latest_with(stream, PAGE_COLUMNS.names, MOST, NO_PAGES)


def show(found: Neighbours) -> None:
    """In words."""
    much = f"{found['effect']:.3f} logits (SD over {found['slots']:,} slots beside another)"
    sure = "more than chance brings" if found["beyond_chance"] else "no more than chance brings"
    words = f"χ² {found['surprise']:.0f} for {found['weights']} weights"
    Console().print(f"what stands beside an image changes its take by {much}: {sure}, {words}")
    if found["out"] is not None:
        print(f"python -m export rows {found['out']} --like BUNDLE")
