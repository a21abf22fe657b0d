"""`python -m evaluate demo`: what the demo's bundle earns, as tables, a report and next steps."""

import math
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Column, Table

from evaluate.new_artwork.cold_start_result import ColdStartResult
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.judgement import ESTIMATORS
from evaluate.policies.table import led_by
from evaluate.report.findings import Summary
from evaluate.report.report import DEMO_BUNDLE, ReportRecord, Sources, report_on

PUBLISHED = "--bundles {demo}/bundles --catalogue {demo}/catalogue"
SERVED = f"{PUBLISHED} --store {{demo}}/maps"
KNOWN = "--profiles {demo}/profiles.parquet --examples {demo}/examples"
NEXT = (
    ("at full strength", "python train.py --config configs/full.yaml"),
    ("on real logs", "python train.py --config configs/open_bandit.yaml"),
    ("decide live", f"python -m serve live {SERVED}"),
    ("see what members see", f"python -m serve web {PUBLISHED} {KNOWN} --log {{demo}}/log"),
)
COLD_START = ("random", "bundle-mean", "greedy", "thompson", "oracle")
REPORT, SUMMARY = "report.html", "summary.json"


def demo(
    folder: str = "artifacts/demo",
    bundle: str = DEMO_BUNDLE,
    run: str = "artifacts/runs/demo",
    resamples: int = 1000,
) -> ReportRecord:
    """Judge the demo's bundle on the days that were kept from it; write report and summary.

    Args:
        folder: of the demo: held_out, log, catalogue, and cold_start.json if that was asked.
        bundle: to judge.
        run: folder of the training run.
        resamples: bootstrap draws of profiles.
    """
    where = Path(folder)
    sources = Sources(
        log=str(where / "held_out"),
        bundle=bundle,
        catalogue=str(where / "catalogue"),
        truth=str(where / "log"),
        run=run,
    )
    out = str(where / REPORT)
    bootstrap = Bootstrap.of_options(resamples)
    findings = report_on(sources, out, str(where / SUMMARY), bootstrap)
    return {"report": out, **findings.summary()}


def show(record: ReportRecord) -> None:
    """Cold start, estimates beside the truth, take fractions, and what to do next."""
    console, report = Console(), Path(record["report"])
    if record["cold_start"] is not None:
        cold_start = ColdStartResult.of_record(record["cold_start"])
        title = "artwork and members that training never saw"
        console.print(cold_start.table(COLD_START, title))
    console.print(_estimates(record))
    console.print(_take_fractions(record))
    for words in record["support"]["words"]:
        console.print(f"[yellow]log[/yellow]: {words}")
    summary, folder = report.with_name(SUMMARY), report.parent
    console.print(f"\nreport   [bold]{report}[/bold]\nnumbers  {summary}\n\nnext:", soft_wrap=True)
    for what, command in NEXT:
        console.print(f"  {command.format(demo=folder):88} # {what}", soft_wrap=True, markup=False)


def _estimates(summary: Summary) -> Table:
    """Led by the estimator to read; the others are dimmed, each with its verdict."""
    read = summary["read"]
    names = led_by(read, ESTIMATORS)
    table = Table(
        "policy",
        *(
            Column(e.upper() if len(e) < 6 else e, style="bold" if e == read else "dim")
            for e in names
        ),
        "true",
        title="estimated off-policy, from the log of random artwork",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name, estimates in summary["estimates"].items():
        cells = [
            f"{e['value']:.3f}\n{_interval(e['low'], e['high'])}\n{e['verdict']}"
            for e in (estimates[n] for n in names)
        ]
        true = f"{summary['take_fractions'][name]:.3f}" if summary["exact"] else ""
        table.add_row(name, *cells, true)
    return table


def _take_fractions(summary: Summary) -> Table:
    log = summary["log"]
    title = f"{log['decisions']:,} decisions, {log['first_day']} … {log['last_day']}"
    table = Table(
        "policy", "take fraction", "95% interval", "over random", "of oracle", title=title
    )
    for name, take in summary["take_fractions"].items():
        low, high = summary["intervals"][name]
        lift, share = summary["lift_over_random"].get(name), summary["share_of_oracle"].get(name)
        table.add_row(
            name,
            f"{take:.4f}",
            f"{low:.4f} … {high:.4f}",
            "" if lift is None else f"{lift['value']:+.1%}",
            "" if share is None else f"{share['value']:.0%}",
        )
    return table


def _interval(low: float, high: float) -> str:
    """NaN: there is none."""
    return "no interval" if math.isnan(low) else f"{_short(low)}–{_short(high)}"


def _short(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")
