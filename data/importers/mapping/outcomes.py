"""What came of impressions in somebody's files: the reward, and numbers beside it."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.importers.mapping.columns import MappedRows
from data.records import METRICS, SCHEMA_VERSION


def outcomes_of(rows: MappedRows) -> dict[str, pa.Array]:
    """Columns of examples that say what came of each impression; odd rows are set aside."""
    count, key = len(rows), rows.map.keys.get
    reward = rows.fitted(key("reward"), pa.float64(), needed=True)
    value = np.asarray(reward.fill_null(np.nan))
    rows.set_aside(~np.isfinite(value), "reward is not finite")
    name = rows.fitted(key("reward_name"), pa.string())
    binary = np.asarray(pc.is_in(name, value_set=pa.array(["take", "play"])))
    rows.set_aside(binary & ~np.isin(value, (0, 1)), "reward of a take or play is not 0 or 1")
    minutes = np.asarray(rows.fitted(key("minutes"), pa.float32()).fill_null(0))
    rows.set_aside(~(np.isfinite(minutes) & (minutes >= 0)), "minutes are below 0")
    played = rows.fitted(key("played"), pa.bool_())
    metrics = {"metrics": _metrics(rows)} if rows.map.metrics else {}
    return {
        **metrics,
        "reward": reward,
        "reward_name": name.fill_null("reward"),
        "minutes": pa.array(minutes, pa.float32()),
        "played": pc.coalesce(played, pa.array(value > 0)),
        "impressions": rows.fitted(key("impressions"), pa.int32()).fill_null(1),
        "schema_version": pa.array(np.full(count, SCHEMA_VERSION, np.int16)),
    }


def _metrics(rows: MappedRows) -> pa.Array:
    """Numbers beside the reward, as METRICS."""
    columns = []
    for name, source in rows.map.metrics.items():
        column = rows.fitted(source, pa.float64(), needed=True)
        rows.set_aside(~np.isfinite(np.asarray(column.fill_null(np.nan))), f"{name}: no number")
        columns.append(np.asarray(column.fill_null(0)))
    count, each = len(rows), len(columns)
    names = pa.array(list(rows.map.metrics) * count, pa.string())
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * each)
    values = pa.array(np.stack(columns, axis=1).ravel())
    return pa.MapArray.from_arrays(offsets, names, values, METRICS)
