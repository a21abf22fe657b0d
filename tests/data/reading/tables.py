"""One log of two days in the types and places that others write it in."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.records import DECISIONS, EVENTS, FACTS

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ROWS = 12
PAIRS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.float64())]))


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


def put(table, name, column):
    """The table with another column in the place of one."""
    return table.set_column(table.column_names.index(name), name, column)


def cast(table, **kinds):
    """The table with columns of other types."""
    for name, kind in kinds.items():
        table = put(table, name, table[name].cast(kind))
    return table


def with_facts(table, **fields):
    """The table with other columns in its facts; None takes one away."""
    facts = table["facts"].combine_chunks()
    columns = {f.name: facts.field(f.name) for f in FACTS} | fields
    columns = {name: column for name, column in columns.items() if column is not None}
    return put(table, "facts", pa.StructArray.from_arrays(list(columns.values()), list(columns)))


def pairs_of(table):
    """Genres as BigQuery has them."""
    maps = table["facts"].combine_chunks().field("watched_genres").to_pylist()
    return pa.array([[{"key": k, "value": v} for k, v in each] for each in maps], PAIRS)


def in_tokyo(table):
    """Its times as ISO 8601 text with a zone."""
    moments = table["time"].cast(pa.timestamp("us", "Asia/Tokyo"))
    return put(table, "time", pc.strftime(moments, "%Y-%m-%dT%H:%M:%S%z"))


def in_seconds(table):
    """Its times as numbers that do not say what they count."""
    return put(table, "time", pc.divide(table["time"].cast(pa.int64()), 10**6))


NAIVE = pa.timestamp("us")
READ_ALIKE = {
    "as written": lambda d, e: (d, e),
    "naive": lambda d, e: (cast(d, time=NAIVE), cast(e, time=NAIVE, received=NAIVE)),
    "nanoseconds": lambda d, e: (cast(d, time=pa.timestamp("ns")), e),
    "seconds in a zone": lambda d, e: (cast(d, time=pa.timestamp("s", "Asia/Tokyo")), e),
    "text with a zone": lambda d, e: (in_tokyo(d), e),
    "int32": lambda d, e: (cast(d, title_id=pa.int32()), cast(e, title_id=pa.int32())),
    "large strings": lambda d, e: (cast(d, decision_id=pa.large_string()), e),
    "string views": lambda d, e: (cast(d, profile_id=pa.string_view()), e),
    "categories": lambda d, e: (put(d, "action", d["action"].dictionary_encode()), e),
    "large lists": lambda d, e: (cast(d, candidates=pa.large_list(pa.large_string())), e),
    "no optional columns": lambda d, e: (
        d.drop(["probabilities", "bundle", "cell", "epoch", "fingerprint", "layout"]),
        e.drop(["artwork_id", "device", "surface", "row", "column", "thumb"]),
    ),
    "few facts": lambda d, e: (
        with_facts(d, **dict.fromkeys(("language", "row", "watched_cast"))),
        e,
    ),
    "maps as pairs": lambda d, e: (with_facts(d, watched_genres=pairs_of(d)), e),
    "columns of one's own": lambda d, e: (d.append_column("Time", d["seed"]), e),
}
"""What is read, by every reader, to the same rows."""
REFUSED = {
    "epoch seconds": lambda d, e: (in_seconds(d), e),
    "no candidates column": lambda d, e: (d.drop(["candidates"]), e),
    "a null profile": lambda d, e: (put(d, "profile_id", pa.array([None, *"mnmnmnmnmnm"])), e),
    "propensity as text": lambda d, e: (put(d, "propensity", pa.array(["half"] * ROWS)), e),
    "ids as fractions": lambda d, e: (put(d, "profile_id", pa.array([0.5] * ROWS)), e),
    "facts as text": lambda d, e: (put(d, "facts", pa.array(["{}"] * ROWS)), e),
}
"""What check names and every reader refuses."""


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
