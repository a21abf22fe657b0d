"""Facts that only a page knows: hidden in training, unknown to precompute, joined later."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.records import FACTS

PAGE_FACTS = ("device", "surface", "row", "column", "day_part")
"""Facts that only a page knows; precompute decides, and logs, without them.

Training hides all of them at random, so that one bundle serves precompute and live.
"""
IMPRESSION_COLUMNS = {"device": "device", "surface": "surface", "row": "shelf", "column": "slot"}
"""Fact → column of the join that fills it in where the decision did not know it."""


def without_page_facts(facts: pa.StructArray) -> pa.StructArray:
    """Member facts with everything that depends on the page set to null."""
    columns = []
    for index, item in enumerate(FACTS):
        if item.name in PAGE_FACTS:
            columns.append(pa.nulls(len(facts), item.type))
        else:
            columns.append(facts.field(index))
    return pa.StructArray.from_arrays(columns, fields=list(FACTS))


def mask_page_facts(facts: pa.StructArray, share: float, seed: int | list[int]) -> pa.StructArray:
    """Facts of which the page's are hidden in a share of the rows, half of the time all at once."""
    draw = np.random.default_rng(seed)
    every = draw.random(len(facts)) < share / 2
    fields = []
    for field in facts.type:
        column = facts.field(field.name)
        if field.name in PAGE_FACTS:
            hidden = every | (draw.random(len(facts)) < share / 2)
            column = pc.if_else(pa.array(hidden), pa.scalar(None, field.type), column)
        fields.append(column)
    return pa.StructArray.from_arrays(fields, fields=list(facts.type))
