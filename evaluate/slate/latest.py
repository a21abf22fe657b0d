"""The latest examples of a folder that have what few have."""

from collections import deque
from collections.abc import Sequence

import pyarrow as pa

from data.errors import BadInput
from data.examples.stream import ExampleStream

READ = (
    *("decision_id", "time", "profile_id", "title_id", "facts", "candidates", "action", "level"),
    "reward",
)


def latest_with(stream: ExampleStream, columns: Sequence[str], most: int, none: str) -> pa.Table:
    """The latest examples of files that have some columns.

    Args:
        stream: of examples, in the order of their files.
        columns: that are read besides; a file has them where it has the first.
        most: examples, roughly.
        none: what is said where no file has them.

    Raises:
        BadInput: no file does.
    """
    held: deque[pa.Table] = deque()
    count = 0
    for _, rows in stream.rows():
        if columns[0] in rows.column_names:
            names = [name for name in (*READ, *columns) if name in rows.column_names]
            held.append(rows.select(names))
            count += len(rows)
        while held and count - len(held[0]) >= most:
            count -= len(held.popleft())
    if not held:
        raise BadInput(f"{stream.folder}: {none}")
    return pa.concat_tables(held, promote_options="permissive")
