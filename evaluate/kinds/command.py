"""`python -m evaluate kinds`: what choosing several kinds of assets together would have earned."""

import math
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.errors import BadInput
from evaluate.kinds.estimate import KindReport, judge_kinds
from evaluate.kinds.kind_file import read_kind_file
from evaluate.ope.bootstrap import Bootstrap

FEW = 100
"""Decisions that weights must be worth, below which an estimate is not to be read."""


def kinds(file: Path, resamples: int = 1000, seed: int = 0) -> KindReport:
    """Estimate what a policy that chooses several kinds would have earned, and what each adds.

    FILE is Parquet, one row a decision: profile_id, reward, and the lists kinds (those shown, in
    their order), sizes (candidates of each), action (place of what was shown, from 0), logged and
    target (probability of every combination, the last kind innermost). docs/dimensions.md has
    more; `python -m simulate kinds --log FILE` writes one.

    Args:
        file: of decisions.
        resamples: bootstrap draws of profiles.
        seed: of the bootstrap.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    decisions = read_kind_file(file)
    try:
        return judge_kinds(decisions, bootstrap)
    except ValueError as error:
        raise BadInput(f"{file}: {error}") from None


def show(report: KindReport) -> None:
    """Print values, then what each kind adds."""
    console = Console()
    table = Table("policy", "a decision", "95% interval", "worth decisions", "right if")
    one = report.logged
    table.add_row("as logged", f"{one.value:.4f}", f"{one.low:.4f} … {one.high:.4f}", "", "")
    assumes = {
        "ips": "probabilities are right",
        "pi": "kinds do not meet",
        "pi2": "at most two kinds meet",
    }
    for name, one in report.target.items():
        if math.isnan(one.value):
            words = "the log never shows some of it"
            table.add_row(f"target, {name}", "not known", words, "", assumes[name])
            continue
        worth = f"{one.ess:,.0f}" + (" (too few)" if (one.ess or 0) < FEW else "")
        ends = f"{one.low:.4f} … {one.high:.4f}"
        table.add_row(f"target, {name}", f"{one.value:.4f}", ends, worth, assumes[name])
    console.print(table)
    table = Table("kind", "decisions", "its choice adds", "95% interval")
    for kind, one in report.adds.items():
        ends = f"{one.low:+.4f} … {one.high:+.4f}"
        table.add_row(kind, f"{report.shown[kind]:,}", f"{one.value:+.4f}", ends)
    console.print(table)
