"""What a column of somebody's file may be, by what it holds: for the lines of a first map."""

import re
from collections import Counter
from typing import NamedTuple

import pyarrow as pa

from data.importers.mapping.import_map import FLAGS
from data.importers.mapping.values import as_text, counts_in, list_in

NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
WITH_COMMA = r"^\s*[+-]?\d*,\d+([eE][+-]?\d+)?\s*$"
SEPARATORS = ("|", ";", ",", " ")
MOST = 200
"""Different texts of a category, at most."""
SHOWN = 4
OFTEN = 0.05
"""Share of values that must hold a separator for it to be one."""


class Guess(NamedTuple):
    """A kind of fact, with what a map must say of it."""

    kind: str
    """As in schema.yaml; empty: nothing is made of it."""
    options: str
    """As YAML has them, with a comma before."""
    words: str
    """What the values are."""


class Column:
    """The first values of a column."""

    def __init__(self, values: pa.Array) -> None:
        self.values = values.drop_null()
        self.texts = [one.strip() for one in as_text(self.values).to_pylist()]

    def numbers(self, decimal: str) -> list[float] | None:
        """All of them as numbers; None: one is none, or there are none."""
        if not self.texts:
            return None
        texts = [text.replace(decimal, ".") for text in self.texts]
        if not all(re.match(NUMBER, text) for text in texts):
            return None
        return [float(text) for text in texts]

    @property
    def commas(self) -> bool:
        """Whether some are numbers with a comma, and all the others numbers, or lists of such."""
        return any(re.search(r"(^|[ ;|])[+-]?\d+,\d+($|[ ;|])", text) for text in self.texts) and (
            all(re.fullmatch(r"[\d\s,;|+\-eE]*", text) for text in self.texts)
        )

    def reward(self, decimal: str) -> bool:
        """Whether they can be what came of an impression: numbers, or yes and no."""
        flags = {text.lower() for text in self.texts} <= set(FLAGS)
        return bool(self.texts) and (flags or self.numbers(decimal) is not None)

    @property
    def few(self) -> str | None:
        """The commonest of few different values, with their shares; None: there are many."""
        counts = Counter(self.texts)
        if not 1 < len(counts) <= 2 * SHOWN:
            return None
        return ", ".join(f"{text} {n / len(self.texts):.0%}" for text, n in counts.most_common())


def guess(column: Column, decimal: str) -> Guess:
    """What kind of fact a column may be."""
    texts = column.texts
    if not texts:
        return Guess("", "", "no value is there")
    if (numbers := column.numbers(decimal)) is not None:
        return Guess("number", "", f"{min(numbers):g} to {max(numbers):g}")
    if pa.types.is_list(column.values.type):
        inner = column.values.type.value_type
        vector = pa.types.is_floating(inner) or pa.types.is_integer(inner)
        return Guess("vector" if vector else "set", "", "lists")
    if pa.types.is_map(column.values.type) or pa.types.is_struct(column.values.type):
        return Guess("counts", "", "numbers by name")
    if all(text.startswith("{") and counts_in(text, None) is not None for text in texts):
        return Guess("counts", "", "numbers by name")
    if all(text.startswith("[") and list_in(text, None) is not None for text in texts):
        return _several([list_in(text, None) or [] for text in texts], "", decimal)
    for separator in SEPARATORS:
        if sum(separator in text for text in texts) < OFTEN * len(texts) or separator == decimal:
            continue
        found = _several(
            [list_in(text, separator, decimal) or [] for text in texts],
            f", separator: '{separator}'",
            decimal,
        )
        if found.kind == "vector" or separator not in " ,":
            return found
    different = Counter(texts)
    if len(different) <= max(MOST, 1) and len(different) < 0.5 * len(texts):
        common = ", ".join(text for text, _ in different.most_common(SHOWN))
        more = f" and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
        return Guess("category", "", f"{common}{more}")
    return Guess("", "", f"{len(different):,} different texts in {len(texts):,} rows")


def _several(lists: list[list[object]], options: str, decimal: str) -> Guess:
    """Lists: a vector where all are as many numbers, else a set."""
    sizes = {len(one) for one in lists}
    inner = Column(pa.array([str(part) for one in lists for part in one], pa.string()))
    if len(sizes) == 1 and max(sizes) > 1 and inner.numbers(".") is not None:
        return Guess("vector", options, f"{max(sizes)} numbers")
    common = ", ".join(text for text, _ in Counter(inner.texts).most_common(SHOWN))
    return Guess("set", options, f"lists of {common} …")


def decimal_of(columns: list[Column]) -> str:
    """A comma where some column's numbers have one, else a point."""
    return "," if any(column.commas for column in columns) else "."
