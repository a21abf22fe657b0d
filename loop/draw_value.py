"""What a day's draws were worth by the truth, each counted once: what estimates speak of."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from data.join.inputs import log_files
from simulate.browsing.log import FILES


class DrawValue(NamedTuple):
    """Draws of a day that were rendered."""

    draws: int
    expected: float
    """Mean expected take, over all looks while a draw's window is open; NaN without draws."""


def draw_value(sent: Path, log: Path, folder: str) -> DrawValue:
    """The worth of the draws that members were answered on a day and saw then first.

    Args:
        sent: decisions that members were answered on the day.
        log: the log's folder, rolled, with its truth.
        folder: of the day, as `day=YYYY-MM-DD`.
    """
    answered = set(pq.ParquetFile(sent).read(columns=["decision_id"])["decision_id"].to_pylist())
    truth = pq.ParquetFile(log / "truth" / folder / FILES["truth"]).read().to_pydict()
    takes = {
        name: expected for name, expected in zip(*truth.values(), strict=True) if name in answered
    }
    rows = ds.dataset(log_files(log, "decisions"), format="parquet").to_table(
        columns=["decision_id", "candidates", "action"],
        filter=ds.field("decision_id").isin(list(takes)),
    )
    worth = {
        row["decision_id"]: takes[row["decision_id"]][row["candidates"].index(row["action"])]
        for row in rows.to_pylist()
    }
    return DrawValue(len(worth), float(np.mean(list(worth.values()))) if worth else float("nan"))
