"""A user's own facts of a member in plain words."""

from typing import cast

import numpy as np
import pyarrow as pa

from data.features.learnt_fact import sound_categories, sound_names, sound_numbers
from data.own_facts import FactValues, fact_values
from data.schema import Fact, Schema

MOST = 4
"""Facts that are said of a member."""
NAMED = 3
"""Names of a set, or of what counts have most of."""


def own_words(facts: pa.StructArray, schema: Schema) -> list[list[str]]:
    """What each member's declared facts say, a phrase each; vectors are not put into words.

    Args:
        facts: as FACTS.
        schema: what is declared.
    """
    own = cast("pa.MapArray", facts.field("own"))
    said: list[list[str]] = [[] for _ in range(len(facts))]
    told = [fact for fact in schema.facts if fact.kind != "vector"][:MOST]
    for fact in told:
        for row, words in enumerate(_words(fact, fact_values(own, fact.name))):
            if words:
                said[row].append(f"{fact.name.replace('_', ' ')} {words}")
    return said


def _words(fact: Fact, values: FactValues) -> list[str]:
    """Of each row; empty where the fact is not known."""
    if fact.kind == "number":
        numbers, _ = sound_numbers(fact, values)
        numbers = np.expm1(numbers) if fact.scale == "log" else numbers
        return ["" if np.isnan(number) else f"{number:g}" for number in numbers]
    if fact.kind == "category":
        found, distinct, _ = sound_categories(fact, values)
        return ["" if at < 0 else distinct[at] for at in found.tolist()]
    held = sound_names(fact, values)
    words = [""] * len(values.there)
    for row in np.unique(held.row).tolist():
        mine = np.flatnonzero(held.row == row)
        most = mine[np.argsort(-held.counts[mine], kind="stable")][:NAMED]
        words[row] = ", ".join(values.distinct[code] for code in held.code[most].tolist())
    return words
