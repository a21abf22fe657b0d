"""Parts of a log by facts of a user's own: each way divides the decisions."""

from collections import Counter
from typing import cast

import numpy as np
import pyarrow as pa

from data.features.declared import own_column
from data.features.learnt_fact import sound_categories, sound_names, sound_numbers
from data.own_facts import FactValues, fact_values
from data.schema import Fact, Schema, read_schema
from evaluate.policies.logged_examples import LoggedExamples

Parts = dict[str, np.ndarray]
MOST_WAYS = 12
"""Ways that a log is divided by declared facts, the first declared first."""
MOST_PARTS, MOST_NAMES = 6, 3
"""Values of a category that are parts of their own; names of a set that divide each for itself."""
NOT_KNOWN, OTHERS, MORE = "not known", "others", "more"


def declared_segments(logged: LoggedExamples) -> dict[str, Parts]:
    """Fact → part → which decisions fall into it.

    Categories by value, numbers by thirds of the log, counts by what they have most of, sets by
    whether they have each of the commonest names. Of members and titles, not of artwork: policies
    are compared on the same decisions. Vectors divide nothing.
    """
    schema = read_schema(logged.catalogue.root)
    ways = declared_ways(logged.facts, schema)
    titles = own_column(logged.catalogue.titles).take(pa.array(logged.title_rows))
    for fact in schema.titles:
        values = fact_values(cast("pa.MapArray", titles), fact.name)
        ways |= _ways(f"title's {fact.name}", fact, values)
    return dict(list(ways.items())[:MOST_WAYS])


def declared_ways(facts: pa.StructArray, schema: Schema) -> dict[str, Parts]:
    """The same of members and pages alone, as many ways as are declared.

    Args:
        facts: as FACTS.
        schema: what is declared of them.
    """
    own = cast("pa.MapArray", facts.field("own"))
    ways: dict[str, Parts] = {}
    for fact in schema.facts:
        ways |= _ways(fact.name, fact, fact_values(own, fact.name))
    return ways


def named_parts(facts: pa.StructArray, schema: Schema) -> list[dict[str, np.ndarray]]:
    """Of each of the first ways `fact=value` → rows, but for what is not known and left over."""
    return [
        _named(way, parts) for way, parts in list(declared_ways(facts, schema).items())[:MOST_WAYS]
    ]


def _named(way: str, parts: Parts) -> dict[str, np.ndarray]:
    fact, _, name = way.replace("_", " ").partition(": ")
    if name:  # of a set: who has it not is everybody else
        return {f"{fact}={name}": parts["with"]}
    named, before = {}, ""
    for value, rows in parts.items():
        if value not in (OTHERS, NOT_KNOWN):
            told = before.replace("up to", "over") if value == MORE and before else value
            named[f"{fact}={told}"], before = rows, value
    return named


def _ways(name: str, fact: Fact, values: FactValues) -> dict[str, Parts]:
    if fact.kind == "number":
        return {name: _thirds(sound_numbers(fact, values)[0], fact)}
    if fact.kind == "category":
        found, distinct, _ = sound_categories(fact, values)
        return {name: _by_value(np.array([*distinct, None], object)[found])}
    if fact.kind == "vector":
        return {}
    held = sound_names(fact, values)
    names = np.array(values.distinct, object)
    if fact.kind == "counts":
        most = np.full(len(values.there), None, object)
        order = np.argsort(held.counts, kind="stable")
        most[held.row[order]] = names[held.code[order]]
        return {name: _by_value(most)}
    common = [code for code, _ in Counter(held.code.tolist()).most_common(MOST_NAMES)]
    ways = {}
    for code in common:
        has = np.zeros(len(values.there), bool)
        has[held.row[held.code == code]] = True
        ways[f"{name}: {names[code]}"] = {"with": has, "without": ~has}
    return ways


def _by_value(values: np.ndarray) -> Parts:
    """The commonest values each for itself, then others, then what is not known."""
    known = np.array([value is not None for value in values], bool)
    counts = Counter(values[known].tolist())
    common = [value for value, _ in counts.most_common(MOST_PARTS)]
    parts: Parts = {str(value): values == value for value in sorted(common)}
    parts[OTHERS] = known & ~np.isin(values.astype(str), [str(value) for value in common])
    parts[NOT_KNOWN] = ~known
    return _there(parts)


def _thirds(numbers: np.ndarray, fact: Fact) -> Parts:
    """Thirds of the rows that have a number, by it, and those that have none."""
    if fact.scale == "log":
        numbers = np.expm1(numbers)
    known = np.isfinite(numbers)
    parts: Parts = {}
    if known.any():
        low, high = np.quantile(numbers[known], [1 / 3, 2 / 3])
        parts = {
            f"up to {low:g}": known & (numbers <= low),
            f"up to {high:g}": known & (numbers > low) & (numbers <= high),
            MORE: known & (numbers > high),
        }
    parts[NOT_KNOWN] = ~known
    return _there(parts)


def _there(parts: Parts) -> Parts:
    return {name: rows for name, rows in parts.items() if rows.any()}
