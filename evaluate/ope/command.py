"""`python -m evaluate estimate`: off-policy estimates of a feedback file."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.reading.sql_rows import rows_where
from data.schema_cast import read_table
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import Estimate, Interval
from evaluate.ope.estimate import estimate as estimate_values
from evaluate.ope.estimators import NAMES, USUAL
from evaluate.ope.estimators.by_name import Lambda
from evaluate.ope.trust import to_read


# Each parameter is an option of the command.
def estimate(
    feedback: str,
    estimators: str = "usual",
    ips_clip: Lambda = 5.0,
    dr_clip: Lambda = 5.0,
    switch_dr_lambda: Lambda = 3.0,
    dros_lambda: Lambda = 10.0,
    sg_ips_lambda: Lambda = 0.05,
    sg_dr_lambda: Lambda = 0.05,
    interval: Interval = "bootstrap",
    resamples: int = 1000,
    seed: int = 0,
    where: str | None = None,
) -> dict[str, Estimate]:
    """Estimate what a target policy would have earned a decision, from another policy's log.

    FEEDBACK is Parquet, one row a decision: decision_id, candidates, action, reward, propensity,
    target_probabilities, and optionally estimated_rewards, profile_id, level, probabilities, rule.

    Args:
        feedback: Parquet file.
        estimators: names with commas between, usual (all but dros), or all.
        ips_clip: largest weight of ips_clipped, or slope to choose it from the log.
        dr_clip: largest weight of dr_clipped, or slope.
        switch_dr_lambda: weight beyond which switch_dr trusts the model alone, or slope.
        dros_lambda: shrinkage of dros, or slope.
        sg_ips_lambda: shrinkage of sg_ips between 0 and 1, or slope.
        sg_dr_lambda: shrinkage of sg_dr between 0 and 1, or slope.
        interval: bootstrap over profiles (binomial below ten matched takes), or betting, which
            holds at any size and is about 1.4 times as wide; of rewards within 0 and 1. Neither is
            given where bias is unknown: dm, much cut weights, a λ chosen by slope.
        resamples: bootstrap draws.
        seed: of the bootstrap.
        where: SQL over the file's columns: only rows that it holds for, such as
            "level = 'personalised'"; the file is then read into memory.
    """
    sets = {"all": list(NAMES), "usual": list(USUAL)}
    names = sets.get(estimators) or [n.strip() for n in estimators.strip("[]").split(",")]
    bootstrap = Bootstrap.of_options(resamples, seed)
    lambdas: dict[str, Lambda] = {
        "ips_clipped": ips_clip,
        "dr_clipped": dr_clip,
        "switch_dr": switch_dr_lambda,
        "dros": dros_lambda,
        "sg_ips": sg_ips_lambda,
        "sg_dr": sg_dr_lambda,
    }
    rows = feedback if where is None else rows_where(read_table(Path(feedback)), where)
    return estimate_values(rows, names, lambdas, interval, bootstrap)


def show(estimates: dict[str, Estimate]) -> None:
    """A table led by the estimate to read, then each doubt once with those that it is about."""
    console = Console()
    read = to_read([estimates])
    first = estimates[read]
    table = Table("estimator", "value", "95% interval", "λ", "verdict")
    for name in (read, *(n for n in estimates if n != read)):
        e = estimates[name]
        table.add_row(
            name,
            f"{e.value:.5f}",
            e.between(5),
            "" if e.parameter is None else f"{e.parameter:g}",
            e.verdict,
            style="bold" if name == read else "dim",
        )
    console.print(table)
    console.print(f"read {read} ({first.verdict}): {first.reason}")
    console.print(
        f"{first.decisions:,} decisions, worth {first.ess:,.0f} to this target; match rate"
        f" {first.match_rate:.1%}; largest weight {first.largest_weight:.3g}; without support"
        f" {first.share_without_support:.1%}"
    )
    for word in first.support.words():
        console.print(f"[yellow]log[/yellow]: {word}")
    for word in dict.fromkeys(w for e in estimates.values() for w in e.warnings):
        about = [n for n, e in estimates.items() if word in e.warnings]
        who = "all" if len(about) == len(estimates) else ", ".join(about)
        console.print(f"[yellow]{who}[/yellow]: {word}")
