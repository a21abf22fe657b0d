"""Facts that only a page knows: hidden in training, unknown to precompute, joined later."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Callable, Collection
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import UInt64

from bandit.choice import mix_words, uniforms
from bandit.draws import text_word
from data.own_facts import without_facts
from data.records import FACTS
from data.schema.schema import SHIPPED

PAGE_FACTS = SHIPPED.known_at_request()
"""Facts that only a page knows; precompute decides, and logs, without them. So are those that a
schema declares with `known_at: request`.

Training hides all of them at random, so that one bundle serves precompute and live.
"""
IMPRESSION_COLUMNS = {"device": "device", "surface": "surface", "row": "shelf", "column": "slot"}
"""Fact → column of the join that fills it in where the decision did not know it."""


def without_page_facts(facts: pa.StructArray, declared: Collection[str] = ()) -> pa.StructArray:
    """Member facts with everything that depends on the page set to null.

    Args:
        facts: as FACTS.
        declared: names of declared facts that only a page knows.
    """
    columns = []
    for index, item in enumerate(FACTS):
        if item.name in PAGE_FACTS:
            columns.append(pa.nulls(len(facts), item.type))
        elif item.name == "own" and declared:
            columns.append(without_facts(cast("pa.MapArray", facts.field(index)), declared))
        else:
            columns.append(facts.field(index))
    return pa.StructArray.from_arrays(columns, fields=list(FACTS))


def mask_page_facts(
    facts: pa.StructArray,
    share: float,
    seed: int | list[int],
    declared: Collection[str] = (),
    keys: UInt64[np.ndarray, " rows"] | None = None,
) -> pa.StructArray:
    """Facts of which the page's are hidden in a share of the rows, half of the time all at once.

    Args:
        facts: as FACTS.
        share: of the rows in which a fact is hidden.
        seed: of what is hidden.
        declared: names of declared facts that only a page knows.
        keys: of the rows' ids: then what is hidden of a row does not depend on the rows beside it.
    """
    drawn = _drawn(len(facts), seed) if keys is None else _drawn_by_id(keys, seed)
    every = drawn("") < share / 2

    def hidden(name: str) -> np.ndarray:
        return every | (drawn(name) < share / 2)

    fields = []
    for field in facts.type:
        column = facts.field(field.name)
        if field.name in PAGE_FACTS:
            column = pc.if_else(pa.array(hidden(field.name)), pa.scalar(None, field.type), column)
        elif field.name == "own" and declared:
            column = without_facts(cast("pa.MapArray", column), declared, hidden)
        fields.append(column)
    return pa.StructArray.from_arrays(fields, fields=list(facts.type))


def _drawn(rows: int, seed: int | list[int]) -> Callable[[str], np.ndarray]:
    """Numbers in [0, 1) of each row, drawn one fact after another."""
    rng = np.random.default_rng(seed)
    return lambda _: rng.random(rows)


def _drawn_by_id(
    keys: UInt64[np.ndarray, " rows"], seed: int | list[int]
) -> Callable[[str], np.ndarray]:
    """Numbers in [0, 1) of each row that follow from its id and the fact."""
    return lambda fact: uniforms(mix_words(keys ^ np.uint64(text_word("hidden", seed, fact))))
