"""Whether a loop's days agree: what was served, what was logged, what was joined, and features."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from data.features import FeatureSpec, context_features
from data.join.inputs import log_files
from data.records import FACTS
from data.schema.page_facts import IMPRESSION_COLUMNS
from serve.live.request_facts import facts_array, folded


class Counts(NamedTuple):
    """A day's decisions at each station, by their ids; equal where nothing was lost or doubled."""

    served: int
    """Answered to members, as logged."""
    logged: int
    """Of these, in the log."""
    rendered: int
    """Of these, with an impression in the log."""
    joined: int
    """Of these, examples."""
    doubled: int
    """Examples beyond the first of a decision."""
    skewed: int
    """Of these, examples of live draws whose features differ from those of the request."""


def day_counts(sent: Path, log: Path, examples: Path, spec: FeatureSpec) -> Counts:
    """Follow a day's live decisions from the answers that members got to the examples.

    Args:
        sent: decisions that members were answered, with the facts of their requests.
        log: the log's folder, rolled.
        examples: joined from it; windows that are open are not in them.
        spec: of the features to compare.
    """
    asked = pq.read_table(sent)
    ids = asked["decision_id"].unique()
    decisions, events = (
        ds.dataset(log_files(log, kind), format="parquet") for kind in ("decisions", "events")
    )
    once = _of(decisions, ids, ["decision_id"])["decision_id"].unique()
    seen = _of(events, ids, ["decision_id", "kind"])
    shown = seen.filter(pc.equal(seen["kind"], "impression"))["decision_id"].unique()  # pyright: ignore[reportAttributeAccessIssue]
    rows = _of(_examples(examples), ids, ["decision_id", "facts", "cell"])
    # A page is answered from its member's map where a draw goes on: that was decided, and is
    # logged, with what precompute knew, and names no cell.
    live = rows.filter(pc.is_valid(rows["cell"]))  # pyright: ignore[reportAttributeAccessIssue]
    joined = len(rows["decision_id"].unique())
    return Counts(
        served=len(ids),
        logged=len(once),
        rendered=len(shown),
        joined=joined,
        doubled=len(rows) - joined,
        skewed=skewed_rows(spec, asked, live),
    )


def skewed_rows(spec: FeatureSpec, asked: pa.Table, examples: pa.Table) -> int:
    """Examples whose features are not those that the service computed from their request.

    What the request did not know, the impression filled in; only that may differ.

    Args:
        spec: of the features.
        asked: decision_id and the request's facts as JSON.
        examples: decision_id and facts, as training reads them.
    """
    requests = dict(
        zip(*(asked[name].to_pylist() for name in ("decision_id", "facts")), strict=True)
    )
    if not examples.num_rows:
        return 0
    rows, served = [], []
    parsed: dict[str, pa.StructArray] = {}
    for name in examples["decision_id"].to_pylist():
        text = requests[name]
        if text not in parsed:
            parsed[text] = facts_array([folded(json.loads(text), None)[0]])
        served.append(parsed[text])
    requested = pa.concat_arrays(served)
    trained = examples["facts"].combine_chunks().cast(FACTS)
    fields = []
    for field in FACTS:
        value = requested.field(field.name)
        if field.name in IMPRESSION_COLUMNS:
            value = pc.coalesce(value, trained.field(field.name))  # pyright: ignore[reportAttributeAccessIssue]
        fields.append(value)
    completed = pa.StructArray.from_arrays(fields, fields=list(FACTS))
    pair = context_features(spec, completed), context_features(spec, trained)
    for one, two in zip(*pair, strict=True):
        rows.append((one != two).reshape(len(one), -1).any(1))
    return int(np.logical_or.reduce(rows).sum())


def _examples(folder: Path) -> ds.Dataset:
    return ds.dataset(sorted(folder.glob("day=*/*.parquet")), format="parquet")


def _of(rows: ds.Dataset, ids: pa.Array, columns: list[str]) -> pa.Table:
    return rows.to_table(columns=columns, filter=ds.field("decision_id").isin(ids))
