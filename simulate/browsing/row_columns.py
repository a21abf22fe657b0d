"""Which row of a page each decision is of, and what stands beside it: logged where it matters."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.records import PAGE_COLUMNS
from simulate.browsing.pages import Slots


def with_pages(decisions: pa.Table, slots: Slots, day: int) -> pa.Table:
    """A day's decisions with PAGE_COLUMNS: each row of a page is a page that is asked for.

    Their policies choose each title by itself, so a slot's probability is its propensity.

    Args:
        decisions: as DECISIONS, one a place.
        slots: the places, in reading order.
        day: its number.
    """
    same = (np.diff(slots.visit) == 0) & (np.diff(slots.row) == 0)
    begins = np.r_[True, ~same]
    row, start = np.cumsum(begins) - 1, np.flatnonzero(begins)
    place = np.arange(len(row)) - start[row]
    actions = decisions["action"].combine_chunks()
    at = np.arange(len(row))
    left = actions.take(pa.array(np.where(begins, 0, at - 1), mask=begins))
    ends = np.r_[begins[1:], True]
    right = actions.take(pa.array(np.where(ends, 0, at + 1), mask=ends))
    parts = [pa.repeat(pa.scalar(f"{day}"), len(row))]
    parts += [pc.cast(pa.array(each), pa.string()) for each in (slots.visit, slots.row)]
    columns = {
        "page_id": pc.binary_join_element_wise(*parts, "-"),
        "page_slot": pa.array(place.astype(np.int16)),
        "left_artwork": left,
        "right_artwork": right,
        "slot_propensity": decisions["propensity"],
    }
    for field in PAGE_COLUMNS:
        decisions = decisions.append_column(field, columns[field.name])
    return decisions
