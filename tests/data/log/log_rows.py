"""Records to log, and what a rolled log holds."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.log import PageRecords
from data.records import DECISIONS, EVENTS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(name, time=NOON, **said):
    return {
        "event_id": name,
        "kind": "play",
        "time": time,
        "received": time,
        "profile_id": "ada",
        "title_id": 7,
        **said,
    }


def decision(name, time=NOON, **said):
    return {
        "decision_id": name,
        "time": time,
        "profile_id": "ada",
        "title_id": 7,
        "facts": {"country": "BR", "row": 2, "watched_genres": {"comedy": 3.0}},
        "candidates": ["x", "y"],
        "action": "x",
        "propensity": 0.5,
        "probabilities": [0.5, 0.5],
        "policy": "uniform",
        "seed": 2**64 - 1,
        "level": "personalised",
        **said,
    }


def page(name, count=3, **said):
    single = decision(name)
    each = ("decision_id", "title_id", "action", "seed", "candidates", "propensity")
    shared = {key: value for key, value in single.items() if key not in (*each, "probabilities")}
    columns = {
        "decision_id": [f"{name}-{i}" for i in range(count)],
        "title_id": list(range(count)),
        "action": ["x"] * count,
        "seed": [2**64 - 1 - i for i in range(count)],
        "candidates": [["x", "y", "z"][: 1 + i % 3] for i in range(count)],
        "propensity": [0.5] * count,
    }
    return PageRecords({**shared, **said}, columns)


def rolled(log_dir, kind):
    files = sorted((Path(log_dir) / kind).rglob("*.parquet"))
    schema = {"decisions": DECISIONS, "events": EVENTS}[kind]
    tables = [pq.ParquetFile(file).read().cast(schema) for file in files]
    return pa.concat_tables(tables) if tables else schema.empty_table()
