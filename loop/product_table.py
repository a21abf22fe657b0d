"""What the product loop's days say: as a table for the terminal, and together."""

from collections.abc import Sequence
from itertools import pairwise

from rich.table import Table

from loop.state import Row

STATIONS = ("served", "logged", "rendered", "joined", "skewed")
COLUMNS = (
    "day",
    "impressions",
    "take live",
    "take map",
    "regret % of even",
    "online",
    "offline",
    "held",
    "changed",
    "fallbacks",
    *STATIONS,
)

TOLD = ("synopses live", "synopses map")
"""What the choice of synopses adds to artwork alone, of what it could."""


def days_table(rows: Sequence[Row]) -> Table:
    """One line a live day.

    Args:
        rows: of the loop's state; row 0 is the history before the first live day.
    """
    table = Table(title="live days, by the truth: regret over impressions, online value over draws")
    told = any("synopses" in row for row in rows)
    for name in (*COLUMNS, *(TOLD if told else ())):
        table.add_column(name, justify="right")
    for before, row in pairwise(rows):
        live, offline = row["cells"]["live"], before["offline"]
        counts, pages = row.get("counts", {}), row["pages"]
        others = (pages[reason] for reason in pages if reason not in ("live", "map: found"))
        table.add_row(
            str(row["day"]),
            f"{row['impressions']:.0f}",
            *(_take(row["cells"].get(cell)) for cell in ("live", "map")),
            f"{100 * live['regret'] / live['uniform_regret']:.1f}",
            f"{online_value(row):.4f}",
            f"{offline['value']:.4f} [{offline['low']:.4f}, {offline['high']:.4f}]",
            "yes" if holds(before, row) else "no",
            f"{100 * row['artwork_changed'] / row['impressions']:.0f}%",
            f"{sum(others)}/{sum(pages.values())}",
            *(str(counts.get(name, "")) for name in STATIONS),
            *(_told(row, cell) for cell in ("live", "map") if told),
        )
    return table


def summary(rows: Sequence[Row]) -> Row:
    """What the days say together, once all have been counted."""
    live = rows[1:]
    counts = [row["counts"] for row in live]
    told = [row["synopses"]["live"] for row in live if "live" in row.get("synopses", {})]
    adds = [sums["expected"] / sums["even"] - 1 for sums in told]
    return {
        "regret_per_impression": [
            row["cells"]["live"]["regret"] / row["cells"]["live"]["impressions"] for row in live
        ],
        **({"synopses_add_to_artwork": adds} if adds else {}),
        "bundles_published": len({row["offline"]["bundle"] for row in rows}),
        "days_held_by_offline_interval": sum(holds(*pair) for pair in pairwise(rows)),
        "lost": sum(c["served"] - c["logged"] + c["rendered"] - c["joined"] for c in counts),
        "doubled": sum(c["doubled"] for c in counts),
        "skewed": sum(c["skewed"] for c in counts),
    }


def holds(before: Row, row: Row) -> bool:
    """Whether the estimate of the night before has the day's expected take in its interval."""
    return before["offline"]["low"] <= online_value(row) <= before["offline"]["high"]


def online_value(row: Row) -> float:
    """A live day's expected take a draw, of what was decided live."""
    return row["online"]["expected"]


def _told(row: Row, cell: str) -> str:
    """What synopses add to the same artwork with one drawn evenly, and what the best would."""
    sums = row.get("synopses", {}).get(cell)
    if not sums or not sums["even"]:
        return "–"
    adds, most = (100 * (sums[name] / sums["even"] - 1) for name in ("expected", "best"))
    return f"{adds:+.1f}% of {most:+.1f}%"


def _take(cell: dict[str, float] | None) -> str:
    return "–" if not cell else f"{cell['takes'] / cell['impressions']:.4f}"
