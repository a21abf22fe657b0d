"""What the talk found, looked for in the simulated world, each with an interval over seeds."""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.findings.clickbait import trained_on
from bench.findings.competition import on_and_off_line
from bench.findings.pages import (
    QUARTERS,
    SIZES,
    by_candidates,
    by_fame,
    by_policy,
    new_members,
    pages_of,
)
from bench.seed_statistics import mean_of, seeds_of
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.policies.bundle_scores import open_bundle_scores
from simulate.world.artwork_world import ArtworkWorld

PARTS = ("personal", "varied", "lesser_known", "competition", "clickbait")
POLICIES = ("random", "unpersonalised", "best_unpersonalised", "thompson", "greedy", "oracle")
FIRST_DAY = 10
"""The demo trains on the days before."""


def findings(
    catalogue: Path = Path("artifacts/demo/catalogue"),
    bundle: Path = Path("artifacts/bundles/current"),
    parts: str = ",".join(PARTS),
    seeds: str = "1,2,3,4,5",
    days: int = 3,
    decisions: int = 20_000,
    lure: float = 0.5,
    learning_days: int = 14,
    learning_decisions: int = 5000,
    cache: Path = Path("artifacts/cache"),
    quick: bool = False,
    json: bool = False,
) -> dict[str, Any] | None:
    """The talk's findings in this world, with 95% intervals over members of different seeds.

    A published bundle decides for members that no log has, on pages of days after its training;
    what it earns is expected exactly. Of a learner told plays instead of takes: neural_linear's
    last layer that is renewed every night, on the true themes, style and misleading share of
    artwork; only the rewards differ.

    Args:
        catalogue: that the bundle was trained on, with its truth.
        bundle: to judge.
        parts: of personal, varied, lesser_known, competition and clickbait, with commas between.
        seeds: of members, pages and luck, separated by commas; two at least.
        days: of pages.
        decisions: places on all pages of a day.
        lure: of the part clickbait: added to the logit of plays of artwork that misleads wholly.
        learning_days: of the learner in the part clickbait.
        learning_decisions: of each of these.
        cache: folder of decoded images.
        quick: fewer seeds, days and decisions: to see that it works.
        json: print one JSON object.
    """
    chosen = seeds_of(seeds)
    asked = [name.strip() for name in parts.split(",") if name.strip()]
    if unknown := set(asked) - set(PARTS):
        raise BadInput(f"--parts {sorted(unknown)[0]}: choose among {', '.join(PARTS)}")
    if quick:
        chosen, days, decisions = chosen[:2], 1, min(decisions, 8000)
        learning_days, learning_decisions = 6, min(learning_decisions, 3000)
    found: dict[str, list] = {name: [] for name in asked}
    world = ArtworkWorld.read(catalogue, 1, 1)
    scored = open_bundle_scores(bundle, Catalogue.read(catalogue), cache)
    when = range(FIRST_DAY, FIRST_DAY + days)
    on_pages: dict[str, Callable] = {
        "personal": by_policy, "varied": by_candidates, "lesser_known": by_fame
    }  # fmt: skip
    for seed in chosen:
        here = new_members(world, seed)
        if set(asked) & set(on_pages):
            pages = pages_of(scored, bundle, here, when, decisions, seed)
            for name in asked:
                if name in on_pages:
                    found[name].append(on_pages[name](pages))
        if "competition" in asked:
            found["competition"].append(on_and_off_line(scored, here, when, decisions, seed))
        if "clickbait" in asked:
            found["clickbait"].append(
                trained_on(catalogue, lure, learning_days, learning_decisions, seed)
            )
        print(f"seed {seed} done", file=sys.stderr, flush=True)
    said = {name: SUMMARIES[name](values) for name, values in found.items()}
    result = {"bundle": scored.scorer.bundle_id, "seeds": chosen, **said}
    if json:
        return result
    _show(said)
    return None


def _personal(values: Sequence[dict[str, float]]) -> dict[str, Any]:
    takes = {name: mean_of([v[name] for v in values]) for name in POLICIES}
    pairs = (
        ("unpersonalised", "random"), ("greedy", "unpersonalised"),
        ("greedy", "best_unpersonalised"), ("thompson", "random"), ("thompson", "unpersonalised"),
        ("oracle", "best_unpersonalised"),
    )  # fmt: skip
    return {
        "take": takes,
        "lift": {f"{a} over {b}": mean_of([v[a] / v[b] - 1 for v in values]) for a, b in pairs},
    }


def _varied(values: Sequence[dict[int, dict[str, float]]]) -> dict[str, Any]:
    names = ("random", "greedy", "oracle")
    takes = {n: {k: mean_of([v[k][n] for v in values]) for k in SIZES} for n in names}
    steps = list(pairwise(SIZES))
    return {
        "take": takes,
        "lift": {
            f"{name}, {more} over {few}": mean_of(
                [v[more][name] / v[few][name] - 1 for v in values]
            )
            for name in names[1:]
            for few, more in steps
        },
    }


def _lesser_known(values: Sequence[list[dict[str, float]]]) -> dict[str, Any]:
    lifts = {
        f"{name}, quarter {at + 1}": mean_of([v[at][name] / v[at]["random"] - 1 for v in values])
        for name in ("unpersonalised", "greedy", "oracle")
        for at in range(QUARTERS)
    }
    last = {
        f"{name}, last less first quarter": mean_of(
            [v[-1][name] / v[-1]["random"] - v[0][name] / v[0]["random"] for v in values]
        )
        for name in ("unpersonalised", "greedy", "oracle")
    }
    return {"lift": lifts | last}


def _competition(values: Sequence[dict[str, dict[str, float]]]) -> dict[str, Any]:
    return {
        "lift": {
            f"{name}, {what}": mean_of([v[name][what] for v in values])
            for name in ("greedy", "oracle")
            for what in ("alone", "off_line", "estimated", "on_line", "lost", "plays")
        }
    }


def _clickbait(values: Sequence[dict[str, dict[str, float]]]) -> dict[str, Any]:
    names, what = ("random", "plays", "takes", "oracle"), ("take", "play", "clickbait")
    own = {f"{n}, {w}": mean_of([v[n][w] for v in values]) for n in names for w in what}
    ratios = {
        f"told plays over told takes, {w}": mean_of(
            [v["plays"][w] / max(v["takes"][w], 1e-9) - 1 for v in values]
        )
        for w in what
    }
    return {"fraction": own, "lift": ratios}


SUMMARIES: dict[str, Callable] = {
    "personal": _personal, "varied": _varied, "lesser_known": _lesser_known,
    "competition": _competition, "clickbait": _clickbait,
}  # fmt: skip


def _show(said: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for part, tables in said.items():
        table = Table("", "mean", "95% interval", title=part.replace("_", " "))
        for kind, rows in tables.items():
            for name, row in _flat(rows).items():
                scale, end = (100, "%") if kind == "lift" else (1, "")
                digits = 2 if kind == "lift" else 4
                low, high = (f"{scale * v:.{digits}f}{end}" for v in row["interval"])
                mean = f"{scale * row['mean']:.{digits}f}{end}"
                table.add_row(f"{name}, {kind}", mean, f"{low} … {high}")
        console.print(table)


def _flat(rows: dict[Any, Any]) -> dict[str, Any]:
    flat = {}
    for name, row in rows.items():
        if "mean" in row:
            flat[str(name)] = row
        else:
            flat |= {f"{name}, {inner}": value for inner, value in row.items()}
    return flat
