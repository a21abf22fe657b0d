"""`python -m bench strangers`: data of a kind that Marquee does not come with, beside its truth."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.seed_statistics import seeds_of
from bench.strangers import reports, seeing
from bench.strangers.world import TheatreSize
from data.errors import BadInput

PARTS = ("reports", "seeing")
QUICK = TheatreSize(plays=8, visitors=300, rows=4000, base=0.2)


@dataclass(frozen=True)
class Strangers:
    """What was measured; None: it was not asked for."""

    reports: dict[str, object] | None
    """How often reports' intervals hold the truth, on logs that are mostly a rule."""
    seeing: dict[str, object] | None
    """What pixels reach of what is reached by true looks."""


def strangers(
    parts: str = ",".join(PARTS),
    logs: int = 100,
    seed: int = 50_000,
    seeds: str = "11,12,13,14,15",
    workers: int = 1,
    threads: int = 2,
    quick: bool = False,
) -> Strangers:
    """A theatre's posters and visitors: what is learnt of them, and whether reports say so.

    Args:
        parts: reports, seeing, or both with a comma between.
        logs: that are reported on.
        seed: of the first of them.
        seeds: of the worlds that are seen and told, with commas between.
        workers: processes for reports.
        threads: of torch, while pixels are learnt.
        quick: a few small logs, to see that it works.
    """
    names = [name.strip() for name in parts.split(",")]
    if unknown := set(names) - set(PARTS):
        raise BadInput(f"--parts {sorted(unknown)[0]}: choose among {', '.join(PARTS)}")
    if logs < 1 or workers < 1:
        raise BadInput(f"--logs {logs} --workers {workers}: one log and a worker at least")
    judged = (QUICK, 3) if quick else (reports.SIZE, logs)
    world = QUICK if quick else TheatreSize()
    worlds = seeds_of(seeds)[: 2 if quick else None]
    return Strangers(
        reports.coverage(*judged, seed, workers) if "reports" in names else None,
        seeing.seeing(world, worlds, threads) if "seeing" in names else None,
    )


def show_strangers(result: Strangers) -> None:
    """Print both tables."""
    console = Console()
    if (found := result.reports) is not None:
        title = f"{found['logs']} logs of {found['rows']:,} rows, nine in ten an editor's"
        table = Table("policy", "true", "interval holds it", "95%", "mean width", title=title)
        policies = found["policies"]
        assert isinstance(policies, dict)
        for name, one in policies.items():
            low, high = one["interval"]
            cells = (f"{one['true']:.4f}", f"{one['holds']:.2f}", f"[{low:.3f}, {high:.3f}]")
            table.add_row(name, *cells, f"{one['width']:.4f}")
        console.print(table)
        console.print(f"all at once: {found['every_policy_at_once']:.2f}")
    if (found := result.seeing) is not None:
        title = f"pixels of {found['posters']} posters, {found['rows']:,} rows, beside true looks"
        table = Table("policy", "share of the gain over random", "share of takes", title=title)
        shares = found["shares"]
        assert isinstance(shares, dict)
        for name, one in shares.items():
            parts = (one["share_of_gain"], one["share_of_takes"])
            cells = [
                f"{p['mean']:.3f} [{p['interval'][0]:.3f}, {p['interval'][1]:.3f}]" for p in parts
            ]
            table.add_row(name, *cells)
        console.print(table)
