"""A loop's days as a table for the terminal."""

from itertools import pairwise
from typing import Any

from rich.table import Table


def shown(rows: list[dict[str, Any]]) -> Table:
    """One line a live day.

    Args:
        rows: of the loop's state; row 0 is the history before the first live day.
    """
    table = Table(title="live days; regret and online value by the truth, over impressions")
    for name in (
        "day", "impressions", "take live", "take map", "regret % of even", "online", "offline",
        "held", "changed", "fallbacks", "served", "logged", "rendered", "joined", "skew",
    ):  # fmt: skip
        table.add_column(name, justify="right")
    for before, row in pairwise(rows):
        live = row["cells"]["live"]
        online = live["expected"] / live["impressions"]
        offline = before["offline"]
        counts = row.get("counts", {})
        pages = row["pages"]
        other = sum(
            count for reason, count in pages.items() if reason not in ("live", "map: found")
        )
        table.add_row(
            str(row["day"]), f"{row['impressions']:.0f}",
            *(_take(row["cells"].get(cell)) for cell in ("live", "map")),
            f"{100 * live['regret'] / live['uniform_regret']:.1f}", f"{online:.4f}",
            f"{offline['value']:.4f} [{offline['low']:.4f}, {offline['high']:.4f}]",
            "yes" if offline["low"] <= online <= offline["high"] else "no",
            f"{100 * row['artwork_changed'] / row['impressions']:.0f}%",
            f"{other}/{sum(pages.values())}",
            *(str(counts.get(name, "")) for name in
              ("served", "logged", "rendered", "joined", "skewed")),
        )  # fmt: skip
    return table


def _take(cell: dict[str, float] | None) -> str:
    return "–" if not cell else f"{cell['takes'] / cell['impressions']:.4f}"
