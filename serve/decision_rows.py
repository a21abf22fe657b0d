"""Facts as decisions are logged with that were made ahead of any page."""

import pyarrow as pa

from data.records import FACTS

PAGE_FACTS = ("device", "surface", "row", "column", "day_part")
"""Facts that only a page knows; precompute decides, and logs, without them."""


def without_page(facts: pa.StructArray) -> pa.StructArray:
    """Member facts with everything that depends on the page set to null."""
    columns = []
    for index, item in enumerate(FACTS):
        if item.name in PAGE_FACTS:
            columns.append(pa.nulls(len(facts), item.type))
        else:
            columns.append(facts.field(index))
    return pa.StructArray.from_arrays(columns, fields=list(FACTS))
