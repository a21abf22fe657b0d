"""Log records as bytes: JSON of the Arrow schema's columns, times in microseconds."""

import base64
import struct
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from data.days import DAY_US, day_number
from data.reading.facts_json import facts_array
from data.records import (
    DECISIONS,
    EVENT_KINDS,
    EVENTS,
    KIND_COLUMNS,
    OWN,
    PAGE_COLUMNS,
    RULED_DECISIONS,
    SCHEMA_VERSION,
    TITLE_ID,
    title_kind,
    titles_as,
)
from data.schema.outcomes import NAME

SCHEMAS = {"decisions": DECISIONS, "events": EVENTS}
IDS = {"decisions": "decision_id", "events": "event_id"}
FILED_UNDER = {"decisions": "time", "events": "received"}
"""Kind → the time that says which day's folder a record lies in: the server's clock, always."""
FIRST_US, END_US = (number * DAY_US for number in (day_number(date.min), day_number(date.max)))
"""Times that have a day's folder: from the first, and before the second."""
PACKED_FROM = 1500
"""Bytes from which a body is compressed: shorter ones fit a block of the disk as they are."""
ZSTD = b"Z"
"""First byte of a body that is compressed by Zstandard; `{` begins JSON, 0x78 begins zlib."""
LARGEST_BODY = 256 << 20
"""Bytes of a body unpacked: more than any page has, and less than the memory of whoever reads."""
_PACKED = struct.Struct("<cI")  # then the size of the body it was made from
_REQUIRED = {
    kind: tuple(f.name for f in schema if not f.nullable and f.name != "schema_version")
    for kind, schema in SCHEMAS.items()
}
FULL_SCHEMAS = {
    "decisions": pa.schema([*RULED_DECISIONS, *PAGE_COLUMNS, *KIND_COLUMNS]),
    "events": EVENTS,
}
"""With what few records have: a table without has no such column."""
OPTIONAL = {"decisions": (("rules",), PAGE_COLUMNS.names, KIND_COLUMNS.names), "events": ()}
"""Columns that few records have, those that come together side by side."""
_KNOWN = {kind: frozenset(schema.names) for kind, schema in FULL_SCHEMAS.items()}


def _plain(value: object) -> int:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"{value} has no time zone; log times are UTC")
        return round(value.timestamp() * 1_000_000)
    raise TypeError(f"{value!r} is of type {type(value).__name__}")


_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_SERIALIZE_NUMPY


def encode(kind: str, record: Mapping[str, object]) -> bytes:
    """One decision or event as bytes; `schema_version` is filled in.

    Times are datetimes with a zone or microseconds since 1970; maps are dicts or pairs.

    A kind of event need only be well-formed: whoever takes events in asks whether it is declared.

    Raises:
        ValueError: an unknown kind of record, a required column that is missing, a column that the
            schema does not have, or a value that it cannot hold.
    """
    _refuse_strange(kind, record)
    if kind == "events" and not NAME.fullmatch(str(record["kind"])):
        raise ValueError(
            f"an event is of kind {record['kind']!r:.80}; it must be one of "
            f"{', '.join(EVENT_KINDS)}, or one that schema.yaml declares: small letters, digits, _"
        )
    return _dumped(kind, {"schema_version": SCHEMA_VERSION, **record})


class PageRecords(NamedTuple):
    """A page's records, which have columns in common.

    As one body they take a third of the bytes of single records and a tenth of the time.
    """

    shared: Mapping[str, object]
    """Columns that all the records have in common; values as `encode` takes them, or JSON as an
    `orjson.Fragment`."""
    each: Mapping[str, Sequence[object]]
    """The other columns, of one length."""

    @property
    def records(self) -> int:
        """How many there are."""
        return len(next(iter(self.each.values())))


def encode_page(kind: str, page: PageRecords) -> bytes:
    """A page of decisions or events as bytes.

    Raises:
        ValueError: as `encode`, or columns of different lengths.
    """
    shared, each = page
    _refuse_strange(kind, {**dict.fromkeys(each, True), **shared})
    if len({len(column) for column in each.values()}) != 1:
        lengths = ", ".join(f"{name} {len(column)}" for name, column in each.items())
        raise ValueError(f"columns of a page differ in length: {lengths or 'there are none'}")
    return _dumped(kind, {"schema_version": SCHEMA_VERSION, **shared, "each": each})


def packed(body: bytes) -> bytes:
    """A body as it is kept: pages compressed to a third, single records as they are."""
    if len(body) <= PACKED_FROM:
        return body
    return _PACKED.pack(ZSTD, len(body)) + pa.compress(body, "zstd", asbytes=True)


def unpacked(body: bytes) -> bytes:
    """A body as `encode` made it, from what `packed` made of it now or in an earlier version.

    Raises:
        ValueError: it is none, or larger than LARGEST_BODY.
    """
    if body.startswith(b"{"):
        return body
    try:
        if not body.startswith(ZSTD):
            unpacking = zlib.decompressobj()
            text = unpacking.decompress(body, LARGEST_BODY)
            if not unpacking.eof:
                raise ValueError("it is cut, or too large")
            return text
        _, size = _PACKED.unpack_from(body)
        if size > LARGEST_BODY:
            raise ValueError(f"it would have {size:,} bytes")
        return pa.decompress(body[_PACKED.size :], size, "zstd", asbytes=True)
    except (zlib.error, struct.error, pa.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"the body of a record does not unpack: {error}") from None


def json_line(body: bytes) -> bytes:
    """A body as a line of JSON.

    Raises:
        ValueError: it is none.
    """
    return orjson.dumps(orjson.loads(unpacked(body)))


def rejected_line(body: bytes) -> bytes:
    """A body as a line of JSON for whoever looks into it; one that is no JSON, as base64."""
    try:
        return json_line(body)
    except ValueError:
        return orjson.dumps({"unreadable": base64.b64encode(body).decode("ascii")})


def _refuse_strange(kind: str, record: Mapping[str, object]) -> None:
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


def _dumped(kind: str, body: Mapping[str, object]) -> bytes:
    try:
        return orjson.dumps(body, default=_plain, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise ValueError(
            f"a record of {kind} cannot be written ({error.__cause__ or error}): "
            f"{dict(body)!r:.200}"
        ) from error


def decode(kind: str, bodies: Iterable[bytes]) -> pa.Table:
    """Encoded records and pages, of this schema version or an earlier one, as a table of this one.

    Columns that an earlier version lacked are null.

    Raises:
        ValueError: a body that is not a record of this kind.
    """
    pages = [orjson.loads(unpacked(body)) for body in bodies]
    counts = [_length(kind, page) for page in pages]
    columns = []
    try:
        schema = titles_as(_schema_of(kind, pages), _title_kind(pages))
        for field in schema:
            if field.name == "facts":
                # Facts are shared by a page: read once, repeated by position.
                facts = facts_array([page.get("facts") for page in pages])
                columns.append(facts.take(pa.array(np.repeat(np.arange(len(pages)), counts))))
                continue
            values = _values(field.name, pages, counts)
            if field.type == OWN:
                values = [list(v.items()) if isinstance(v, dict) else v for v in values]
            columns.append(pa.array(values, field.type))
        table = pa.Table.from_arrays(columns, schema=schema)
    except (pa.ArrowException, ValueError, OverflowError, AttributeError, TypeError) as error:
        raise ValueError(f"records of {kind} do not fit their schema: {error}") from error
    for name in _REQUIRED[kind]:
        if table[name].null_count:
            raise ValueError(f"a record of {kind} lacks {name}, which every one has")
    times = table[FILED_UNDER[kind]].cast(pa.int64()).to_numpy()
    if len(times) and not (times.min() >= FIRST_US and times.max() < END_US):
        raise ValueError(f"a record of {kind} is of a day that no calendar has")
    return table


def _values(name: str, pages: Sequence[Mapping], counts: Sequence[int]) -> list[object]:
    """A column of all records: a page's own where it has one, else what its records share."""
    if not any("each" in page for page in pages):
        return [page.get(name) for page in pages]
    values: list[object] = []
    for page, count in zip(pages, counts, strict=True):
        each = page.get("each", {}).get(name)
        values += each if each is not None else [page.get(name)] * count
    return values


def _schema_of(kind: str, pages: Sequence[Mapping]) -> pa.Schema:
    """That of a kind, with the columns that some page has."""
    there = {name for page in pages for name in (*page, *page.get("each", ()))}
    return schema_with(kind, there)


def schema_with(kind: str, names: Collection[str]) -> pa.Schema:
    """The schema of a kind for records that have columns of these names."""
    schema = SCHEMAS[kind]
    for group in OPTIONAL[kind]:
        if any(name in names for name in group):
            schema = pa.schema([*schema, *(FULL_SCHEMAS[kind].field(name) for name in group)])
    return schema


def _title_kind(pages: Sequence[Mapping]) -> pa.DataType:
    """That of the first title; where others differ, no column holds them all."""
    for page in pages:
        each = page.get("each", {}).get(TITLE_ID)
        for title in each if each is not None else [page.get(TITLE_ID)]:
            return pa.string() if isinstance(title, str) else pa.int64()
    return pa.int64()


def _length(kind: str, page: object) -> int:
    """Records in a decoded body."""
    if not isinstance(page, dict):
        raise ValueError(f"a body of {kind} is {page!r:.80}, not an object")
    if "each" not in page:
        return 1
    each = page["each"]
    if not isinstance(each, dict) or not all(isinstance(rows, list) for rows in each.values()):
        raise ValueError(f"a page of {kind} has no columns, but {each!r:.80}")
    lengths = {len(column) for column in each.values()}
    if len(lengths) != 1:
        raise ValueError(f"columns of a page of {kind} differ in length: {sorted(lengths)}")
    return lengths.pop()


def decode_each(kind: str, bodies: Sequence[bytes]) -> tuple[list[pa.Table], list[bytes]]:
    """The records that fit their schema, and the bodies that do not.

    The records are one table for each kind of title ids, whole numbers and text, and for records
    with and without rules and pages: one mostly.
    """
    found, rejected = _decoded(kind, bodies)
    by_kind: dict[tuple[pa.DataType, tuple[str, ...]], list[pa.Table]] = {}
    for table in found:
        kept = (title_kind(table.schema), tuple(table.column_names))
        by_kind.setdefault(kept, []).append(table)
    return [pa.concat_tables(tables) for tables in by_kind.values()], rejected


def _decoded(kind: str, bodies: Sequence[bytes]) -> tuple[list[pa.Table], list[bytes]]:
    try:
        return [decode(kind, bodies)], []
    except ValueError:
        if len(bodies) == 1:
            return [], list(bodies)
    half = len(bodies) // 2
    parts = [_decoded(kind, part) for part in (bodies[:half], bodies[half:])]
    return [table for tables, _ in parts for table in tables], [b for _, bad in parts for b in bad]
