"""Values of somebody's files: lists and counts in texts, texts of values, and casts row by row."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import ast
import re
from typing import cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool

from data.lossless_cast import CAST_ERRORS, fit

NUMPY = re.compile(r"\[\s*([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(\s+|(?=\])))+\]")
"""Numbers as NumPy prints an array."""


def list_in(text: str | None, separator: str | None, decimal: str = ".") -> list[object] | None:
    """The values of a list in a text; None: it is none.

    Args:
        text: with a separator between; or JSON, or what Python and NumPy print of a list.
        separator: between the values; None: there is none such.
        decimal: how numbers with a separator between are written.
    """
    if text is not None and separator is not None:
        parts = text.split() if separator == " " else text.split(separator)
        return [part.strip().replace(decimal, ".") for part in parts if part.strip()]
    read = _literal(text or "null")
    if read is None and text is not None and NUMPY.fullmatch(text):
        return list(text.strip("[] \n").split())
    if isinstance(read, set):  # whose order is another in each process
        return sorted(read, key=repr)
    return list(read) if isinstance(read, list | tuple) else None


def _literal(text: str) -> object:
    """What a text is in JSON, or as Python prints it; None: neither."""
    try:
        return orjson.loads(text)
    except ValueError:
        pass
    if not text.startswith(("[", "(", "{")):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def list_of(values: list[object] | None, kind: pa.DataType) -> list[object] | None:
    """Values of a list as numbers or as texts; None: one of them is no such thing."""
    is_text = pa.types.is_string(kind)
    made: list[object] = []
    for value in values or ():
        if value is None or isinstance(value, str if is_text else float):
            made.append(value)
        elif is_text and isinstance(value, int | float):
            made.append(orjson.dumps(value).decode())
        elif not is_text and isinstance(value, int | str):
            try:
                made.append(float(value))
            except (ValueError, OverflowError):
                return None
        else:
            return None
    return None if values is None else made


def counts_in(value: object, separator: str | None) -> list[tuple[str, float]] | None:
    """Counts by name; None: it is none."""
    if value is None:
        return []
    if isinstance(value, str) and separator is not None:
        value = [name.strip() for name in value.split(separator) if name.strip()]
    elif isinstance(value, str):
        value = _literal(value)
    if isinstance(value, list):
        names = [one for one in value if isinstance(one, str)]
        return [(n, float(names.count(n))) for n in dict.fromkeys(names)]
    if not isinstance(value, dict):
        return None
    pairs = [(str(n), v) for n, v in value.items() if v is not None]
    if any(isinstance(v, bool) or not isinstance(v, int | float) for _, v in pairs):
        return None
    return [(n, float(cast("float", v))) for n, v in pairs]


def as_text(values: pa.Array) -> pa.Array:
    """Values as texts: whole numbers as they are written, true and false in small letters."""
    kind = values.type
    if pa.types.is_floating(kind):
        fits = pc.less(pc.abs(values), float(1 << 63))  # which infinity does not, nor 1e30
        whole = pc.and_(pc.equal(pc.floor(values), values), fits)
        if pc.all(whole).as_py() is not False:
            return values.cast(pa.int64()).cast(pa.string())
        return values.cast(pa.string())
    if pa.types.is_nested(kind):
        texts = [None if v is None else orjson.dumps(v).decode() for v in values.to_pylist()]
        return pa.array(texts, pa.string())
    return values.cast(pa.string())


def missing(values: pa.Array) -> Bool[np.ndarray, " rows"]:
    """Which are null."""
    return np.asarray(values.is_null())


def fit_rows(values: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Bool[np.ndarray, " rows"]]:
    """Values cast without loss, null where one does not become the type, and which those are."""
    try:
        return fit(values, kind), np.zeros(len(values), bool)
    except CAST_ERRORS:
        if len(values) == 1:
            return pa.nulls(1, kind), np.ones(1, bool)
    middle = len(values) // 2
    parts = [fit_rows(_alone(one), kind) for one in (values[:middle], values[middle:])]
    return pa.concat_arrays([part for part, _ in parts]), np.concatenate([w for _, w in parts])


def _alone(part: pa.Array) -> pa.Array:
    """A slice that holds no values but its own: those of a list are cast with all their fellows."""
    return part.take(pa.array(np.arange(len(part)))) if pa.types.is_nested(part.type) else part


def in_words(kind: pa.DataType) -> str:
    """A type as sentences have it."""
    names = (
        (pa.types.is_timestamp, "time"),
        (pa.types.is_integer, "whole number"),
        (pa.types.is_floating, "number"),
        (pa.types.is_boolean, "true or false"),
        (pa.types.is_map, "list of counts"),
        (lambda one: pa.types.is_list(one) and pa.types.is_floating(one.value_type), "numbers"),
        (pa.types.is_list, "list of names"),
    )
    return next((name for holds, name in names if holds(kind)), "text")
