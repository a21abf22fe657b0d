"""`python -m evaluate attribution`: what the recommendation earned, and what the artwork did.

A bundle's score of a decision is a sum: the title's appeal to the member in this place, which is
the recommendation's part, and the functional of the member applied to the artwork's vector. What
all candidates of a title have in common is the title's as well, so the artwork's part is what
sets each apart from their mean; it alone moves the choice.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from bandit.simple import uniform_value
from data.errors import BadInput
from data.join.inputs import log_files
from evaluate.attribution.change_effects import ChangeEffects, change_effects
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from evaluate.policies.cache_folder import cache_folder
from evaluate.policies.expected_takes import expected_takes
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.read_examples import read_examples
from simulate.browsing.log import read_expected


class ScoreParts(NamedTuple):
    """What a bundle makes of each decision."""

    title: Float[np.ndarray, " decisions"]  # logits
    artwork: Float[np.ndarray, "decisions candidates"]  # logits, 0 on average over candidates
    takes: Float[np.ndarray, "decisions candidates"]  # expected takes


@dataclass(frozen=True)
class Agreement:
    """How an estimated part compares with the truth, in takes."""

    correlation: float
    slope: float
    """Of the truth on the estimate: 1 is calibrated, below 1 claims too much."""


@dataclass(frozen=True)
class TakeAttribution:
    """Takes of a log by where they come from."""

    decisions: int
    """Each counted once, however often it was rendered, with its own propensity."""
    take: float
    title_sd: float
    """Spread of the title's part over decisions, in logits."""
    artwork_sd: float
    """Spread of the artwork's part over candidates, in logits."""
    title_share: float
    """Of the variance of the two parts of what was shown."""
    artwork_gain: float
    """Expected take of what was shown, less that of a candidate drawn evenly, a decision."""
    artwork_best_gain: float
    """The same of each decision's best candidate by the bundle: what choice could earn."""
    title_truth: Agreement | None
    """Of the mean over candidates with the true mean; None: the log has no truth."""
    artwork_truth: Agreement | None
    """Of differences from that mean with the true ones."""
    true_artwork_gain: float | None
    """What `artwork_gain` estimates."""
    change: ChangeEffects | None
    """None: only examples were given, no log."""


def score_parts(scored: BundleScores, logged: LoggedExamples) -> ScoreParts:
    """The two parts of every candidate's score, mean over heads."""
    calibration = scored.scorer.manifest.calibration
    rows, valid = logged.rows, logged.valid
    title, artwork, takes = np.zeros(len(logged)), np.zeros(rows.shape), np.zeros(rows.shape)
    step = scored.block(rows.shape[1])
    for start in range(0, len(logged), step):
        part = slice(start, start + step)
        members = scored.members(logged.facts[part])
        vectors, appeals = (bank[rows[part]] for bank in scored.artworks)
        scores = np.einsum("br,bkr->bk", members.functionals.mean(1), vectors, optimize=True)
        # Tags may set the appeals of a title's candidates apart; what they share is the title's.
        shared = np.where(valid[part][..., None], appeals, 0.0).sum(1) / valid[part].sum(1)[:, None]
        appeal = (members.appeals * shared).sum(1) + calibration.bias
        mean = uniform_value(scores, valid[part])
        title[part] = (appeal + mean) / calibration.temperature
        apart = (scores - mean[:, None]) / calibration.temperature
        artwork[part] = np.where(valid[part], apart, 0.0)
        same = np.repeat(shared[:, None], rows.shape[1], 1)
        takes[part] = np.where(valid[part], scored.scorer.takes(members, vectors, same), 0.0)
    return ScoreParts(title, artwork, takes)


def attribute(
    scored: BundleScores, logged: LoggedExamples, expected: pa.Table | None, log: Path | None
) -> TakeAttribution:
    """Divide what a log earned between recommendation and artwork.

    Args:
        scored: the bundle.
        logged: closed decisions.
        expected: decision_id and the true expected take of each candidate; None: not known.
        log: that the decisions come from, for the days on which artwork changed; None: not there.
    """
    parts, valid = score_parts(scored, logged), logged.valid
    at = np.arange(len(logged))
    place = (logged.rows == logged.chosen[:, None]).argmax(1)
    even = uniform_value(parts.takes, valid)
    shown_title, shown_artwork = parts.title.var(), parts.artwork[at, place].var()
    takes = parts.takes[at, place]
    truth = None
    if expected is not None:
        truth = logged.by_decision(expected_takes(expected, logged))
    title_truth = artwork_truth = gain = None
    if truth is not None:
        true_even = uniform_value(truth, valid)
        title_truth = _agreement(even, true_even)
        apart, true_apart = parts.takes - even[:, None], truth - true_even[:, None]
        artwork_truth = _agreement(apart[valid], true_apart[valid])
        gain = float((truth[at, place] - true_even).mean())
    ids = logged.examples["decision_id"].to_pylist()
    change = None
    if log is not None:
        expectation = dict(zip(ids, takes.tolist(), strict=True))
        change = change_effects(log, logged.catalogue, expectation)
    return TakeAttribution(
        decisions=len(logged),
        take=float(logged.examples["reward"].to_numpy().mean()),
        title_sd=float(parts.title.std()),
        artwork_sd=float(parts.artwork[valid].std()),
        title_share=float(shown_title / max(shown_title + shown_artwork, 1e-12)),
        artwork_gain=float((takes - even).mean()),
        artwork_best_gain=float((parts.takes.max(1) - even).mean()),
        title_truth=title_truth,
        artwork_truth=artwork_truth,
        true_artwork_gain=gain,
        change=change,
    )


def attribution(
    log: str,
    bundle: str = "artifacts/bundles/current",
    catalogue: str | None = None,
    since: str | None = None,
    until: str | None = None,
    truth: str | None = None,
    cache: str | None = None,
) -> TakeAttribution:
    """Tell the recommendation's part of what a log earned from the artwork's.

    Args:
        log: joined examples; or a log folder, which is joined for this one time: then the days on
            which artwork changed are compared with those on which it stayed, too.
        bundle: that divides scores; better one that was not trained on these days.
        catalogue: folder of titles.parquet and artworks.parquet; a folder catalogue beside or in
            the log if not given.
        since: only decisions from this date or time on.
        until: only decisions before this date or time.
        truth: simulated log to check the parts against.
        cache: folder to keep decoded images in.
    """
    where = find_catalogue(log, catalogue)
    examples = read_examples(log, where, since, until)
    if "take" not in set(examples["reward_name"].unique().to_pylist()):
        raise BadInput(f"{log} was joined with another reward; join it with --reward take")
    with cache_folder(cache) as images:
        scored = open_bundle_scores(bundle, where, images)
    folder = Path(log) if log_files(Path(log), "events") else None
    known = None if truth is None else read_expected(truth)
    return attribute(scored, LoggedExamples.every(examples, where), known, folder)


def show(result: TakeAttribution) -> None:
    """The two parts, what choosing artwork gained, and what changing it did."""
    table = Table(title=f"{result.decisions:,} decisions, take {result.take:.4f}")
    for name in ("part", "spread (logits)", "share", "correlation with truth", "slope"):
        table.add_column(name)
    share = result.title_share
    for name, spread, part, truth in (
        ("recommendation", result.title_sd, share, result.title_truth),
        ("artwork", result.artwork_sd, 1 - share, result.artwork_truth),
    ):
        numbers = [f"{spread:.3f}", f"{part:.1%}", "–", "–"]
        if truth is not None:
            numbers[2:] = [f"{truth.correlation:.3f}", f"{truth.slope:.2f}"]
        table.add_row(name, *numbers)
    console = Console(width=110)
    console.print(table)
    real = "" if result.true_artwork_gain is None else f" (in truth {result.true_artwork_gain:.4f})"
    console.print(f"the chosen artwork over an even draw: {result.artwork_gain:+.4f} takes{real}")
    if result.change is None:
        return
    change = result.change
    console.print(
        f"artwork changed on {change.changed_days:,} days (take {change.take_changed:.4f}), stayed "
        f"on {change.stayed_days:,} (take {change.take_stayed:.4f})"
    )
    for name, effect in (("plain", change.plain), ("adjusted", change.adjusted)):
        if effect is not None:
            console.print(
                f"{name} effect of change: {effect.difference:+.4f} "
                f"[{effect.low:+.4f}, {effect.high:+.4f}]"
            )


def _agreement(estimate: np.ndarray, truth: np.ndarray) -> Agreement:
    if estimate.std() == 0 or truth.std() == 0:
        return Agreement(0.0, 0.0)
    covariance = np.cov(estimate, truth)
    return Agreement(
        float(np.corrcoef(estimate, truth)[0, 1]), float(covariance[0, 1] / covariance[0, 0])
    )
