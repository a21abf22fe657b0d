"""`python -m bench judging`: do numbers that people decide by keep their word?"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.judging.attribution import attribution
from bench.judging.candidates import candidates
from bench.judging.cold_start import cold_start
from bench.judging.experiments import experiments
from bench.judging.gate import gate
from bench.judging.intervals import intervals
from bench.judging.monitor import monitor
from bench.judging.posterior_worlds.posterior import posterior
from bench.judging.posterior_worlds.temperature import temperature
from bench.judging.row import Effort, Row
from data.errors import BadInput

SECTIONS: dict[str, Callable[[Effort], list[Row]]] = {
    "gate": gate,
    "intervals": intervals,
    "experiments": experiments,
    "monitor": monitor,
    "attribution": attribution,
    "candidates": candidates,
    "cold_start": cold_start,
    "posterior": posterior,
    "temperature": temperature,
}
"""What each measures is in its module's first line."""


@dataclass(frozen=True)
class Judging:
    """The table."""

    seed: int
    rows: list[Row]
    broken: list[str]
    """Rows that do not keep their promise."""


def judging(
    sections: str = "", runs: int = 200, seed: int = 71_000, workers: int = 2, quick: bool = False
) -> Judging:
    """Coverage, error rates and power of what is printed, on worlds with known truth.

    Args:
        sections: names, separated by commas; all if empty.
        runs: logs, experiments or nights of each setting.
        seed: of the first run.
        workers: processes.
        quick: a few small settings, to see that it works.
    """
    names = [name.strip() for name in sections.split(",") if name.strip()] or list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        raise BadInput(f"--sections {sorted(unknown)[0]}: choose among {', '.join(SECTIONS)}")
    if runs < 2 or workers < 1:
        raise BadInput(f"--runs {runs} --workers {workers}: two runs and a worker at least")
    effort = Effort(4 if quick else runs, seed, 1 if quick else workers, quick)
    rows: list[Row] = []
    for name in names:
        rows += SECTIONS[name](effort)
        print(f"{name}: done", file=sys.stderr, flush=True)
    broken = [f"{row.section}: {row.what}, {row.setting}" for row in rows if not row.kept]
    return Judging(seed, rows, broken)


def show_judging(result: Judging) -> None:
    """Print the table."""
    table = Table("section", "what", "setting", "runs", "measured", "95%", "should be", "kept")
    for row in result.rows:
        interval = "" if row.interval is None else f"[{row.interval[0]:.3f}, {row.interval[1]:.3f}]"
        aim = "" if row.nominal is None else f"{row.side} {row.nominal:g}"
        table.add_row(
            row.section,
            row.what,
            row.setting,
            str(row.runs),
            f"{row.measured:.4g}",
            interval,
            aim,
            "yes" if row.kept else "NO",
        )
    Console().print(table)
