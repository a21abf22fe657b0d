"""`python -m evaluate demo`: what the demo's bundle earns, as tables, a report and next steps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from evaluate.ope.paired_bootstrap import Range
from evaluate.policies.judgement import ESTIMATORS
from evaluate.report.findings import Findings
from evaluate.report.report import made_report

NEXT = (
    ("at full strength", "python train.py --config configs/full.yaml"),
    ("on real logs", "python train.py --config configs/open_bandit.yaml"),
    ("decide live", "python -m serve live --catalogue {demo}/catalogue --store {demo}/maps"),
)  # fmt: skip


def demo(
    folder: str = "artifacts/demo", bundle: str = "artifacts/bundles/current",
    run: str = "artifacts/runs/demo", resamples: int = 1000, json: bool = False,
) -> dict[str, Any] | None:  # fmt: skip
    """Judge the demo's bundle on the days that were kept from it; write report and summary.

    Args:
        folder: of the demo: held_out, log, catalogue, and cold_start.json if that was asked.
        bundle: to judge.
        run: folder of the training run.
        resamples: bootstrap draws of profiles.
        json: print one JSON object, the summary.
    """
    where = Path(folder)
    report, summary = where / "report.html", where / "summary.json"
    found = made_report(
        str(report), str(where / "held_out"), bundle, str(where / "catalogue"),
        str(where / "log"), run, summary=str(summary), resamples=resamples,
    )  # fmt: skip
    if json:
        return found.summary()
    show(found, Console(width=None))
    console = Console()
    console.print(f"\nreport   [bold]{report}[/bold]\nnumbers  {summary}\n\nnext:", soft_wrap=True)
    for what, command in NEXT:
        console.print(f"  {command.format(demo=folder):88} # {what}", soft_wrap=True, markup=False)
    return None


def show(found: Findings, console: Console) -> None:
    """Cold start, estimates beside the truth, and last the take fractions."""
    if found.cold_start is not None:
        _show_cold_start(found.cold_start, console)
    table = Table("policy", *(e.upper() if len(e) < 6 else e for e in ESTIMATORS), "true",
                  title="estimated off-policy, from the log of random artwork",
                  box=box.SIMPLE_HEAD, pad_edge=False)  # fmt: skip
    for name, made in found.estimates.items():
        cells = [f"{e.value:.3f}\n{_short(e.low)}–{_short(e.high)}" for e in made.values()]
        table.add_row(name, *cells, f"{found.takes[name].value:.3f}" if found.exact else "")
    console.print(table)
    title = (
        f"{found.log['decisions']:,} decisions, {found.log['first_day']} … {found.log['last_day']}"
    )
    table = Table(
        "policy", "take fraction", "95% interval", "over random", "of oracle", title=title
    )
    for name, taken in found.takes.items():
        table.add_row(
            name, f"{taken.value:.4f}", _between(taken), _lift(found.lift, name),
            f"{found.share[name].value:.0%}" if name in found.share else "",
        )  # fmt: skip
    console.print(table)


def _show_cold_start(told: Mapping[str, Any], console: Console) -> None:
    table = Table("policy", "take fraction", "95% interval", "over random",
                  title="artwork and members that training never saw")  # fmt: skip
    for name in ("random", "unpersonalised", "greedy", "thompson", "oracle"):
        if name in told:
            low, high = told["intervals"][name]
            lift = told[name] / told["random"] - 1
            table.add_row(name, f"{told[name]:.4f}", f"{low:.4f} … {high:.4f}", f"{lift:+.1%}")
    console.print(table)


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _lift(lift: Mapping[str, Range], name: str) -> str:
    return f"{lift[name].value:+.1%}" if name in lift else ""


def _between(found: Range) -> str:
    return f"{found.low:.4f} … {found.high:.4f}"
