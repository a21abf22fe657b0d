"""Decisions as rows of the log (`data.records.DECISIONS`), from arrays."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int, UInt64

from data.records import DECISIONS, FACTS, SCHEMA_VERSION, TIMESTAMP
from serve.layout import Layout

PAGE_FACTS = ("device", "surface", "row", "column", "day_part")
"""Facts that only a page knows; precompute decides, and logs, without them."""


def without_page(facts: pa.StructArray) -> pa.StructArray:
    """Member facts with everything that depends on the page set to null."""
    columns = []
    for index, field in enumerate(FACTS):
        if field.name in PAGE_FACTS:
            columns.append(pa.nulls(len(facts), field.type))
        else:
            columns.append(facts.field(index))
    return pa.StructArray.from_arrays(columns, fields=list(FACTS))


def candidate_lists(layout: Layout) -> pa.ListArray:
    """The candidates of every title, by slot."""
    offsets = pa.array(layout.starts.astype(np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(layout.artwork_ids, pa.string()))


def decision_rows(
    *,
    ids: Sequence[str],
    time_us: int,
    profile_ids: pa.Array,
    facts: pa.StructArray,
    layout: Layout,
    lists: pa.ListArray,
    members: Int[np.ndarray, " decisions"],
    slots: Int[np.ndarray, " decisions"],
    choice: Int[np.ndarray, " decisions"],
    propensity: Float[np.ndarray, " decisions"],
    probabilities: Float[np.ndarray, "decisions ranks"] | None,
    seeds: UInt64[np.ndarray, " decisions"],
    policy: str,
    bundle: str | None,
    level: str = "personalised",
    cell: str | None = None,
) -> pa.Table:
    """One row a decision; `members` index `profile_ids` and `facts`, `choice` is a rank."""
    count = len(members)
    if probabilities is None:
        kept = pa.nulls(count, pa.list_(pa.float64()))
    else:
        sizes = layout.counts[slots]
        flat = probabilities[np.arange(probabilities.shape[1]) < sizes[:, None]]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        kept = pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat))
    names = pa.array(layout.artwork_ids, pa.string())
    at, of = pa.array(slots), pa.array(members)
    columns = {
        "schema_version": _constant(SCHEMA_VERSION, count, pa.int16()),
        "decision_id": pa.array(ids, pa.string()),
        "time": _constant(time_us, count, pa.int64()).cast(TIMESTAMP),
        "profile_id": profile_ids.take(of),
        "title_id": pa.array(layout.title_ids[slots].astype(np.int64)),
        "facts": facts.take(of),
        "candidates": lists.take(at),
        "action": names.take(pa.array(layout.starts[slots] + choice)),
        "propensity": pa.array(propensity),
        "probabilities": kept,
        "policy": _constant(policy, count, pa.string()),
        "bundle": _constant(bundle, count, pa.string()),
        "seed": pa.array(seeds),
        "level": _constant(level, count, pa.string()),
        "cell": _constant(cell, count, pa.string()),
    }
    return pa.Table.from_arrays(
        [columns[name].cast(DECISIONS.field(name).type) for name in DECISIONS.names],
        schema=DECISIONS,
    )


def _constant(value: object, count: int, kind: pa.DataType) -> pa.Array:
    return pa.repeat(pa.scalar(value, kind), count)
