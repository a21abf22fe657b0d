"""Each of the talk's findings, over scenes of several seeds: take fractions, and lifts."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from bench.findings.pages import QUARTERS, SIZES, by_candidates, by_fame, by_policy
from bench.findings.scene import Scene
from bench.seed_statistics import SeedMean, mean_of

POLICIES = ("random", "bundle-table", "oracle-for-all", "thompson", "greedy", "oracle")
PAIRS = (
    ("bundle-table", "random"),
    ("greedy", "bundle-table"),
    ("greedy", "oracle-for-all"),
    ("thompson", "random"),
    ("thompson", "bundle-table"),
    ("oracle", "oracle-for-all"),
)
Summary = Mapping[str, Mapping[str, SeedMean | Mapping[int, SeedMean]]]
"""take, fraction or lift → what → its mean over seeds, or means by number of candidates."""


def personal(scenes: Sequence[Scene]) -> Summary:
    """Policies that know more earn more."""
    values = [by_policy(scene.pages) for scene in scenes]
    return {
        "take": {name: mean_of([v[name] for v in values]) for name in POLICIES},
        "lift": {f"{a} over {b}": mean_of([v[a] / v[b] - 1 for v in values]) for a, b in PAIRS},
    }


def varied(scenes: Sequence[Scene]) -> Summary:
    """More candidates help."""
    values = [by_candidates(scene.pages) for scene in scenes]
    names = ("random", "greedy", "oracle")
    return {
        "take": {n: {k: mean_of([v[k][n] for v in values]) for k in SIZES} for n in names},
        "lift": {
            f"{name}, {more} over {few}": mean_of(
                [v[more][name] / v[few][name] - 1 for v in values]
            )
            for name in names[1:]
            for few, more in pairwise(SIZES)
        },
    }


def lesser_known(scenes: Sequence[Scene]) -> Summary:
    """Lesser-known titles gain most."""
    values = [by_fame(scene.pages) for scene in scenes]
    names = ("bundle-table", "greedy", "oracle")
    lifts = {
        f"{name}, quarter {at + 1}": mean_of([v[at][name] / v[at]["random"] - 1 for v in values])
        for name in names
        for at in range(QUARTERS)
    }
    last = {
        f"{name}, last less first quarter": mean_of(
            [v[-1][name] / v[-1]["random"] - v[0][name] / v[0]["random"] for v in values]
        )
        for name in names
    }
    return {"lift": lifts | last}


def competition(scenes: Sequence[Scene]) -> Summary:
    """Titles of a page compete."""
    values = [scene.competition() for scene in scenes]
    return {
        "lift": {
            f"{name}, {what}": mean_of([v[name][what] for v in values])
            for name in ("greedy", "oracle")
            for what in ("alone", "off_line", "estimated", "on_line", "lost", "plays")
        }
    }


def clickbait(scenes: Sequence[Scene]) -> Summary:
    """Rewarded by plays, the same learner falls for clickbait."""
    values = [scene.clickbait() for scene in scenes]
    names, what = ("random", "plays", "takes", "oracle"), ("take", "play", "clickbait")
    ratios = {
        f"told plays over told takes, {w}": mean_of(
            [v["plays"][w] / max(v["takes"][w], 1e-9) - 1 for v in values]
        )
        for w in what
    }
    own = {f"{n}, {w}": mean_of([v[n][w] for v in values]) for n in names for w in what}
    return {"fraction": own, "lift": ratios}
