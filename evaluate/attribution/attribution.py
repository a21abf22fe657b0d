"""`python -m evaluate attribution`: what the recommendation earned, and what the artwork did.

The headline needs no model: what was shown against an even draw of its candidates. Beside it a
bundle's score of a decision is a sum: the title's appeal to the member in this place, which is the
recommendation's part, and the functional of the member applied to the artwork's vector. What all
candidates of a title have in common is called the title's, so the artwork's part is what sets each
apart from their mean. That is a convention, not an estimate: six good posters look like a good
title, so the artwork's share is a lower bound, and depends on how many candidates there are.
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
from evaluate.attribution.change_effects import ChangeEffects, change_effects, change_lines
from evaluate.attribution.shown_gain import ShownGain, shown_gain
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
    shown_gain: ShownGain | None
    """Of what was shown over an even draw, from rewards: the headline; None: nothing was drawn."""
    title_sd: float
    """Spread of the title's part over decisions, in logits."""
    artwork_sd: float
    """Spread of the artwork's part over candidates, in logits."""
    title_share: float
    """Of the variance of the two parts of what was shown, if what candidates share is the title's:
    an upper bound by that convention."""
    artwork_gain: float
    """By the bundle: expected take of what was shown, less that of an even draw, a decision."""
    artwork_best_gain: float
    """The same of each decision's best candidate by the bundle: what choice could earn."""
    title_truth: Agreement | None
    """Of the mean over candidates with the true mean; None: the log has no truth."""
    artwork_truth: Agreement | None
    """Of differences from that mean with the true ones."""
    true_artwork_gain: float | None
    """What `shown_gain` and `artwork_gain` estimate."""
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
        artworks = scored.artworks.at(rows[part])
        scores = members.mean().scores(artworks)[:, 0]
        # Tags may set the appeals of a title's candidates apart; what they share is the title's.
        appeals = np.where(valid[part][..., None], artworks.appeals, 0.0)
        shared = appeals.sum(1) / valid[part].sum(1)[:, None]
        appeal = (members.appeals * shared).sum(1) + calibration.bias
        mean = uniform_value(scores, valid[part])
        title[part] = (appeal + mean) / calibration.temperature
        apart = (scores - mean[:, None]) / calibration.temperature
        artwork[part] = np.where(valid[part], apart, 0.0)
        same = artworks._replace(appeals=np.repeat(shared[:, None], rows.shape[1], 1))
        takes[part] = np.where(valid[part], scored.scorer.takes(members, same), 0.0)
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
    gain_over_even = shown_gain(*_drawn(logged))
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
        shown_gain=gain_over_even,
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


def _drawn(logged: LoggedExamples) -> tuple[np.ndarray, ...]:
    """Rewards, weights, modelled takes and profiles of what was drawn; see `shown_gain`."""
    feedback, valid = logged.feedback, logged.valid
    at = np.arange(len(logged))
    flat = np.zeros(len(feedback.target)) if feedback.estimated is None else feedback.estimated
    modelled = logged.by_decision(flat)
    place = (logged.rows == logged.chosen[:, None]).argmax(1)
    drawn = np.ones(len(logged), bool)
    ends = np.cumsum([0, *(len(batch.feedback.reward) for batch in logged.batches)])
    for batch, start, end in zip(logged.batches, ends, ends[1:], strict=False):
        if batch.drawn is not None:
            drawn[start:end] = batch.drawn
    weight = 1 / (feedback.propensity * valid.sum(1))
    even = uniform_value(modelled, valid)
    profile = at if feedback.group is None else feedback.group
    columns = (feedback.reward, weight, modelled[at, place], even, profile)
    return tuple(column[drawn] for column in columns)


def attribution(
    log: str,
    bundle: str = "artifacts/bundles/current",
    catalogue: str | None = None,
    since: str | None = None,
    until: str | None = None,
    where: str | None = None,
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
        where: SQL over the columns of examples: only rows that it holds for, such as
            "facts.country = 'NO'"; days on which artwork changed are then not looked at.
        truth: simulated log to check the parts against.
        cache: folder to keep decoded images in.
    """
    read = find_catalogue(log, catalogue)
    examples = read_examples(log, read, since, until, where)
    if "take" not in set(examples["reward_name"].unique().to_pylist()):
        raise BadInput(f"{log} was joined with another reward; join it with --reward take")
    with cache_folder(cache) as images:
        scored = open_bundle_scores(bundle, read, images)
    whole = where is None and log_files(Path(log), "events")
    folder = Path(log) if whole else None
    known = None if truth is None else read_expected(truth)
    logged = LoggedExamples.every(examples, read, scored.left_out)
    return attribute(scored, logged, known, folder)


def show(result: TakeAttribution) -> None:
    """What choosing artwork gained, the two parts by convention, and what changing it did."""
    console = Console(width=110)
    console.print(f"{result.decisions:,} decisions, take {result.take:.4f}")
    real = "" if result.true_artwork_gain is None else f", in truth {result.true_artwork_gain:+.4f}"
    gained = result.shown_gain
    if gained is None:
        console.print("nothing was drawn: the log cannot tell what choosing artwork gained")
    else:
        console.print(
            f"[bold]what was shown, over an even draw: {gained.gain:+.4f} takes a decision"
            f" [{gained.low:+.4f}, {gained.high:+.4f}][/bold]{real}"
        )
    console.print(
        f"by the bundle's own expectation {result.artwork_gain:+.4f}, and"
        f" {result.artwork_best_gain:+.4f} if its best were always shown"
    )
    table = Table(title="What all candidates share called the title's: a convention, no estimate")
    for name in ("part", "spread (logits)", "share", "correlation with truth", "slope"):
        table.add_column(name)
    share = result.title_share
    for name, spread, part, truth in (
        ("recommendation", result.title_sd, f"at most {share:.1%}", result.title_truth),
        ("artwork", result.artwork_sd, f"at least {1 - share:.1%}", result.artwork_truth),
    ):
        numbers = [f"{spread:.3f}", part, "–", "–"]
        if truth is not None:
            numbers[2:] = [f"{truth.correlation:.3f}", f"{truth.slope:.2f}"]
        table.add_row(name, *numbers)
    console.print(table)
    if result.change is not None:
        for line in change_lines(result.change):
            console.print(line)


def _agreement(estimate: np.ndarray, truth: np.ndarray) -> Agreement:
    if estimate.std() == 0 or truth.std() == 0:
        return Agreement(0.0, 0.0)
    covariance = np.cov(estimate, truth)
    return Agreement(
        float(np.corrcoef(estimate, truth)[0, 1]), float(covariance[0, 1] / covariance[0, 0])
    )
