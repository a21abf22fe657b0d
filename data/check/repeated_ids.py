"""Ids that come twice, in one file or in two; named in the later file."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.problem import Fault, Problem
from data.schema_cast import read_table


def repeated(
    parts: Sequence[tuple[str, pa.ChunkedArray]],
    column: str,
    is_copy: Callable[[str, int, str, int], bool] | None = None,
) -> Iterator[Problem]:
    """Ids that an earlier row has already.

    Args:
        parts: file and its ids, in the order in which files count.
        column: that they stand in.
        is_copy: rows for which it is true of the first row with that id are let pass.
    """
    chunks = [c for _, part in parts for c in part.cast(pa.string()).chunks]
    codes = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
    if len(codes.dictionary) in (0, len(codes)):  # no id at all, or each once
        return
    places = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    first = np.full(len(codes.dictionary), -1)
    order = np.arange(len(places))[::-1]
    valid = places[::-1] >= 0
    first[places[::-1][valid]] = order[valid]  # the last write is the earliest row
    again = (places >= 0) & (first[places] != np.arange(len(places)))
    starts = np.cumsum([0, *(len(part) for _, part in parts)])

    def locate(at: int) -> tuple[str, int]:
        owner = int(np.searchsorted(starts, at, side="right")) - 1
        return parts[owner][0], at - int(starts[owner])

    def what(at: int) -> str:
        file, row = locate(int(first[places[at]]))
        return f"{codes.dictionary[int(places[at])].as_py()!r} is in {file}, row {row} already"

    if is_copy is not None:
        for at in np.flatnonzero(again):
            again[at] = not is_copy(*locate(int(at)), *locate(int(first[places[at]])))
    fault = Fault("duplicate id", column, "keep one row of each id")
    for start, stop, (file, _) in zip(starts, starts[1:], parts, strict=False):
        yield from fault.in_rows(
            file, again[start:stop], lambda row, start=start: what(int(start) + row)
        )


WHEN = ("time", "received", "layout")
"""Of a decision or event that is logged again: when, and how the catalogue was numbered then."""


class Copies:
    """Tells copies of a record from other records with its id; files are read once."""

    def __init__(self) -> None:
        self._table = lru_cache(maxsize=4)(lambda file: read_table(Path(file)))

    def __call__(self, file: str, row: int, other: str, other_row: int) -> bool:
        """Whether two rows of a log say the same, whenever that was.

        A draw that goes on is logged again by later pages. Facts that became the same features are
        the same to it.
        """
        pair = [self._table(name).slice(at, 1) for name, at in ((file, row), (other, other_row))]
        one, two = (t.to_pylist()[0] for t in pair)
        print_ = one.get("fingerprint")
        same_facts = print_ is not None and print_ == two.get("fingerprint")
        left_out = {*WHEN, "facts"} if same_facts else {*WHEN}
        if "decision_id" in one and "event_id" in one:  # when an event was is part of it
            left_out = {"received"}
        return all(one.get(name) == two.get(name) for name in {*one, *two} - left_out)
