"""Rows of JSON lines: an object a line, of whatever is in it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
import pyarrow as pa

from data.importers.mapping.raw_rows import ROWS, BrokenRow, RawRows, byte_stream, refuse_missing


def read_json(file: Path, columns: Iterable[str] | None) -> Iterator[RawRows]:
    """The rows of a file of JSON lines; a line that is no object is a broken row.

    Args:
        file: to read.
        columns: names, or paths (`user.country`); all of the top if None.

    Raises:
        BadInput: none of the first rows has such a name.
    """
    names = None if columns is None else list(dict.fromkeys(columns))
    row = 0
    for first, lines in _blocks(file):
        objects, broken = [], list[BrokenRow]()
        for row, line in enumerate(lines, start=first):
            try:
                value = orjson.loads(line)
                if not isinstance(value, dict):
                    raise ValueError("it is no object")
                objects.append(value)
            except ValueError as error:
                text = line.decode(errors="replace").rstrip()
                broken.append(BrokenRow(row, f"the line is not a JSON object ({error})", text))
        wanted = names or list(dict.fromkeys(name for value in objects for name in value))
        table = pa.table({n: _column([at_path(value, n) for value in objects]) for n in wanted})
        if names and objects and first == 0:
            for name in (n for n in names if table[n].null_count == len(table)):
                if not any(_has(value, name) for value in objects):
                    refuse_missing(file, [name], list(objects[0]))
        yield RawRows(file, first, table, broken)


def _blocks(file: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Lines that are not empty, some at a time, and the number of the first."""
    lines, row = list[bytes](), 0
    with byte_stream(file) as stream:
        for line in stream:
            if line.strip():
                lines.append(line)
            if len(lines) == ROWS:
                yield row, lines
                lines, row = [], row + ROWS
    if lines:
        yield row, lines


def at_path(value: object, path: str) -> object:
    """What lies at `user.country` in an object; None: nothing."""
    if isinstance(value, dict) and path in value:
        return value[path]
    for name in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _has(value: object, path: str) -> bool:
    head, _, rest = path.rpartition(".")
    held = at_path(value, head) if head else value
    return isinstance(held, dict) and (rest in held or path in held)


def _column(values: list[object]) -> pa.Array:
    """Values of JSON as Arrow has them; as texts where they are of several types."""
    objects = any(isinstance(value, dict) for value in values)
    try:
        if not objects:
            return pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        pass
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
