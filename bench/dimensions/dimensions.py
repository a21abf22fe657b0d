"""`python -m bench dimensions`: artwork, synopsis, evidence and trailer decided together."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.dimensions.cold import ColdSynopses, cold_synopses
from bench.dimensions.estimates import KindCoverage, kind_coverage
from bench.dimensions.map_cost import MEMBERS, MapCost, map_costs
from bench.dimensions.page_cost import PageCost, page_costs
from bench.dimensions.policies import TITLES, KindPolicies, kind_policies
from bench.dimensions.race import KindRace, kind_race
from bench.optional import why_no_package
from bench.seed_statistics import SeedMean, mean_of, ratio_of, seeds_of
from data.errors import BadInput
from data.texts.hashed_words import HashedWords
from data.texts.interface import TextEncoder
from data.texts.mini_lm import MiniLm, why_no_mini_lm
from simulate.kinds.kind_world import AGREEMENT, KINDS, SIZES

PARTS = ("policies", "race", "cold", "estimates", "page", "maps")
SETTINGS = (0.0, AGREEMENT)


# Each parameter is an option of the command.
def dimensions(
    parts: str = "policies,race,cold,estimates",
    seeds: str = "9101,9102,9103,9104,9105",
    log: int = 40_000,
    rounds: int = 20_000,
    visits: int = 4_000,
    quick: bool = False,
    bundle: Path = Path("artifacts/demo/bundles/current"),
    catalogue: Path = Path("artifacts/demo/catalogue"),
    cache: Path = Path("artifacts/cache"),
) -> dict[str, object]:
    """Measure four kinds decided together, in a world whose 108 combinations have exact values.

    Args:
        parts: policies (what joint choices gain), race (regret beside Vowpal Wabbit's slates),
            cold (synopses that nobody has seen), estimates (coverage of off-line estimates over 200
            logs in the first seed's world), page (what deciding a page pays for a synopsis, of
            --bundle), maps (what maps and look-ups pay for it), with commas between.
        seeds: of worlds, separated by commas.
        log: rounds of even draws that policies learn from (policies and cold).
        rounds: of the race.
        visits: that policies are judged on.
        quick: short logs and two seeds, to see that it works.
        bundle: of the parts on pages and maps, such as `make demo` makes.
        catalogue: rendered, of that bundle.
        cache: folder of decoded images.
    """
    asked = [part.strip() for part in parts.split(",") if part.strip()]
    if unknown := [part for part in asked if part not in PARTS]:
        raise BadInput(f"--parts {unknown[0]}: choose among {', '.join(PARTS)}")
    numbers, titles, logs = seeds_of(seeds), TITLES, 200
    if quick:
        numbers, log, rounds, visits, titles = numbers[:2], 1000, 500, 200, 5
        logs = 2
    found: dict[str, object] = {"kinds": dict(zip(KINDS, SIZES, strict=True)), "log": log}
    for name, part in (
        ("policies", lambda: _policies(log, visits, numbers, titles)),
        ("race", lambda: _race(rounds, numbers, titles)),
        ("cold", lambda: _cold(log, visits, numbers, titles + 10 * (not quick))),
        ("estimates", lambda: _estimates(logs, visits, numbers[0], titles)),
        ("page", lambda: page_costs(bundle, catalogue, cache)),
        ("maps", lambda: map_costs(bundle, catalogue, cache, 200 if quick else MEMBERS)),
    ):
        if name in asked:
            found[name] = part()
    return found


def _policies(log: int, visits: int, seeds: Sequence[int], titles: int) -> list[dict[str, object]]:
    found = []
    for agreement in SETTINGS:
        rows = [kind_policies(agreement, log, visits, seed, titles) for seed in seeds]
        found.append(
            {
                "agreement": agreement,
                "joint_to_independent": _over(rows, lambda r: r.joint / r.independent),
                "joint_to_separate": _over(rows, lambda r: r.joint / r.separate),
                "gain_in_artworks": _over(rows, lambda r: r.of_artwork),
                "served_gain_in_artworks": _over(rows, lambda r: r.served_of_artwork),
                "gain_over_artwork_in_independent": _over(rows, lambda r: r.of_others),
                "sum_error": max(row.sum_error for row in rows),
                "worlds": rows,
            }
        )
    return found


def _over(rows: Sequence[KindPolicies], of: Callable[[KindPolicies], float]) -> SeedMean:
    return mean_of([of(row) for row in rows])


def _race(rounds: int, seeds: Sequence[int], titles: int) -> list[dict[str, object]]:
    missing = why_no_package("vowpalwabbit")
    learners = ("joint", "independent") + (() if missing else ("vowpal",))
    found = []
    for agreement in SETTINGS:
        rows = [row for s in seeds for row in kind_race(agreement, rounds, s, learners, titles)]
        by = {name: [row.regret for row in rows if row.learner == name] for name in learners}
        record: dict[str, object] = {"agreement": agreement, "rounds": rounds, "runs": rows}
        for name in learners[1:]:
            record[f"joint_to_{name}"] = ratio_of(by["joint"], by[name])
        if missing:
            record["left_out"] = f"Vowpal Wabbit: {missing}"
        found.append(record)
    return found


def _cold(log: int, visits: int, seeds: Sequence[int], titles: int) -> list[dict[str, object]]:
    encoders: list[TextEncoder] = [HashedWords()]
    missing = why_no_mini_lm()
    if not missing:
        encoders.append(MiniLm.installed())
    found: list[dict[str, object]] = []
    for encoder in encoders:
        rows = [cold_synopses(encoder, AGREEMENT, log, visits, seed, titles) for seed in seeds]
        found.append(
            {
                "encoder": encoder.name,
                "words": mean_of([row.by_words / row.by_traits for row in rows]),
                "tags": mean_of([row.by_tags / row.by_traits for row in rows]),
                "worlds": rows,
            }
        )
    if missing:
        found.append({"left_out": f"sentence model: {missing}"})
    return found


def _estimates(logs: int, decisions: int, seed: int, titles: int) -> list[KindCoverage]:
    return [
        row
        for agreement in SETTINGS
        for row in kind_coverage(agreement, logs, decisions, seed, titles, 5 * decisions)
    ]


def show(record: dict[str, list[dict[str, object]]]) -> None:
    """Print a table a part."""
    console = Console()
    if found := record.get("policies"):
        names = ("even", "artwork", "separate", "independent", "after_artwork", "joint")
        names += ("thompson", "oracle")
        ratios = {
            "joint / independent": "joint_to_independent",
            "gain over even, in artwork's": "gain_in_artworks",
            "of what is served": "served_gain_in_artworks",
            "gain over artwork, in independent's": "gain_over_artwork_in_independent",
        }
        table, more = Table("agreement", *names), Table("agreement", *ratios)
        for part in found:
            worlds = part["worlds"]
            assert isinstance(worlds, list)
            means = [sum(getattr(w, name) for w in worlds) / len(worlds) for name in names]
            table.add_row(
                f"{part['agreement']:g}",
                *(f"{value:.4f}" for value in means),
            )
            more.add_row(f"{part['agreement']:g}", *(_text(part[key]) for key in ratios.values()))
        console.print(table)
        console.print(more)
    if found := record.get("race"):
        table = Table("agreement", "learner", "regret", "even", "regret of joint to its")
        for part in found:
            runs = part["runs"]
            assert isinstance(runs, list)
            for name in dict.fromkeys(run.learner for run in runs):
                mine = [run for run in runs if run.learner == name]
                assert isinstance(mine[0], KindRace)
                values = (sum(getattr(r, k) for r in mine) / len(mine) for k in ("regret", "even"))
                ratio = _text(part.get(f"joint_to_{name}", ""))
                table.add_row(f"{part['agreement']:g}", name, *(f"{v:.0f}" for v in values), ratio)
            if "left_out" in part:
                console.print(f"left out: {part['left_out']}")
        console.print(table)
    _show_rest(console, record)


def _show_rest(console: Console, record: dict[str, list[dict[str, object]]]) -> None:
    if found := record.get("cold"):
        table = Table("encoder", "added by traits", "by words, a share", "by words read as tags")
        for part in found:
            if "left_out" in part:
                console.print(f"left out: {part['left_out']}")
                continue
            worlds = part["worlds"]
            assert isinstance(worlds, list)
            assert isinstance(worlds[0], ColdSynopses)
            traits = sum(world.by_traits for world in worlds) / len(worlds)
            shares = (_text(part[key]) for key in ("words", "tags"))
            table.add_row(str(part["encoder"]), f"{traits:.4f}", *shares)
        console.print(table)
    if rows := record.get("page"):
        table = Table("titles", "without assets, ms", "with, none asked for", "a synopsis each")
        for row in rows:
            assert isinstance(row, PageCost)
            told = (f"{one:.3f}" for one in (row.before, row.unasked, row.asked))
            table.add_row(str(row.titles), *told)
        console.print(table)
    if rows := record.get("maps"):
        table = Table("beside", "draws a second", "logged", "bytes a title", "log, bytes a draw")
        table.add_column("40 URLs, µs")
        table.add_column("and what stands beside")
        for row in rows:
            assert isinstance(row, MapCost)
            rates = (f"{one:,.0f}" for one in (row.draws, row.logged))
            sizes = (f"{one:.2f}" for one in (row.map_bytes, row.log_bytes, row.urls, row.page))
            table.add_row(row.beside or "artwork alone", *rates, *sizes)
        console.print(table)
    if rows := record.get("estimates"):
        table = Table("agreement", "estimate", "truth", "bias", "SD", "held")
        for row in rows:
            assert isinstance(row, KindCoverage)
            shares = (f"{row.bias:+.1%}", f"{row.deviation:.1%}", f"{row.coverage:.3f}")
            table.add_row(f"{row.agreement:g}", row.estimate, f"{row.truth:.4f}", *shares)
        console.print(table)


def _text(value: object) -> str:
    return value.text() if isinstance(value, SeedMean) else str(value)
