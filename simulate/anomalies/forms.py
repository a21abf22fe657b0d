"""A log in the types that others write: what is read to the same rows, and what is refused."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

from data.records import FACTS

Form = Callable[[pa.Table, pa.Table], tuple[pa.Table, pa.Table]]
"""Decisions and events, otherwise."""
PAIRS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.float64())]))
NAIVE = pa.timestamp("us")


def put(table: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    """The table with another column in the place of one."""
    return table.set_column(table.column_names.index(name), name, column)


def cast(table: pa.Table, **kinds: pa.DataType) -> pa.Table:
    """The table with columns of other types."""
    for name, kind in kinds.items():
        table = put(table, name, table[name].cast(kind))
    return table


def with_facts(table: pa.Table, **fields: pa.Array | None) -> pa.Table:
    """The table with other columns in its facts; None takes one away."""
    facts = table["facts"].combine_chunks()
    columns = {f.name: facts.field(f.name) for f in FACTS} | fields
    columns = {name: column for name, column in columns.items() if column is not None}
    return put(table, "facts", pa.StructArray.from_arrays(list(columns.values()), list(columns)))


def pairs_of(table: pa.Table) -> pa.Array:
    """Genres as BigQuery has them."""
    maps = table["facts"].combine_chunks().field("watched_genres").to_pylist()
    return pa.array(
        [None if each is None else [{"key": k, "value": v} for k, v in each] for each in maps],
        PAIRS,
    )


def in_tokyo(table: pa.Table) -> pa.Table:
    """Its times as ISO 8601 text with a zone."""
    moments = table["time"].cast(pa.timestamp("us", "Asia/Tokyo"))
    return put(table, "time", pc.strftime(moments, "%Y-%m-%dT%H:%M:%S%z"))


def in_seconds(table: pa.Table) -> pa.Table:
    """Its times as numbers that do not say what they count."""
    return put(table, "time", pc.divide(table["time"].cast(pa.int64()), 10**6))


READ_ALIKE: dict[str, Form] = {
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
REFUSED: dict[str, Form] = {
    "epoch seconds": lambda d, e: (in_seconds(d), e),
    "no candidates column": lambda d, e: (d.drop(["candidates"]), e),
    "a null profile": lambda d, e: (
        put(d, "profile_id", pa.array([None, *["m"] * (len(d) - 1)])),
        e,
    ),
    "propensity as text": lambda d, e: (put(d, "propensity", pa.array(["half"] * len(d))), e),
    "ids as fractions": lambda d, e: (put(d, "profile_id", pa.array([0.5] * len(d))), e),
    "facts as text": lambda d, e: (put(d, "facts", pa.array(["{}"] * len(d))), e),
}
"""What check names and every reader refuses."""
