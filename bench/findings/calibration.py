"""Does a predicted take of .2 come true one time in five, for artwork nobody has shown as well?"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.findings.impressions import (
    Numbers,
    Shown,
    browsed,
    kept_apart,
    new_people,
    rendered,
    trained_on,
)
from bench.seed_statistics import seeds_of
from data.catalogue import Catalogue
from evaluate.policies.bundle_scores import open_bundle_scores
from simulate.posters.subjects import Subjects, named
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.titles import START

BINS = 15
CUT_OUTS, HELD_OUT = Path("sample/artwork"), Path("sample/held_out.txt")


def calibration(
    bundle: Path = Path("artifacts/bundles/current"),
    catalogue: Path = Path("artifacts/demo/catalogue"),
    examples: Path = Path("artifacts/demo/examples"),
    held_out: Path = Path("artifacts/demo/held_out"),
    log: Path = Path("artifacts/demo/log"),
    subjects: Path = CUT_OUTS,
    unseen_subjects: Path = HELD_OUT,
    seeds: str = "1,2,3,4,5",
    days: int = 14,
    decisions: int = 30_000,
    titles: int | None = None,
    cache: Path = Path("artifacts/cache"),
    resamples: int = 1000,
    quick: bool = False,
    json: bool = False,
) -> dict[str, Any] | None:
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
        bundle: to judge.
        catalogue: that it was trained on, with its truth.
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
        resamples: draws of profiles for the intervals.
        quick: fewer seeds and days, and nothing is rendered: to see that it works.
        json: print one JSON object.
    """
    chosen = seeds_of(seeds, least=1)
    if quick:
        chosen, days, decisions = chosen[:1], min(days, 6), min(decisions, 20_000)
    seen, last = trained_on(examples)
    where = Catalogue.read(catalogue)
    many = len(where.title_ids) if titles is None else titles
    scored = open_bundle_scores(bundle, where, cache)
    found = {"held_out": kept_apart(bundle, where, held_out, log, cache, seen)}
    _say("held_out", found["held_out"])
    first = (last - START).days + 1
    later = range(first, first + days)
    truth = CatalogueTruth.read(catalogue)
    found["later"] = Shown.together(
        [browsed(scored, new_people(truth, s), later, decisions, s, seen) for s in chosen]
    )
    _say("later", found["later"])
    apart = named(str(unseen_subjects))
    pools = {
        "new_titles": Subjects.read(subjects, exclude=apart),
        "new_subjects": Subjects.read(subjects, include=apart),
    }
    for name, pool in () if quick else pools.items():
        found[name] = Shown.together(
            [rendered(bundle, pool, many, s, days, decisions) for s in chosen]
        )
        _say(name, found[name])
    parts: dict[str, Any] = {}
    for name, shown in found.items():
        parts[name] = error_of(shown, resamples)
        if name in ("held_out", "later"):
            parts[f"{name}_new"] = error_of(shown.part(shown.new), resamples)
    result = {
        "bundle": scored.scorer.bundle_id, "seeds": chosen, "aim": 0.01,
        "overall": parts["later"].get("error"), "new_artwork": parts["later_new"].get("error"),
        **parts,
    }  # fmt: skip
    if json:
        return result
    _show(result, parts)
    return None


def error_of(shown: Shown, resamples: int = 1000, bins: int = BINS, seed: int = 0) -> dict:
    """Expected calibration error of impressions, and its 95% interval over profiles.

    The interval is 1.96 of the bootstrap's deviations to both sides: draws of profiles themselves
    lie too high, since their own chance adds to every gap.

    Source: Naeini, Cooper and Hauskrecht 2015, "Obtaining Well Calibrated Probabilities".
    """
    count = len(shown.predicted)
    if count < bins:
        return {"impressions": count}
    parts = np.array_split(np.argsort(shown.predicted, kind="stable"), bins)
    place = np.empty(count, int)
    for at, part in enumerate(parts):
        place[part] = at
    _, profile = np.unique(shown.profile, return_inverse=True)
    profiles = int(profile.max()) + 1
    cell = profile * bins + place

    def by_profile(values: Numbers) -> np.ndarray:
        return np.bincount(cell, values, profiles * bins).reshape(profiles, bins)

    gaps = by_profile(shown.predicted - shown.reward)
    rng = np.random.default_rng(seed)
    drawn = np.stack(
        [
            np.abs(rng.multinomial(profiles, np.full(profiles, 1 / profiles)) @ gaps).sum() / count
            for _ in range(resamples)
        ]
    )
    value = float(np.abs(gaps.sum(0)).sum() / count)
    half = 1.96 * float(drawn.std(ddof=1))
    exact = by_profile(shown.predicted - shown.expected).sum(0)
    sizes = [len(part) for part in parts]
    luck = rng.random((20, count)) < shown.expected
    order = np.argsort(shown.expected, kind="stable")
    noise = [
        sum(abs((shown.expected - taken)[part].sum()) for part in np.array_split(order, bins))
        for taken in luck
    ]
    return {
        "impressions": count,
        "profiles": profiles,
        "predicted": float(shown.predicted.mean()),
        "taken": float(shown.reward.mean()),
        "error": value,
        "interval": [max(0.0, value - half), value + half],
        "exact": float(np.abs(exact).sum() / count),
        "noise": float(np.mean(noise) / count),
        "bins": [float(shown.predicted[part].mean()) for part in parts],
        "gaps": (exact / sizes).tolist(),
    }


def _say(name: str, shown: Shown) -> None:
    print(f"{name}: {len(shown.reward):,} impressions", file=sys.stderr, flush=True)


def _show(result: dict[str, Any], parts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "impressions of", "how many", "predicted", "taken", "error", "95% interval", "exact",
        "noise", title=f"expected calibration error of {result['bundle']}, {BINS} bins",
    )  # fmt: skip
    for name, row in parts.items():
        if "error" not in row:
            table.add_row(name, f"{row['impressions']:,}")
            continue
        low, high = row["interval"]
        table.add_row(
            name.replace("_", " "), f"{row['impressions']:,}", f"{row['predicted']:.4f}",
            f"{row['taken']:.4f}", f"{row['error']:.4f}", f"{low:.4f} … {high:.4f}",
            f"{row['exact']:.4f}", f"{row['noise']:.4f}",
        )  # fmt: skip
    Console().print(table)
