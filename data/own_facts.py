"""Facts of a user's own, in one column of one type, whatever they are: `own`.

A fact's value is names, numbers, or both side by side: a number is one number, a category one
name, a set names, a vector numbers, counts names with their numbers. So logs, runs and joins carry
facts that they have never heard of; what each means is said by the schema (`data/schema`).
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.records import OWN

NAMES, NUMBERS = pa.list_(pa.string()), pa.list_(pa.float64())


class FactValues(NamedTuple):
    """One fact's values, row by row: its names and its numbers, each in the order of the rows."""

    there: Bool[np.ndarray, " rows"]
    """Where there is a value, sound or not."""
    name_rows: Int[np.ndarray, " names"]
    codes: Int[np.ndarray, " names"]
    """Of each name, in `distinct`; −1: null."""
    distinct: list[str]
    number_rows: Int[np.ndarray, " numbers"]
    numbers: Float[np.ndarray, " numbers"]
    """NaN: null."""

    @property
    def counts(self) -> tuple[Int[np.ndarray, " rows"], Int[np.ndarray, " rows"]]:
        """How many names and how many numbers each row has."""
        rows = len(self.there)
        return np.bincount(self.name_rows, minlength=rows), np.bincount(
            self.number_rows, minlength=rows
        )


def fold(
    columns: Mapping[str, pa.Array], own: pa.MapArray | None, rows: int
) -> tuple[pa.MapArray, dict[str, str]]:
    """Columns as the entries of one map, beside those that it has.

    Args:
        columns: name → values, of one length.
        own: as OWN; None: there is none.
        rows: their length.

    Returns:
        The map as OWN; name → type of each column that no fact can be.
    """
    refused: dict[str, str] = {}
    places, keys, values = [], [], []
    if own is not None:
        at, names, items = _entries(own)
        places.append(at)
        keys.append(names)
        values.append(items)
    for name, column in columns.items():
        try:
            value = _value(column)
            value.validate(full=True)  # text that is not UTF-8 would stop whoever reads it
        except (TypeError, pa.ArrowException):
            refused[name] = str(column.type)
            continue
        there = np.asarray(value.is_valid())
        if there.any():
            places.append(np.flatnonzero(there))
            keys.append(pa.array([name] * int(there.sum()), pa.string()))
            values.append(value.filter(pa.array(there)))
    if not places:
        return cast("pa.MapArray", pa.nulls(rows, OWN)), refused
    place = np.concatenate(places)
    order = pa.array(np.argsort(place, kind="stable"))
    sizes = np.bincount(place, minlength=rows)
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
    names = pa.concat_arrays(keys).take(order)
    items = pa.concat_arrays(values).take(order)
    return pa.MapArray.from_arrays(offsets, names, items, OWN, mask=pa.array(sizes == 0)), refused


def fact_values(own: pa.MapArray, name: str) -> FactValues:
    """One fact's values; of a name that a row has twice, the first."""
    rows, keys, items = _entries(own)
    found = np.flatnonzero(pc.equal(keys, name).to_numpy(zero_copy_only=False))
    row, first = np.unique(rows[found], return_index=True)
    values = items.take(pa.array(found[first]))
    there = np.zeros(len(own), bool)
    there[row] = True
    names, numbers = values.field("names"), values.field("numbers")
    coded = names.flatten().dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    flat = numbers.flatten().to_numpy(zero_copy_only=False)
    return FactValues(
        there,
        np.repeat(row, _lengths(names)),
        codes,
        coded.dictionary.to_pylist(),
        np.repeat(row, _lengths(numbers)),
        flat.astype(np.float64),
    )


def own_names(own: pa.MapArray) -> list[str]:
    """The names of all facts that some row has, sorted."""
    return sorted(pc.unique(_entries(own)[1]).to_pylist())


def without_facts(
    own: pa.MapArray, names: Collection[str], hidden: Callable[[str], np.ndarray] | None = None
) -> pa.MapArray:
    """The map without some facts.

    Args:
        own: as OWN.
        names: the facts, in the order in which `hidden` is asked.
        hidden: fact → rows that lose it; None: all do.
    """
    rows, keys, items = _entries(own)
    kept = np.ones(len(rows), bool)
    for name in names:
        is_it = pc.equal(keys, name).to_numpy(zero_copy_only=False)
        kept &= ~(is_it if hidden is None else is_it & hidden(name)[rows])
    if kept.all():
        return own
    sizes = np.bincount(rows[kept], minlength=len(own))
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
    mask = pa.array(kept)
    return pa.MapArray.from_arrays(
        offsets, keys.filter(mask), items.filter(mask), OWN, mask=pa.array(sizes == 0)
    )


def filled_in(own: pa.MapArray, shown: pa.MapArray, names: Collection[str]) -> pa.MapArray:
    """The map, with facts of another one where it lacks them.

    Args:
        own: as OWN.
        shown: as OWN, of the same rows.
        names: the facts that are filled in.
    """
    rows, keys, items = _entries(own)
    places, named, values = _entries(shown)
    lacks = np.zeros(len(places), bool)
    for name in names:
        has = np.zeros(len(own), bool)
        has[rows[pc.equal(keys, name).to_numpy(zero_copy_only=False)]] = True
        is_it = pc.equal(named, name).to_numpy(zero_copy_only=False)
        lacks |= is_it & ~has[places]
    if not lacks.any():
        return own
    mask = pa.array(lacks)
    place = np.concatenate([rows, places[lacks]])
    order = pa.array(np.argsort(place, kind="stable"))
    sizes = np.bincount(place, minlength=len(own))
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
    return pa.MapArray.from_arrays(
        offsets,
        pa.concat_arrays([keys, named.filter(mask)]).take(order),
        pa.concat_arrays([items, values.filter(mask)]).take(order),
        OWN,
        mask=pa.array(sizes == 0),
    )


def _entries(own: pa.MapArray) -> tuple[Int[np.ndarray, " entries"], pa.Array, pa.StructArray]:
    """Row, name and value of every entry; rows without a map have none."""
    offsets = own.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
    start, stop = int(offsets[0]), int(offsets[-1])
    rows = np.repeat(np.arange(len(own)), np.diff(offsets))
    keys = own.keys.slice(start, stop - start)
    items = own.items.slice(start, stop - start)
    known = own.is_valid().to_numpy(zero_copy_only=False)[rows]
    if known.all():
        return rows, keys, items
    mask = pa.array(known)
    return rows[known], keys.filter(mask), items.filter(mask)


def _lengths(lists: pa.ListArray) -> Int[np.ndarray, " rows"]:
    return lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def _value(column: pa.Array) -> pa.StructArray:
    """A column's values as names and numbers.

    Raises:
        TypeError: no fact is of its type.
    """
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    of, missing = column.type, column.is_null()
    if pa.types.is_null(of):
        return _pair(None, None, missing)
    if _is_number(of):
        return _pair(None, _singles(_numbers(column)), missing)
    if _is_name(of):
        return _pair(_singles(column.cast(pa.string())), None, missing)
    if pa.types.is_map(of):
        held = cast("pa.MapArray", column)
        return _pair(_lists(held, held.keys), _lists(held, _numbers(held.items)), missing)
    if pa.types.is_struct(of):
        return _named_fields(cast("pa.StructArray", column), missing)
    if pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of):
        column = column.cast(pa.list_(of.value_type))
    if not pa.types.is_list(column.type):
        raise TypeError(f"no fact is a {of}")
    lists = cast("pa.ListArray", column)
    inner = lists.values if len(lists.values) else pa.array([], pa.string())
    if isinstance(inner, pa.DictionaryArray):
        inner = inner.dictionary_decode()
    if pa.types.is_struct(inner.type) and inner.type.num_fields == 2:
        pairs = cast("pa.StructArray", inner)
        return _pair(
            _lists(lists, pairs.field(0)), _lists(lists, _numbers(pairs.field(1))), missing
        )
    if _is_number(inner.type):
        return _pair(None, _lists(lists, _numbers(inner)), missing)
    return _pair(_lists(lists, inner), None, missing)


def _pair(names: pa.Array | None, numbers: pa.Array | None, missing: pa.Array) -> pa.StructArray:
    parts = [
        pa.nulls(len(missing), kind) if part is None else part.cast(kind)
        for part, kind in ((names, NAMES), (numbers, NUMBERS))
    ]
    return pa.StructArray.from_arrays(parts, fields=list(OWN.item_type), mask=missing)


def _singles(values: pa.Array) -> pa.ListArray:
    """Each value as a list of one."""
    return pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1, dtype=np.int32)), values)


def _lists(lists: pa.ListArray | pa.MapArray, values: pa.Array) -> pa.ListArray:
    """Values of texts or numbers, in the lists of another column."""
    if not (_is_number(values.type) or _is_name(values.type)):
        raise TypeError(f"no fact holds a {values.type}")
    values = values if _is_number(values.type) else values.cast(pa.string())
    offsets = lists.offsets.to_numpy(zero_copy_only=False).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def _named_fields(column: pa.StructArray, missing: pa.Array) -> pa.StructArray:
    """A struct of numbers is counts by the fields' names; what a row has not is null in it."""
    fields = [column.type.field(at) for at in range(column.type.num_fields)]
    if not fields:
        raise TypeError(f"no fact is a {column.type}")
    counts = [_numbers(column.field(at)) for at in range(len(fields))]
    table = np.stack([one.to_numpy(zero_copy_only=False) for one in counts], 1)
    rows, at = np.nonzero(~np.isnan(table))
    sizes = np.bincount(rows, minlength=len(column))
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
    names = pa.array([field.name for field in fields]).take(pa.array(at))
    numbers = pa.array(table[rows, at], pa.float64())
    from_arrays = pa.ListArray.from_arrays
    return _pair(from_arrays(offsets, names), from_arrays(offsets, numbers), missing)


def _numbers(column: pa.Array) -> pa.Array:
    if not (_is_number(column.type) or pa.types.is_null(column.type)):
        raise TypeError(f"no fact counts by {column.type}")
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return column.cast(pa.float64(), safe=False)


def _is_number(kind: pa.DataType) -> bool:
    of = pa.types
    return any(
        is_one(kind) for is_one in (of.is_integer, of.is_floating, of.is_decimal, of.is_boolean)
    )


def _is_name(kind: pa.DataType) -> bool:
    of = pa.types
    texts = (of.is_string, of.is_large_string, of.is_string_view, of.is_date)
    return any(is_one(kind) for is_one in texts)
