"""Metrics of an experiment's cells beside the reward, and whether their guards hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from data.reading.conformed_files import conformed_files
from data.reading.duckdb_session import session
from data.records import WITH_METRICS
from data.schema_cast import parquet_files
from evaluate.experiments.look import Comparison, Look, all_looks
from evaluate.experiments.member_days import MemberDays
from evaluate.metrics.metrics import guard_words, has_metrics


@dataclass(frozen=True)
class CellMetric:
    """A metric in a treatment cell, at the last look."""

    guard: float | None
    """Share of control's that may be lost (below 0) or had beyond it (above 0); None: any."""
    broken: bool
    """Whether the always-valid interval lies beyond the guard."""
    look: Look

    @classmethod
    def of(cls, look: Look, guard: float | None) -> "CellMetric":
        """What a look says of a guard."""
        edge = 0.0 if guard is None else guard * abs(look.control)
        beyond = look.high < edge if guard is not None and guard < 0 else look.low > edge
        return cls(guard, guard is not None and beyond, look)


def cell_metrics(
    log: str,
    where: str | None,
    comparisons: Sequence[Comparison],
    guards: Mapping[str, float],
    experiment: str | None = None,
) -> dict[str, dict[str, CellMetric]]:
    """Treatment cell → metric → its last look; a cell that is too small for a look has none.

    Args:
        log: Parquet file or folder of examples.
        where: SQL over their columns; None: all.
        comparisons: of treatment cells with control.
        guards: metric → guard.
        experiment: as `MemberDays.read`.
    """
    found: dict[str, dict[str, CellMetric]] = {one.treatment: {} for one in comparisons}
    for name in metric_names_of(log):
        rows = MemberDays.read(log, where, name, experiment)
        members = rows.cell_of(comparisons[0].first)
        for one in comparisons:
            if looks := all_looks(rows, members, one).daily:
                found[one.treatment][name] = CellMetric.of(looks[-1], guards.get(name))
    return found


def warnings_of(found: Mapping[str, Mapping[str, CellMetric]]) -> list[str]:
    """A sentence for each guard that is broken."""
    return [
        f"{cell}: {name} is {one.look.treatment:.4g} against {one.look.control:.4g}, and its guard "
        f"allows {guard_words(one.guard)}; do not ship this cell"
        for cell, metrics in found.items()
        for name, one in metrics.items()
        if one.broken and one.guard is not None
    ]


def metric_names_of(log: str) -> list[str]:
    """Metrics that a file or folder of examples has beside the reward."""
    files = parquet_files(Path(log))
    if not has_metrics(files):
        return []
    schema = pa.schema([WITH_METRICS.field("metrics")])
    places = [str(file) for file in conformed_files(files, schema)]
    query = (
        "SELECT DISTINCT unnest(map_keys(metrics)) AS name"
        " FROM read_parquet(?, union_by_name = true) ORDER BY name"
    )
    with session() as connection:
        return [name for (name,) in connection.execute(query, [places]).fetchall()]
