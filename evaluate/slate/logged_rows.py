"""Rows of pages out of joined examples: the slots that a member saw, from the left.

What was not seen is no example. So a row is what was seen of it without a gap, which what it
showed had no part in. What stood beside a slot is logged with it, seen or not.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.errors import BadInput
from data.records import PAGE_COLUMNS

NO_PAGES = (
    "no example says which page it is of; serve with `python -m serve live --rows true`, and join"
    " what that logs"
)


@dataclass(frozen=True)
class LoggedRows:
    """Examples in the order of their rows and slots.

    Attributes:
        examples: as EXAMPLES with PAGE_COLUMNS.
        row: of each example, from 0.
        place: of each example in its row, from 0.
        left_out: examples that are no slot of any row: they follow a gap, name no page, were not
            drawn, or contradict their neighbour.
    """

    examples: pa.Table
    row: Int[np.ndarray, " examples"]
    place: Int[np.ndarray, " examples"]
    left_out: int

    @classmethod
    def of(cls, examples: pa.Table) -> "LoggedRows":
        """Put together what was seen of each page.

        Raises:
            BadInput: no example names a page.
        """
        if missing := [name for name in PAGE_COLUMNS.names if name not in examples.column_names]:
            raise BadInput(f"examples have no column {missing[0]}: {NO_PAGES}")
        every = len(examples)
        drawn = pc.equal(examples["level"], "personalised")
        known = pc.and_(pc.is_valid(examples["page_id"]), pc.is_valid(examples["page_slot"]))
        examples = examples.filter(pc.and_(known, drawn))
        if not len(examples):
            raise BadInput(NO_PAGES)
        order = pc.sort_indices(examples, [("page_id", "ascending"), ("page_slot", "ascending")])
        examples = examples.take(order).combine_chunks()
        names = examples["page_id"].combine_chunks().dictionary_encode()
        page = names.indices.to_numpy().astype(np.int64)
        place = examples["page_slot"].to_numpy().astype(np.int64)
        kept = _without_gaps(examples, page, place)
        held = examples.filter(pa.array(kept)).combine_chunks()
        row = np.unique(page[kept], return_inverse=True)[1]
        return cls(held, row.astype(np.int64), place[kept], every - len(held))

    def __len__(self) -> int:
        """How many rows."""
        return int(self.row.max(initial=-1)) + 1

    def numbers(self, column: str) -> Float[np.ndarray, " examples"]:
        """A column as numbers."""
        return self.examples[column].to_numpy().astype(np.float64)


def _without_gaps(
    examples: pa.Table, page: Int[np.ndarray, " examples"], place: Int[np.ndarray, " examples"]
) -> Bool[np.ndarray, " examples"]:
    """Which examples continue their page from its first slot, beside what they say stood there."""
    begins = np.r_[True, np.diff(page) != 0]
    left, action = examples["left_artwork"], examples["action"]
    before = np.r_[False, np.asarray(pc.equal(left[1:], action[:-1]).fill_null(False))]
    fits = np.where(begins, place == 0, before & (np.diff(place, prepend=-1) == 1))
    # A member of another page, or a copy, breaks the row as a gap does.
    starts = np.flatnonzero(begins)[np.cumsum(begins) - 1]
    broken = np.cumsum(~fits)
    return broken - broken[starts] + (~fits[starts]) == 0
