"""Does a predicted take of .2 come true one time in five, for artwork nobody has shown as well?"""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.findings.calibration_error import BINS, CalibrationError, TooFew, error_of
from bench.findings.impressions import (
    Browsed,
    BrowsedImpressions,
    browsed,
    kept_apart,
    new_people,
    rendered,
    trained_on,
)
from bench.seed_statistics import seeds_of
from bench.small_demo import SUBJECTS, UNSEEN, DemoFolders, demo_folders
from data.catalogue import Catalogue
from evaluate.policies.bundle_scores import open_bundle_scores
from simulate.posters.subjects import Subjects, named
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.titles import START

AIM = 0.01


@dataclass(frozen=True)
class CalibrationErrors:
    """Errors of a bundle."""

    bundle: str
    seeds: list[int]
    aim: float
    overall: float | None
    """The error of `later`."""
    new_artwork: float | None
    """That of its new artwork."""
    errors: dict[str, CalibrationError | TooFew]
    """By where the impressions come from."""


# Each parameter is an option of the command.
def calibration(
    bundle: Path | None = None,
    catalogue: Path | None = None,
    examples: Path | None = None,
    held_out: Path | None = None,
    log: Path | None = None,
    subjects: Path = SUBJECTS,
    unseen_subjects: Path = UNSEEN,
    seeds: str = "1,2,3,4,5",
    days: int = 14,
    decisions: int = 30_000,
    titles: int | None = None,
    cache: Path | None = None,
    quick: bool = False,
) -> CalibrationErrors:
    """Expected calibration error of the take probability, overall and for new artwork.

    Four sources of impressions, all under random artwork: `held_out`, days of the training log that
    training never saw; `later`, the same catalogue on the days after training, when more artwork
    has come, with new members; `new_titles`, a catalogue rendered now of the same cut-outs, with
    new members; `new_subjects`, the same of cut-outs that training never saw.

    Bins hold equally many impressions. `noise` is the error that the true probabilities have on the
    same impressions; `exact` is measured against these probabilities in place of outcomes. Gaps say
    prediction less truth in each bin. `overall` and `new_artwork` are the errors of `later`, where
    impressions are many enough to tell.

    Args:
        bundle: to judge; the live one if not given.
        catalogue: that it was trained on, with its truth; the demo's if not given, as the next.
        examples: that it was trained on.
        held_out: examples that it was not trained on.
        log: that both come from.
        subjects: folder of cut-outs to render new titles from.
        unseen_subjects: file of those that training never saw.
        seeds: of members and new titles, separated by commas.
        days: of browsing after training; new catalogues are browsed for as many decisions.
        decisions: on all pages of a day.
        titles: of each new catalogue; as many as in the known one if not given, since a title's
            popularity is a share of all plays.
        cache: folder of decoded images.
        quick: one seed, few days, decisions and titles, on a small demo of its own if no folder is
            given: to see that it works.
    """
    chosen = seeds_of(seeds, least=1)
    if quick:
        chosen, days, decisions = chosen[:1], min(days, 2), min(decisions, 600)
        titles = min(titles or 4, 4)
    given = {"bundle": bundle, "catalogue": catalogue, "examples": examples}
    given |= {"held_out": held_out, "log": log, "cache": cache}
    with demo_folders(quick, given) as demo:
        apart = named(str(unseen_subjects))
        pools = {
            "new_titles": Subjects.read(subjects, exclude=apart),
            "new_subjects": Subjects.read(subjects, include=apart),
        }
        bundle_id, sources = _known(demo, chosen, days, decisions)
        many = len(Catalogue.read(demo.catalogue).title_ids) if titles is None else titles
        for name, pool in pools.items():
            parts = [rendered(demo.bundle, pool, many, s, days, decisions) for s in chosen]
            sources[name] = _counted(name, BrowsedImpressions.together(parts))
    errors: dict[str, CalibrationError | TooFew] = {}
    for name, shown in sources.items():
        errors[name] = error_of(shown)
        if name in ("held_out", "later"):
            errors[f"{name}_new"] = error_of(shown.part(shown.new))
    overall, new = (_of(errors[name]) for name in ("later", "later_new"))
    return CalibrationErrors(bundle_id, chosen, AIM, overall, new, errors)


def _of(error: CalibrationError | TooFew) -> float | None:
    return None if isinstance(error, TooFew) else error.error


def _known(
    demo: DemoFolders, seeds: list[int], days: int, decisions: int
) -> tuple[str, dict[str, BrowsedImpressions]]:
    """The bundle's id, and impressions of its own catalogue: days kept apart, and later ones."""
    seen, last = trained_on(demo.examples)
    where = Catalogue.read(demo.catalogue)
    scored = open_bundle_scores(demo.bundle, where, demo.cache)
    truth = CatalogueTruth.read(demo.catalogue)
    first = (last - START).days + 1
    later = Browsed(range(first, first + days), decisions, seen)
    parts = [browsed(scored, new_people(truth, seed), later, seed) for seed in seeds]
    sources = {
        "held_out": _counted("held_out", kept_apart(demo, where, seen)),
        "later": _counted("later", BrowsedImpressions.together(parts)),
    }
    return scored.scorer.bundle_id, sources


def _counted(name: str, shown: BrowsedImpressions) -> BrowsedImpressions:
    print(f"{name}: {len(shown.reward):,} impressions", file=sys.stderr, flush=True)
    return shown


def show_calibration(errors: CalibrationErrors) -> None:
    """Print a row for each source of impressions."""
    table = Table(
        *("impressions of", "how many", "predicted", "taken", "error", "95% interval", "exact"),
        "noise",
        title=f"expected calibration error of {errors.bundle}, {BINS} bins",
    )
    for name, row in errors.errors.items():
        if isinstance(row, TooFew):
            table.add_row(name.replace("_", " "), f"{row.impressions:,}")
        else:
            low, high = row.interval
            means = (f"{value:.4f}" for value in (row.predicted, row.taken, row.error))
            table.add_row(
                name.replace("_", " "),
                f"{row.impressions:,}",
                *means,
                f"{low:.4f} … {high:.4f}",
                f"{row.exact:.4f}",
                f"{row.noise:.4f}",
            )
    Console().print(table)
