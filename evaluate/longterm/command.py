"""`python -m evaluate longterm`: policies by rewards that take weeks, and proxies by past cells."""

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.errors import BadInput
from evaluate.longterm.cells_file import cells_of
from evaluate.longterm.faithfulness import Faithfulness
from evaluate.longterm.long_estimates import LongEstimate, ProxyGap, long_estimates, proxy_gap
from evaluate.longterm.long_file import LongFile
from evaluate.ope.bootstrap import Bootstrap

SUPPORT_NEEDED = 100
"""Decisions that weights must be worth for an interval to be believed."""


@dataclass(frozen=True)
class LongReport:
    """What is known of a target's long-term value, and of a proxy for it.

    Attributes:
        estimates: by name: logged (of the logging policy), ips, dr, lope.
        read: which to read.
        gap: what the target earns beyond what the proxy says; None: the file has no proxy.
        proxy: whether the proxy moved as the goal and retention did; None: no cells were given.
        words: what to know before believing it, each a sentence.
    """

    estimates: dict[str, LongEstimate] | None
    read: str | None
    gap: ProxyGap | None
    proxy: dict[str, Faithfulness] | None
    words: list[str]


def longterm(
    file: Path | None = None,
    cells: Path | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> LongReport:
    """Judge a policy by a reward that takes weeks, and a proxy by experiments that are over.

    FILE is Parquet, one row a decision whose whole window is over: decision_id, candidates, action,
    reward (the long-term one), propensity, probabilities, target_probabilities, outcome (what was
    seen at once, such as none, early, late, take), and optionally outcome_probabilities (of the
    outcome that was seen, under each candidate), estimated_rewards, predicted_reward (the proxy's,
    as it was when the decision was young), profile_id, level. docs/longterm.md says what each is.

    Args:
        file: of decisions.
        cells: CSV or Parquet of past experiments, a line a cell: proxy, proxy_error, goal,
            goal_error, and optionally retention, retention_error, which judge and are never learnt
            from.
        resamples: bootstrap draws.
        seed: of the bootstrap.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    if file is None and cells is None:
        raise BadInput("there is nothing to judge; give a FILE of decisions, --cells, or both")
    proxy = None if cells is None else cells_of(cells)
    words = [] if proxy is None else _cell_words(proxy)
    if file is None:
        return LongReport(None, None, None, proxy, words)
    held = LongFile.read(file)
    if not held.clustered:
        print("note: no profile_id: decisions are taken as independent", file=sys.stderr)
    estimates = long_estimates(held.log, held.target, bootstrap, again=held.again)
    gap = None
    if held.predicted is not None:
        gap = proxy_gap(held.log, held.target, held.predicted, held.left, bootstrap)
        words.append(gap.words())
    words += held.support.words()
    read, why = _to_read(estimates)
    return LongReport(estimates, read, gap, proxy, [why, *words])


def show(report: LongReport) -> None:
    """Tables, the estimate to read in bold, then each sentence."""
    console = Console()
    if report.estimates:
        table = Table("estimator", "a decision", "95% interval", "worth decisions")
        for name, e in report.estimates.items():
            style = "bold" if name == report.read else "" if name == "logged" else "dim"
            ends = f"{e.low:.4f} … {e.high:.4f}"
            table.add_row(name, f"{e.value:.4f}", ends, f"{e.ess:,.0f}", style=style)
        console.print(table)
    if report.proxy:
        table = Table("proxy beside", "cells", "correlation", "95% interval", "slope", "verdict")
        for name, f in report.proxy.items():
            ends = f"{f.low:.2f} … {f.high:.2f}"
            known = f"{f.correlation:.2f}", ends, f"{f.slope:.3g}", f.verdict
            table.add_row(name, str(f.cells), *known)
        console.print(table)
    for word in report.words:
        console.print(word)


def _to_read(estimates: dict[str, LongEstimate]) -> tuple[str, str]:
    """DR, which assumes less and whose interval holds what it promises; LOPE where DR says nothing.

    LOPE's interval knows that its models were learnt, not that what it assumes may be wrong.
    """
    lope, dr = estimates["lope"], estimates["dr"]
    if lope.low > dr.high or dr.low > lope.high:
        return "dr", (
            "read dr: lope contradicts it beyond both intervals, so what is seen at once does not"
            " carry what the target does"
        )
    if dr.ess >= SUPPORT_NEEDED:
        return "dr", (
            "read dr; lope agrees with it, and is the steadier of the two if what is seen at once"
            " carries what artwork does later"
        )
    if lope.ess >= SUPPORT_NEEDED:
        return "lope", (
            f"read lope, with care: the log is worth {dr.ess:,.0f} decisions to dr, and lope"
            " assumes that what is seen at once carries what artwork does later"
        )
    return "lope", (
        f"do not use: the log is worth {lope.ess:,.0f} decisions to this target; log more, or"
        " judge a target nearer to what was logged"
    )


def _cell_words(proxy: dict[str, Faithfulness]) -> list[str]:
    found = proxy["goal"]
    words = {
        "faithful": "the proxy moved as the goal did in past experiments: it may be maximised",
        "unfaithful": "the proxy did not move as the goal did in past experiments: do not maximise"
        " it",
        "cannot tell": "past experiments are too few or too noisy to tell whether the proxy moves"
        " as the goal does",
    }
    return [words[found.verdict]]
