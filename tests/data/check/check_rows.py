"""Rows that are right, but for what a test changes."""

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.records import DECISIONS, EVENTS, EXAMPLES, SCHEMA_VERSION

DAY = date(2026, 1, 1)


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def example(i: int, **changes) -> dict:
    return {
        "decision_id": f"{i:032x}",
        "time": NOON,
        "profile_id": f"p{i}",
        "title_id": 1,
        "facts": {"country": "NL", "watched_genres": [("drama", 2.0)]},
        "candidates": ["a", "b", "c"],
        "action": "abc"[i % 3],
        "propensity": 1 / 3,
        "policy": "random",
        "level": "personalised",
        "played": True,
        "minutes": 30.0,
        "reward": 1.0,
        "reward_name": "take",
    } | changes


def decision(i: int, **changes) -> dict:
    row = {k: v for k, v in example(i).items() if k in DECISIONS.names}
    extra = {"schema_version": SCHEMA_VERSION, "seed": i, "probabilities": [1 / 3] * 3}
    return row | extra | changes


def event(i: int, **changes) -> dict:
    return {
        "schema_version": SCHEMA_VERSION,
        "event_id": f"e{i}",
        "kind": "impression",
        "time": NOON,
        "received": NOON,
        "profile_id": f"p{i}",
        "title_id": 1,
        "artwork_id": "a",
    } | changes


def examples(**changes) -> pa.Table:
    """Five examples; the changes are made to row 3."""
    rows = [example(i, **(changes if i == 3 else {})) for i in range(5)]
    return pa.Table.from_pylist(rows, EXAMPLES)


def log(folder: Path, decisions: list[dict], events: list[dict]) -> Path:
    for name, rows, schema in (("decisions", decisions, DECISIONS), ("events", events, EVENTS)):
        (folder / name / "day=2026-01-01").mkdir(parents=True, exist_ok=True)
        file = folder / name / "day=2026-01-01" / "part-0.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema), file)
    return folder
