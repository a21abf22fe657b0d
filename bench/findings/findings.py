"""What the talk found, looked for in the simulated world, each with an interval over seeds."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.findings.scene import Scene, Sizes
from bench.findings.summaries import (
    Summary,
    clickbait,
    competition,
    lesser_known,
    personal,
    varied,
)
from bench.seed_statistics import SeedMean, seeds_of
from bench.small_demo import demo_folders
from data.catalogue import Catalogue
from data.command_line.names import names
from data.errors import BadInput
from evaluate.policies.bundle_scores import open_bundle_scores
from simulate.world.artwork_world import ArtworkWorld

PARTS = {
    "personal": personal,
    "varied": varied,
    "lesser_known": lesser_known,
    "competition": competition,
    "clickbait": clickbait,
}
FIRST_DAY = 10
"""The demo trains on the days before."""


@dataclass(frozen=True)
class TalkFindings:
    """Of a bundle."""

    bundle: str
    seeds: list[int]
    parts: dict[str, Summary]


# Each parameter is an option of the command.
def findings(
    catalogue: Path | None = None,
    bundle: Path | None = None,
    parts: str = ",".join(PARTS),
    seeds: str = "1,2,3,4,5",
    days: int = 3,
    decisions: int = 20_000,
    lure: float = 0.5,
    learning_days: int = 14,
    learning_decisions: int = 5000,
    cache: Path | None = None,
    quick: bool = False,
) -> TalkFindings:
    """The talk's findings in this world, with 95% intervals over members of different seeds.

    A published bundle decides for members that no log has, on pages of days after its training;
    what it earns is expected exactly. Of a learner that plays reward in place of takes:
    neural_linear's last layer, renewed every night, on the true themes, style and misleading share
    of artwork; only the rewards differ.

    Args:
        catalogue: that the bundle was trained on, with its truth; the demo's if not given.
        bundle: to judge; the live one if not given.
        parts: of personal, varied, lesser_known, competition and clickbait, with commas between.
        seeds: of members, pages and luck, separated by commas; two at least.
        days: of pages.
        decisions: places on all pages of a day.
        lure: of the part clickbait: added to the logit of plays of artwork that misleads wholly.
        learning_days: of the learner in the part clickbait.
        learning_decisions: of each of these.
        cache: folder of decoded images.
        quick: two seeds, few days and decisions, on a small demo of its own if no folder is given:
            to see that it works.
    """
    chosen = seeds_of(seeds)
    asked = names([parts])
    if unknown := set(asked) - set(PARTS):
        raise BadInput(f"--parts {sorted(unknown)[0]}: choose among {', '.join(PARTS)}")
    when = range(FIRST_DAY, FIRST_DAY + days)
    sizes = Sizes(when, decisions, learning_days, learning_decisions, lure)
    if quick:
        chosen = chosen[:2]
        sizes = replace(sizes, days=when[:1], decisions=min(decisions, 1000))
        sizes = replace(sizes, learning_days=3, learning_decisions=300)
    summaries: dict[str, Summary] = {}
    given = {"catalogue": catalogue, "bundle": bundle, "cache": cache}
    with demo_folders(quick, given) as demo:
        scores = open_bundle_scores(demo.bundle, Catalogue.read(demo.catalogue), demo.cache)
        world = ArtworkWorld.read(demo.catalogue, 1, 1)
        scenes = [Scene(demo, scores, world, sizes, seed) for seed in chosen]
        for name in asked:
            summaries[name] = PARTS[name](scenes)
            print(f"{name} done", file=sys.stderr, flush=True)
    return TalkFindings(scores.scorer.bundle_id, chosen, summaries)


def show_findings(findings_of: TalkFindings) -> None:
    """Print a table for each part."""
    console = Console()
    for part, tables in findings_of.parts.items():
        table = Table("", "mean", "95% interval", title=part.replace("_", " "))
        for kind, rows in tables.items():
            scale, end, digits = (100, "%", 2) if kind == "lift" else (1, "", 4)
            for name, row in _flat(rows):
                values = (row.mean, *row.interval)
                mean, low, high = (f"{scale * value:.{digits}f}{end}" for value in values)
                table.add_row(f"{name}, {kind}", mean, f"{low} … {high}")
        console.print(table)


def _flat(
    rows: Mapping[str, SeedMean | Mapping[int, SeedMean]],
) -> Iterator[tuple[str, SeedMean]]:
    for name, row in rows.items():
        if isinstance(row, SeedMean):
            yield name, row
        else:
            yield from ((f"{name}, {inner}", value) for inner, value in row.items())
