"""A column brought to the type that a schema asks for, where that loses nothing.

Which types become which is said here and nowhere else: what a checker passes, every reader reads.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Collection, Sequence
from typing import TypeAlias, cast

import pyarrow as pa
import pyarrow.compute as pc

from data.own_facts import fold
from data.records import OWN

Column: TypeAlias = pa.Array | pa.ChunkedArray
CAST_ERRORS = (pa.ArrowException, ValueError, TypeError, NotImplementedError, OverflowError)
"""What a column that does not fit raises; Arrow's own errors are many."""


def fit(column: Column, kind: pa.DataType) -> pa.Array:
    """A column cast without loss; lists, maps and structs by what they hold.

    Times without a zone are UTC, and are cut to microseconds. A map may be a list of pairs, and a
    struct may lack fields, which are then null.

    Raises:
        TypeError: the types have nothing to do with one another, or a unit is not known.
        ValueError: a value would be lost.
    """
    array = plain(column)
    if array.type == kind:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), kind)
    if pa.types.is_struct(kind):
        return _struct(array, kind)
    if pa.types.is_map(kind):
        return _map(array, cast("pa.MapType", kind))
    if pa.types.is_list(kind):
        return _list(array, cast("pa.ListType", kind))
    for holds, become in SCALARS:
        if holds(kind):
            return become(array, kind)
    raise TypeError(f"nothing becomes {kind}")


def plain(column: Column) -> pa.Array:
    """One array of plain values: no chunks, dictionaries or types of somebody's own."""
    array = column
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):  # too large for one, or none at all
            array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
    if isinstance(array.type, pa.UuidType):
        texts = [None if one is None else str(one) for one in array.to_pylist()]
        return pa.array(texts, pa.string())
    if isinstance(array.type, pa.BaseExtensionType):
        return plain(cast("pa.ExtensionArray", array).storage)
    if pa.types.is_dictionary(array.type):
        return plain(cast("pa.DictionaryArray", array).dictionary_decode())
    return array


def _text(array: pa.Array, kind: pa.DataType) -> pa.Array:
    of = array.type
    if not (_is_text(of) or _is_bytes(of) or pa.types.is_integer(of)):
        raise TypeError("only text and whole numbers become text")
    return array.cast(kind)


def _time(array: pa.Array, kind: pa.DataType) -> pa.Array:
    of = array.type
    if pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_decimal(of):
        raise TypeError("a number does not say its unit: seconds, milliseconds or microseconds")
    if pa.types.is_timestamp(of):
        if of.unit == "ns":
            zone = pa.timestamp("us", of.tz)
            return array.cast(zone, safe=False).cast(kind)
        return array.cast(kind)
    if _is_text(of):
        texts = array.cast(pa.string())
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            return texts.cast(pa.timestamp("us")).cast(kind)
    if pa.types.is_date(of):
        return array.cast(pa.timestamp("us")).cast(kind)
    raise TypeError("only timestamps, dates and ISO 8601 text become times")


def _date(array: pa.Array, kind: pa.DataType) -> pa.Array:
    of = array.type
    if not (pa.types.is_timestamp(of) or pa.types.is_date(of) or _is_text(of)):
        raise TypeError("only dates, midnights and ISO 8601 text become dates")
    return (array.cast(pa.string()) if _is_text(of) else array).cast(kind)


def _whole_number(array: pa.Array, kind: pa.DataType) -> pa.Array:
    of = array.type
    if not (_is_number(of) or _is_text(of)):
        raise TypeError("only numbers become whole numbers")
    return (array.cast(pa.string()) if _is_text(of) else array).cast(kind)


def _real_number(array: pa.Array, kind: pa.DataType) -> pa.Array:
    of = array.type
    if not (_is_number(of) or _is_text(of)):
        raise TypeError("only numbers become numbers")
    return (array.cast(pa.string()) if _is_text(of) else array).cast(kind)


def _truth(array: pa.Array, kind: pa.DataType) -> pa.Array:
    of = array.type
    if _is_text(of):
        return array.cast(pa.string()).cast(kind)
    if not _is_number(of):
        raise TypeError("only 0 and 1 become false and true")
    if not pc.all(pc.is_in(array.cast(pa.float64()), value_set=pa.array([0.0, 1.0, None]))).as_py():
        raise ValueError("a number other than 0 and 1 is neither false nor true")
    return array.cast(kind)


def _list(array: pa.Array, kind: pa.ListType) -> pa.Array:
    array = _as_list(array)
    values = fit(array.values, kind.value_type)
    return pa.ListArray.from_arrays(_offsets(array), values, kind, mask=_mask(array))


def _map(array: pa.Array, kind: pa.MapType) -> pa.Array:
    of = array.type
    if pa.types.is_map(of):
        keys, items, lists = array.keys, array.items, array
    else:
        lists = _as_list(array)
        pairs = plain(lists.values)
        if not pa.types.is_struct(pairs.type) or pairs.type.num_fields != 2:
            raise TypeError("only maps and lists of pairs become maps")
        if pairs.null_count:
            raise ValueError("a pair is null")
        names = [pairs.type.field(at).name for at in (0, 1)]
        ordered = ("key", "value") if set(names) == {"key", "value"} else names
        keys, items = (pairs.field(name) for name in ordered)
    keys = fit(keys, kind.key_type)
    if keys.null_count:
        raise ValueError("a key is null")
    return pa.MapArray.from_arrays(
        _offsets(lists), keys, fit(items, kind.item_type), kind, mask=_mask(lists)
    )


def _struct(array: pa.Array, kind: pa.DataType) -> pa.Array:
    of, fields = array.type, list(cast("pa.StructType", kind))
    if not pa.types.is_struct(of):
        raise TypeError(f"a struct is needed, with any of {', '.join(f.name for f in fields)}")
    there = {of.field(i).name for i in range(of.num_fields)}
    columns = []
    for field in fields:
        if field.type == OWN:
            names = [of.field(i).name for i in range(of.num_fields)]
            known = [f.name for f in fields]
            columns.append(with_own(array.flatten(), names, known, len(array)))
            continue
        if field.name not in there:
            columns.append(pa.nulls(len(array), field.type))
            continue
        own = array.field(field.name)
        try:
            columns.append(fit(own, field.type))
        except CAST_ERRORS as error:
            raise TypeError(f"{field.name}, {own.type}: {error}") from None
    return pa.StructArray.from_arrays(columns, fields=fields, mask=_mask(array))


def with_own(
    columns: Sequence[Column], names: Sequence[str], known: Collection[str], rows: int
) -> pa.Array:
    """What a file holds beside the known columns, folded into their column `own`.

    Args:
        columns: all that it has.
        names: theirs.
        known: names that mean something, `own` among them.
        rows: length of each column.

    Raises:
        TypeError: it has a column `own` that is none of ours.
    """
    own, others = None, dict[str, pa.Array]()
    for name, column in zip(names, columns, strict=True):
        if name == "own":
            try:
                own = cast("pa.MapArray", fit(column, OWN))
            except CAST_ERRORS as error:
                raise TypeError(f"own is a name that Marquee keeps: {error}; rename it") from None
        elif name not in known:
            others[name] = plain(column)
    return fold(others, own, rows)[0]


def _as_list(array: pa.Array) -> pa.ListArray:
    of = array.type
    if pa.types.is_list(of):
        return cast("pa.ListArray", array)
    if pa.types.is_list_view(of) or pa.types.is_large_list_view(of):
        return pa.array(array.to_pylist(), pa.list_(of.value_type))
    if pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of):
        return cast("pa.ListArray", array.cast(pa.list_(of.value_type)))
    raise TypeError("a list is needed")


def _offsets(array: pa.Array) -> pa.Array:
    """Offsets into all values; they need not begin at 0 where the array is a slice."""
    return pa.array(cast("pa.ListArray", array).offsets.to_numpy(zero_copy_only=False), pa.int32())


def _mask(array: pa.Array) -> pa.Array | None:
    return array.is_null() if array.null_count else None


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_one(kind)
        for is_one in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    )


def _is_bytes(kind: pa.DataType) -> bool:
    return any(
        is_one(kind)
        for is_one in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)
    )


def _is_number(kind: pa.DataType) -> bool:
    return any(
        is_one(kind) for is_one in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )


SCALARS = (
    (pa.types.is_string, _text),
    (pa.types.is_timestamp, _time),
    (pa.types.is_date, _date),
    (pa.types.is_integer, _whole_number),
    (pa.types.is_floating, _real_number),
    (pa.types.is_boolean, _truth),
)
"""Whether a type is one of these, and what makes a column of it."""
