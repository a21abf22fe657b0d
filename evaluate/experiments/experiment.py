"""`python -m evaluate experiment`: compare the cells of an A/B test from its joined examples.

Each cell runs its own policy, data and loop, so no cell learns from another's exploration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from rich.console import Console
from rich.table import Table

from data.errors import BadInput
from evaluate.experiments.allocation import check_shares, mismatch_p_value
from evaluate.experiments.look import Comparison, Look, daily_looks
from evaluate.experiments.member_days import MemberDays

MISMATCH = 0.001
"""p-value of the sample ratio below which nothing else is believed."""


@dataclass(frozen=True)
class CellResult(Look):
    """The last look at a treatment cell, and all that led to it."""

    found: bool
    """A difference, in either direction."""
    first_found: str | None
    """The day on which it was found first."""
    looks: list[Look]

    @classmethod
    def of(cls, looks: Sequence[Look]) -> "CellResult":
        """What some looks come to; there must be at least one."""
        days = [look.day for look in looks if look.excludes_zero]
        return cls(
            **vars(looks[-1]),
            found=looks[-1].excludes_zero,
            first_found=days[0] if days else None,
            looks=list(looks),
        )


@dataclass(frozen=True)
class ExperimentResult:
    """What an experiment says so far.

    Attributes:
        members: of each cell.
        mismatch_p: p-value of these numbers against the planned shares.
        moved_members: seen in more than one cell, and left out.
        state: alert where nothing else can be believed, warn where members were left out.
        warnings: each a plain sentence.
        cells: treatment cell → what is known of it.
    """

    members: Mapping[str, int]
    mismatch_p: float
    moved_members: int
    state: Literal["ok", "warn", "alert"]
    warnings: list[str]
    cells: Mapping[str, CellResult]


def experiment(
    log: str,
    control: str = "control",
    shares: dict[str, float] | None = None,
    start: str | None = None,
    effect: float = 0.02,
    confidence: float = 0.95,
) -> ExperimentResult:
    """Compare the cells of an A/B test, every day, with intervals that allow looking early.

    LOG is joined examples: a Parquet file or a folder of them, with profile_id, cell, time and
    reward.

    Args:
        log: Parquet file or folder of examples.
        control: the cell that others are compared with.
        shares: planned share of members by cell; equal where not given.
        start: first day of the experiment (YYYY-MM-DD); earlier rows are the pre-period, which
            takes away variance.
        effect: relative lift the test should be most eager for.
        confidence: of the always-valid intervals, shared among treatment cells.
    """
    if not 0 < confidence < 1 or effect <= 0:
        raise BadInput(
            f"--confidence {confidence} must lie between 0 and 1 and --effect {effect} above 0"
        )
    first = _date(start)
    rows = MemberDays.read(log)
    members = rows.cell_of(first)
    cells = sorted({c for c in members.values() if c is not None})
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
    alpha = (1 - confidence) / len(treatments)
    looks = {
        cell: daily_looks(rows, members, Comparison(control, cell, first, effect, alpha))
        for cell in treatments
    }
    return _result(members, planned, looks)


def show(result: ExperimentResult) -> None:
    """The last look at each treatment cell, and what speaks against believing it."""
    console = Console()
    table = Table("cell", "members", "take fraction", "lift", "always-valid interval", "p")
    for cell, look in result.cells.items():
        table.add_row(
            cell,
            f"{look.members:,}",
            f"{look.treatment:.5f} against {look.control:.5f}",
            f"{look.lift:+.2%}",
            f"{look.low:+.5f} … {look.high:+.5f}",
            f"{look.p:.2g}",
        )
    console.print(table)
    for words in result.warnings:
        console.print(f"[red]{words}[/red]")


def _result(
    members: Mapping[str, str | None],
    planned: Mapping[str, float],
    looks: Mapping[str, Sequence[Look]],
) -> ExperimentResult:
    """Looks at every treatment cell, with the alarms that belong to all of them."""
    sizes = {cell: sum(m == cell for m in members.values()) for cell in planned}
    mismatch = mismatch_p_value(sizes, planned)
    moved = sum(cell is None for cell in members.values())
    warnings = []
    if mismatch < MISMATCH:
        warnings.append(
            f"sample ratio mismatch: members {sizes} against planned shares {planned} (p ="
            f" {mismatch:.2g}); members are lost or gained in one cell, believe nothing below"
            " before that is explained"
        )
    if moved:
        warnings.append(
            f"{moved} members were seen in more than one cell and are left out; members must keep"
            " their cell"
        )
    return ExperimentResult(
        members=sizes,
        mismatch_p=mismatch,
        moved_members=moved,
        state="alert" if mismatch < MISMATCH else "warn" if moved else "ok",
        warnings=warnings,
        cells={cell: CellResult.of(some) for cell, some in looks.items() if some},
    )


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--start {text!r} is no date; write YYYY-MM-DD") from None
