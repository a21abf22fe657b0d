"""One log of two days in the types and places that others write it in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.records import DECISIONS, EVENTS

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ROWS = 12


def decisions():
    """One an hour, on two days."""
    return pa.Table.from_pylist(
        [
            {
                "schema_version": 2,
                "decision_id": f"{n:032x}",
                "time": NOON + timedelta(hours=2 * n),
                "profile_id": f"m{n % 5}",
                "title_id": 7,
                "facts": {"country": "NO", "tenure_days": 10.0 + n, "watched_genres": [("a", n)]},
                "candidates": ["x", "y"],
                "action": "xy"[n % 2],
                "propensity": 0.5,
                "policy": "random",
                "seed": n,
                "level": "personalised",
            }
            for n in range(ROWS)
        ],
        DECISIONS,
    )


def events():
    """An impression of each, and a play and 45 minutes of every third."""
    rows = []
    for n, decision in enumerate(decisions().to_pylist()):
        who = {name: decision[name] for name in ("decision_id", "profile_id", "title_id")}
        for kind, minutes in (("impression", None), ("play", None), ("progress", 45.0)):
            if kind == "impression" or n % 3 == 0:
                at = decision["time"] + timedelta(minutes=minutes or 1)
                event = {"schema_version": 2, "event_id": f"{kind}{n}", "kind": kind}
                rows.append(who | event | {"time": at, "received": at, "minutes": minutes})
    return pa.Table.from_pylist(rows, EVENTS)


def write(folder: Path, made):
    """A log; with files beside it that are nobody's."""
    for kind, table in zip(("decisions", "events"), made(decisions(), events()), strict=True):
        (folder / kind / "_temporary").mkdir(parents=True)
        (folder / kind / ".x").mkdir()
        pq.write_table(table, folder / kind / "b.parquet")
        nothing = pa.table({name: pa.nulls(0) for name in table.column_names})
        pq.write_table(nothing, folder / kind / "a-empty.parquet")
        for place in ("_temporary/half.parquet", ".x/half.parquet"):
            (folder / kind / place).write_bytes(b"PAR1")
    return folder
