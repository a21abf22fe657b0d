"""`python -m evaluate experiment`: compare the cells of an A/B test from its joined examples.

Each cell runs its own policy, data and loop, so no cell learns from another's exploration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from data.errors import BadInput
from evaluate.experiments.allocation import check_shares
from evaluate.experiments.cell_metrics import CellMetric, cell_metrics, warnings_of
from evaluate.experiments.look import (
    LEAST_MEMBERS,
    CellLooks,
    Comparison,
    ExperimentPlan,
    Look,
    PlannedLook,
    all_looks,
)
from evaluate.experiments.member_days import MemberDays
from evaluate.experiments.sample_ratio import MISMATCH, sample_ratio_p
from evaluate.experiments.take_difference import LEAST_TAKES
from evaluate.experiments.written_experiment import written_experiment
from evaluate.metrics.metrics import guard_words, guards_beside


@dataclass(frozen=True)
class CellResult(Look):
    """The last look at a treatment cell, and all that led to it."""

    found: bool
    """A difference, in either direction: at a planned look if looks were planned, else now."""
    first_found: str | None
    """The day on which it was found first."""
    tau: float
    """Spread of differences that the always-valid interval is made for."""
    looks: list[Look]
    planned: list[PlannedLook]
    """CellLooks that the test may stop at; empty if none were planned."""

    @classmethod
    def of(cls, looks: CellLooks, are_planned: bool) -> "CellResult":
        """What some looks come to; there must be at least one."""
        deciding = looks.planned if are_planned else looks.daily
        days = [look.day for look in deciding if look.excludes_zero]
        return cls(
            **vars(looks.daily[-1]),
            found=bool(days) if are_planned else looks.daily[-1].excludes_zero,
            first_found=days[0] if days else None,
            tau=looks.tau,
            looks=looks.daily,
            planned=looks.planned,
        )


@dataclass(frozen=True)
class ExperimentResult:
    """What an experiment says so far.

    Attributes:
        members: of each cell.
        mismatch_p: p-value of these numbers, day by day, against the planned shares.
        moved_members: seen in more than one cell, and left out.
        state: alert where nothing else can be believed, warn where members were left out.
        warnings: each a plain sentence.
        notes: how looks were made, likewise.
        cells: treatment cell → what is known of it.
    """

    members: Mapping[str, int]
    mismatch_p: float
    moved_members: int
    state: Literal["ok", "warn", "alert"]
    warnings: list[str]
    notes: list[str]
    cells: Mapping[str, CellResult]
    metrics: Mapping[str, Mapping[str, CellMetric]] = field(default_factory=dict)
    """Treatment cell → metric → what is known of it."""


# Each parameter is an option of the command.
def experiment(
    log: str,
    control: str = "control",
    shares: dict[str, float] | None = None,
    start: str | None = None,
    tau: float | None = None,
    looks: int = 0,
    days: int = 0,
    confidence: float = 0.95,
    where: str | None = None,
    catalogue: str | None = None,
    experiments: Path | None = None,
    name: str | None = None,
) -> ExperimentResult:
    """Compare the cells of an A/B test, every day, with intervals that allow looking early.

    LOG is joined examples: a Parquet file or a folder of them, with profile_id, cell, time and
    reward. Where the service put members into cells, give its file by --experiments.

    Args:
        log: Parquet file or folder of examples.
        control: the cell that others are compared with.
        shares: planned share of members by cell; equal where not given.
        start: first day of the experiment (YYYY-MM-DD); earlier rows are the pre-period, which
            takes away variance.
        tau: as `power` prints it: the intervals are narrowest at the precision planned there; half
            the first look's standard error is taken for planned where it is not given.
        looks: of a test with a planned end, at even distances; decide by these, and by no other.
        days: until that end.
        confidence: of the intervals, shared among treatment cells.
        where: SQL over the columns of examples: only rows that it holds for, such as
            "facts.country = 'NO'"; of what was known before a cell could change it.
        catalogue: folder whose schema.yaml guards metrics; one beside or in LOG if not given.
        experiments: experiments.yaml that the service decided by: it says control and shares.
        name: of the experiment in it; may be left out where it is the only one.
    """
    if experiments is not None:
        control, shares, name = written_experiment(experiments, name)
    elif name is not None:
        raise BadInput(f"--name {name} is of an experiments.yaml; give it by --experiments")
    if not 0 < confidence < 1 or (tau is not None and not tau > 0):
        raise BadInput(f"--confidence {confidence} must lie in (0, 1) and --tau {tau} above 0")
    if looks < 0 or (looks and days < looks):
        raise BadInput(
            f"--looks {looks} needs --days, at least as many ({days}): plan with `python -m"
            " evaluate power --looks`, which prints both"
        )
    first = _date(start)
    rows = MemberDays.read(log, where, experiment=name)
    members = rows.cell_of(first)
    cells = sorted({c for c in members.values() if c is not None})
    if experiments is not None and control not in cells:
        raise BadInput(
            f"{log}: no row of its control cell {name}:{control}; serve with --experiments"
            f" {experiments}, roll and join, then look again"
        )
    if control not in cells or len(cells) < 2:
        raise BadInput(
            f"{log}: cells {cells} hold no comparison with control cell {control!r}; name the"
            " control cell with --control"
        )
    planned = shares or {c: 1 / len(cells) for c in cells}
    try:
        check_shares(planned)
    except ValueError as error:
        raise BadInput(f"--shares: {error}") from None
    if strangers := [c for c in cells if c not in planned]:
        raise BadInput(f"{log}: cells {strangers} are not in --shares {planned}; add them")
    treatments = [c for c in cells if c != control]
    plan = ExperimentPlan((1 - confidence) / len(treatments), tau, looks, days)
    comparisons = [Comparison(control, cell, first, plan) for cell in treatments]
    result = read_out(rows, planned, comparisons)
    metrics = cell_metrics(log, where, comparisons, guards_beside(log, catalogue), name)
    broken = warnings_of(metrics)
    state = "warn" if broken and result.state == "ok" else result.state
    warnings = [*result.warnings, *broken]
    return replace(result, metrics=metrics, warnings=warnings, state=state)


def read_out(
    rows: MemberDays, shares: Mapping[str, float], comparisons: Sequence[Comparison]
) -> ExperimentResult:
    """What an experiment says so far; see `experiment`.

    Args:
        rows: takes and impressions by member, cell and day.
        shares: planned share of members by cell.
        comparisons: of treatment cells with control, at least one.
    """
    first = comparisons[0].first
    members = rows.cell_of(first)
    sizes = rows.sizes(members, first)
    looks = {one.treatment: all_looks(rows, members, one) for one in comparisons}
    mismatch = sample_ratio_p(sizes, shares)
    moved = sum(cell is None for cell in members.values())
    warnings = []
    if mismatch < MISMATCH:
        warnings.append(
            f"sample ratio mismatch: members {sizes[-1]} against planned shares {dict(shares)} (p ="
            f" {mismatch:.2g} over all days); members are lost or gained in one cell, believe"
            " nothing below before that is explained"
        )
    if moved:
        warnings.append(
            f"{moved} members were seen in more than one cell and are left out; members must keep"
            " their cell"
        )
    return ExperimentResult(
        members=sizes[-1],
        mismatch_p=mismatch,
        moved_members=moved,
        state="alert" if mismatch < MISMATCH else "warn" if moved else "ok",
        warnings=warnings,
        notes=[words for one in comparisons for words in _notes(looks[one.treatment], one)],
        cells={
            one.treatment: CellResult.of(looks[one.treatment], one.plan.looks > 0)
            for one in comparisons
            if looks[one.treatment].daily
        },
    )


def _notes(looks: CellLooks, comparison: Comparison) -> list[str]:
    """What was done about small cells and busy members, and what to decide by."""
    cell, plan, notes = comparison.treatment, comparison.plan, []
    if looks.too_small:
        notes.append(
            f"{cell}: no look on {looks.too_small} days, as a cell had fewer than {LEAST_MEMBERS}"
            f" members, or fewer than {LEAST_TAKES:.0f} takes were due in it"
        )
    if not looks.daily:
        return notes
    if capped := looks.daily[-1].capped:
        notes.append(
            f"{cell}: {capped} members own so much of the impressions that they count by the 99th"
            " percentile of members' impressions"
        )
    if plan.tau is None:
        notes.append(
            f"{cell}: no --tau, so tau {looks.tau:.5f} is that of twice the first look's precision;"
            " `python -m evaluate power` gives the one of a plan"
        )
    if plan.looks:
        notes.append(
            f"{cell}: decide by the {plan.looks} planned looks; the always-valid interval is shown"
            " beside them, and stopping by either doubles the error"
        )
    return notes


def show(result: ExperimentResult) -> None:
    """The last look at each treatment cell, and what speaks against believing it."""
    console = Console()
    table = Table("cell", "members of both", "take fraction", "lift", "always-valid interval", "p")
    for cell, look in result.cells.items():
        table.add_row(
            cell,
            f"{look.members:,}",
            f"{look.treatment:.5f} against {look.control:.5f}",
            f"{look.lift:+.2%}" if look.control else "none: control has no take",
            f"{look.low:+.5f} … {look.high:+.5f}",
            f"{look.p:.2g}",
        )
    console.print(table)
    _show_metrics(result, console)
    for cell, last in result.cells.items():
        for look in last.planned:
            verdict = "stop: they differ" if look.excludes_zero else "go on"
            console.print(
                f"{cell}, planned look {look.number} on {look.day}: {look.low:+.5f} …"
                f" {look.high:+.5f}, {verdict}"
            )
    for words in result.notes:
        console.print(words)
    for words in result.warnings:
        console.print(f"[red]{words}[/red]")


def _show_metrics(result: ExperimentResult, console: Console) -> None:
    """The last look at each metric, and what of it is guarded."""
    table = Table("cell", "metric", "mean", "always-valid interval", "guard")
    for cell, metrics in result.metrics.items():
        for name, one in metrics.items():
            table.add_row(
                cell,
                name,
                f"{one.look.treatment:.5g} against {one.look.control:.5g}",
                f"{one.look.low:+.5g} … {one.look.high:+.5g}",
                "none" if one.guard is None else guard_words(one.guard),
            )
    if table.row_count:
        console.print(table)


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--start {text!r} is no date; write YYYY-MM-DD") from None
