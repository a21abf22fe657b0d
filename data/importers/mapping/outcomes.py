"""What came of impressions in somebody's files: the reward, and numbers beside it."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from data.importers.mapping.columns import MappedRows
from data.importers.mapping.import_map import REWARD
from data.records import METRICS, SCHEMA_VERSION


def outcomes_of(rows: MappedRows) -> dict[str, pa.Array]:
    """Columns of examples that say what came of each impression; odd rows are set aside."""
    count, key = len(rows), rows.map.keys.get
    reward = rows.fitted(key("reward"), pa.float64(), needed=True)
    value = np.asarray(reward.fill_null(np.nan))
    rows.set_aside(~np.isfinite(value), "reward is not finite")
    learnt = _learnt(rows, value)
    name = rows.fitted(key("reward_name"), pa.string())
    binary = np.asarray(pc.is_in(name, value_set=pa.array(["take", "play"])))
    rows.set_aside(binary & ~np.isin(value, (0, 1)), "reward of a take or play is not 0 or 1")
    minutes = np.asarray(rows.fitted(key("minutes"), pa.float32()).fill_null(0))
    rows.set_aside(~(np.isfinite(minutes) & (minutes >= 0)), "minutes are below 0")
    played = rows.fitted(key("played"), pa.bool_())
    metrics = {"metrics": _metrics(rows, value)} if rows.map.has_metrics else {}
    return {
        **metrics,
        "reward": pa.array(learnt),
        "reward_name": name.fill_null(REWARD),
        "minutes": pa.array(minutes, pa.float32()),
        "played": pc.coalesce(played, pa.array(value > 0)),
        "impressions": rows.fitted(key("impressions"), pa.int32()).fill_null(1),
        "schema_version": pa.array(np.full(count, SCHEMA_VERSION, np.int16)),
    }


def _learnt(rows: MappedRows, value: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """Rewards as they are learnt; those that do not lie where the map says are set aside."""
    source = rows.map.keys["reward"]
    if source.range is not None:
        least, most = source.range
        rows.set_aside((value < least) | (value > most), "reward is outside its range")
        return (value - least) / (most - least)
    if source.half is not None:
        rows.set_aside(value < 0, "reward is below 0, and has a half")
        return np.maximum(value, 0) / (np.maximum(value, 0) + source.half)
    return value


def _metrics(rows: MappedRows, reward: Float[np.ndarray, " rows"]) -> pa.Array:
    """Numbers beside the reward, as METRICS; a scaled reward in its own units is one."""
    columns, raw = [], rows.map.raw_reward
    for name, source in rows.map.metrics.items():
        column = rows.fitted(source, pa.float64(), needed=True)
        rows.set_aside(~np.isfinite(np.asarray(column.fill_null(np.nan))), f"{name}: no number")
        columns.append(np.asarray(column.fill_null(0)))
    own = [] if raw is None else [raw]
    columns += [np.nan_to_num(reward) for _ in own]
    count, each = len(rows), len(columns)
    names = pa.array([*rows.map.metrics, *own] * count, pa.string())
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * each)
    values = pa.array(np.stack(columns, axis=1).ravel())
    return pa.MapArray.from_arrays(offsets, names, values, METRICS)
