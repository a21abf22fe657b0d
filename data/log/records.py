"""Log records as bytes: JSON of the Arrow schema's columns, times in microseconds."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa

from data.records import DECISIONS, EVENT_KINDS, EVENTS, SCHEMA_VERSION

SCHEMAS = {"decisions": DECISIONS, "events": EVENTS}
IDS = {"decisions": "decision_id", "events": "event_id"}
FILED_UNDER = {"decisions": "time", "events": "received"}
"""Kind → the time that says which day's folder a record lies in: the server's clock, always."""
DAY_US = 86_400_000_000
_REQUIRED = {
    kind: tuple(f.name for f in schema if not f.nullable and f.name != "schema_version")
    for kind, schema in SCHEMAS.items()
}
_KNOWN = {kind: frozenset(schema.names) for kind, schema in SCHEMAS.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"{value} has no time zone; log times are UTC")
        return round(value.timestamp() * 1_000_000)
    raise TypeError(f"{value!r} is of type {type(value).__name__}")


_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SERIALIZE_NUMPY


def encode(kind: str, record: Mapping[str, Any]) -> bytes:
    """One decision or event as bytes; `schema_version` is filled in.

    Times are datetimes with a zone or microseconds since 1970; maps are dicts or pairs.

    Raises:
        ValueError: an unknown kind, a required column that is missing, a column that the schema
            does not have, or a value that it cannot hold.
    """
    if kind not in SCHEMAS:
        raise ValueError(f"there is no log of {kind!r}; records are decisions or events")
    for name in _REQUIRED[kind]:
        if record.get(name) is None:
            raise ValueError(
                f"a record of {kind} lacks {name}, which every one has: {dict(record)!r:.200}"
            )
    if not record.keys() <= _KNOWN[kind]:
        names = ", ".join(sorted(record.keys() - _KNOWN[kind]))
        raise ValueError(f"a record of {kind} has columns that the log does not: {names}")
    if kind == "events" and record["kind"] not in EVENT_KINDS:
        raise ValueError(
            f"an event is of kind {record['kind']!r}; it must be one of {', '.join(EVENT_KINDS)}"
        )
    try:
        return orjson.dumps({"schema_version": SCHEMA_VERSION, **record}, default=_plain,
                            option=_OPTIONS)  # fmt: skip
    except orjson.JSONEncodeError as error:
        raise ValueError(
            f"a record of {kind} cannot be written ({error.__cause__ or error}): "
            f"{dict(record)!r:.200}"
        ) from error


def decode(kind: str, bodies: Iterable[bytes]) -> pa.Table:
    """Encoded records, of this schema version or an earlier one, as a table of this version.

    Columns that an earlier version lacked are null.

    Raises:
        ValueError: a body that is not a record of this kind.
    """
    rows = [orjson.loads(body) for body in bodies]
    for row in rows:
        facts = row.get("facts")
        if facts:
            for name in ("watched_genres", "watched_cast"):
                if facts.get(name) is not None:
                    pairs = facts[name]
                    pairs = pairs.items() if isinstance(pairs, dict) else map(tuple, pairs)
                    facts[name] = list(pairs)
    try:
        return pa.Table.from_pylist(rows, SCHEMAS[kind])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise ValueError(f"records of {kind} do not fit their schema: {error}") from error


def decode_each(kind: str, bodies: Sequence[bytes]) -> tuple[pa.Table, list[bytes]]:
    """The records that fit their schema as a table, and the bodies that do not."""
    try:
        return decode(kind, bodies), []
    except ValueError:
        if len(bodies) == 1:
            return SCHEMAS[kind].empty_table(), list(bodies)
    half = len(bodies) // 2
    parts = [decode_each(kind, part) for part in (bodies[:half], bodies[half:])]
    return pa.concat_tables([table for table, _ in parts]), [b for _, bad in parts for b in bad]
