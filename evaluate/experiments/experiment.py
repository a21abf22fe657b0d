"""`python -m evaluate experiment`: compare the cells of an A/B test from its joined examples.

Each cell runs its own policy, data and loop, so no cell learns from another's exploration.
"""

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from data.errors import BadInput
from evaluate.experiments.allocation import check_shares, mismatch_p_value
from evaluate.experiments.sequential import always_valid_half_width, always_valid_p
from evaluate.experiments.take_difference import take_fraction_difference

MISMATCH = 0.001
"""p-value of the sample ratio below which nothing else is believed."""


@dataclass(frozen=True)
class Look:
    """What a look at the end of one day says of one treatment cell.

    Attributes:
        day: of the look.
        members: in both cells together.
        control: take fraction of the control cell.
        treatment: take fraction of the treatment cell.
        lift: relative difference.
        difference: absolute.
        low: lower end of the always-valid interval of the difference.
        high: its upper end.
        p: always-valid p-value up to this look.
        explained: share of variance that the pre-period took away.
    """

    day: str
    members: int
    control: float
    treatment: float
    lift: float
    difference: float
    low: float
    high: float
    p: float
    explained: float


def analyse(
    log: str,
    control: str = "control",
    shares: dict[str, float] | None = None,
    start: str | None = None,
    effect: float = 0.02,
    confidence: float = 0.95,
) -> dict[str, object]:
    """Daily looks at each treatment cell against control; see `experiment` for the arguments."""
    if not 0 < confidence < 1 or effect <= 0:
        raise BadInput(
            f"--confidence {confidence} must lie between 0 and 1 and --effect {effect} above 0"
        )
    first = _date(start)
    rows = _member_days(log, first)
    members, moved = _members(rows, first)
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
    sizes = {c: sum(m == c for m in members.values()) for c in dict.fromkeys([*planned, *cells])}
    strangers = [c for c in cells if c not in planned]
    if strangers:
        raise BadInput(f"{log}: cells {strangers} are not in --shares {planned}; add them")
    mismatch = mismatch_p_value(sizes, planned)
    treatments = [c for c in cells if c != control]
    alpha = (1 - confidence) / len(treatments)
    looks = {
        cell: _looks(rows, members, first, control, cell, effect, alpha) for cell in treatments
    }
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
    return {
        "members": sizes,
        "mismatch_p": mismatch,
        "moved_members": moved,
        "state": "alert" if mismatch < MISMATCH else "warn" if moved else "ok",
        "warnings": warnings,
        "cells": {
            cell: {
                **asdict(found[-1]),
                "found": bool(found[-1].low > 0 or found[-1].high < 0),
                "first_found": next((k.day for k in found if k.low > 0 or k.high < 0), None),
                "looks": [asdict(k) for k in found],
            }
            for cell, found in looks.items()
            if found
        },
    }


def experiment(
    log: str,
    control: str = "control",
    shares: dict[str, float] | None = None,
    start: str | None = None,
    effect: float = 0.02,
    confidence: float = 0.95,
    json: bool = False,
) -> None:
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
        json: print one JSON object instead of a table.
    """
    found = analyse(log, control, shares, start, effect, confidence)
    if json:
        print(orjson.dumps(found).decode())
        return
    console = Console()
    table = Table("cell", "members", "take fraction", "lift", "always-valid interval", "p")
    for cell, look in found["cells"].items():  # pyright: ignore[reportAttributeAccessIssue]
        table.add_row(
            cell,
            f"{look['members']:,}",
            f"{look['treatment']:.5f} against {look['control']:.5f}",
            f"{look['lift']:+.2%}",
            f"{look['low']:+.5f} … {look['high']:+.5f}",
            f"{look['p']:.2g}",
        )
    console.print(table)
    for words in found["warnings"]:  # pyright: ignore[reportGeneralTypeIssues]
        console.print(f"[red]{words}[/red]")


def _looks(
    rows: dict[str, np.ndarray],
    members: dict[str, str | None],
    first: date | None,
    control: str,
    cell: str,
    effect: float,
    alpha: float,
) -> list[Look]:
    """One look a day, each on all that was seen up to it."""
    index = {m: i for i, m in enumerate(m for m, c in members.items() if c in (control, cell))}
    treated = np.array([members.get(m) == cell for m in index])
    at = np.array([index.get(m, -1) for m in rows["profile_id"]])
    days = rows["day"].astype("datetime64[D]")
    inside = at >= 0
    pre = inside & (days < np.datetime64(first)) if first else np.zeros_like(inside)
    size = len(index)
    before = None
    if pre.any():
        seen = np.bincount(at[pre], rows["impressions"][pre], size)
        taken = np.bincount(at[pre], rows["takes"][pre], size)
        overall = taken.sum() / seen.sum()
        before = (taken + 5 * overall) / (seen + 5)  # few impressions say little of a member
    takes, impressions = np.zeros(size), np.zeros(size)
    looks, p = [], 1.0
    for day in np.unique(days[inside & ~pre]):
        today = inside & ~pre & (days == day)
        takes += np.bincount(at[today], rows["takes"][today], size)
        impressions += np.bincount(at[today], rows["impressions"][today], size)
        active = impressions > 0
        if min((active & treated).sum(), (active & ~treated).sum()) < 2:
            continue
        d = take_fraction_difference(
            takes[active],
            impressions[active],
            treated[active],
            None if before is None else before[active],
        )
        if not d.variance > 0:
            continue
        scale = max(effect * d.control, 1e-12)
        variance = d.variance
        half = always_valid_half_width(variance, scale, alpha)
        p = min(p, always_valid_p(d.difference, variance, scale))
        looks.append(
            Look(
                day=str(day),
                members=int(active.sum()),
                control=d.control,
                treatment=d.treatment,
                lift=d.difference / d.control if d.control else float("nan"),
                difference=d.difference,
                low=d.difference - half,
                high=d.difference + half,
                p=p,
                explained=d.explained,
            )
        )
    return looks


def _member_days(log: str, first: date | None) -> dict[str, np.ndarray]:
    """Takes and impressions by member, cell and day."""
    path = Path(log)
    if not path.exists():
        raise BadInput(f"{log}: no such file or folder; give joined examples in Parquet")
    files = [str(path)] if path.is_file() else sorted(str(f) for f in path.rglob("*.parquet"))
    if not files:
        raise BadInput(f"{log}: the folder holds no Parquet file; give joined examples")
    try:
        relation = duckdb.connect().sql(
            """SELECT profile_id, cell, strftime(time AT TIME ZONE 'UTC', '%Y-%m-%d') AS day,
                      sum(reward)::DOUBLE AS takes, count(*)::DOUBLE AS impressions
               FROM read_parquet(?, union_by_name = true)
               GROUP BY ALL ORDER BY day, profile_id, cell""",
            params=[files],
        )
        table = relation.to_arrow_table()
    except duckdb.Error as error:
        raise BadInput(
            f"{log}: cannot read examples with profile_id, cell, time and reward ({error})"
        ) from None
    rows = {
        name: table[name].to_numpy()
        for name in ("profile_id", "cell", "day", "takes", "impressions")
    }
    if not np.isfinite(rows["takes"]).all():
        at = int((~np.isfinite(rows["takes"])).argmax())
        raise BadInput(
            f"{log}: profile_id {rows['profile_id'][at]} on {rows['day'][at]} has a reward that is"
            " null or not finite; drop the row"
        )
    return rows


def _members(rows: dict[str, np.ndarray], first: date | None) -> tuple[dict[str, str | None], int]:
    """Cell of each member since the start, None for those seen in more than one; their number."""
    members: dict[str, str | None] = {}
    for profile, cell, day in zip(rows["profile_id"], rows["cell"], rows["day"], strict=True):
        if cell is None or (first and date.fromisoformat(day) < first):
            continue
        members[profile] = cell if members.get(profile, cell) == cell else None
    return members, sum(c is None for c in members.values())


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--start {text!r} is no date; write YYYY-MM-DD") from None
