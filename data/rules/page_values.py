"""The facts that rules ask for, out of a request's JSON or out of columns of facts."""

from collections.abc import Collection, Mapping, Sequence
from typing import cast

import pyarrow as pa

from bandit.rules.rule import FactValue
from data.own_facts import fact_values
from data.records import FACTS

FACT_NAMES = frozenset(field.name for field in FACTS)
TEXTS = frozenset(field.name for field in FACTS if pa.types.is_string(field.type))


def request_values(facts: Mapping[str, object], asked: Collection[str]) -> dict[str, FactValue]:
    """Those of a request, of one value each; what is none of the fact's kind is not known.

    Args:
        facts: as JSON, those of a user's own beside the others or folded into `own`.
        asked: by rules.
    """
    values: dict[str, FactValue] = {}
    for name in asked:
        value = facts.get(name)
        if value is None and name not in FACT_NAMES:
            own = facts.get("own")
            value = _single(own.get(name)) if isinstance(own, Mapping) else None
            if isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
        if isinstance(value, bool):
            continue
        if isinstance(value, str | int | float) and _told(name, value):
            values[name] = value
    return values


def _told(name: str, value: str | float) -> bool:
    """Whether a value says anything: a blank text does not, nor what a fact cannot be."""
    if name in FACT_NAMES and (name in TEXTS) != isinstance(value, str):
        return False
    return bool(value.strip()) if isinstance(value, str) else value == value


def _single(value: object) -> object:
    """The one value of a fact of a user's own."""
    if not isinstance(value, Mapping):
        return None
    its = [*(value.get("names") or ()), *(value.get("numbers") or ())]
    return its[0] if len(its) == 1 else None


def column_values(facts: pa.StructArray, asked: Sequence[str]) -> list[dict[str, FactValue]]:
    """The same of each row of facts.

    Args:
        facts: as `data.records.FACTS`.
        asked: by rules.
    """
    rows: list[dict[str, FactValue]] = [{} for _ in range(len(facts))]
    for name in asked:
        if name in FACT_NAMES:
            column = facts.field(name).to_pylist()
        else:
            column = _own_column(cast("pa.MapArray", facts.field("own")), name)
        for row, value in zip(rows, column, strict=True):
            if value is not None and _told(name, value):
                row[name] = value
    return rows


def _own_column(own: pa.MapArray, name: str) -> list[FactValue]:
    found = fact_values(own, name)
    its: list[list[FactValue]] = [[] for _ in range(len(own))]
    for row, code in zip(found.name_rows.tolist(), found.codes.tolist(), strict=True):
        its[row].append(found.distinct[code] if code >= 0 else None)
    for row, number in zip(found.number_rows.tolist(), found.numbers.tolist(), strict=True):
        its[row].append(number)
    return [one[0] if len(one) == 1 else None for one in its]
