"""Facts that Marquee comes with and that a schema switches off: the model is shown none of them."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa


def without_facts(facts: pa.StructArray, off: Collection[str]) -> pa.StructArray:
    """Members' facts with those that are switched off not known.

    Args:
        facts: as FACTS.
        off: names with their sections, as `facts.device`; others than facts of members mean
            nothing here.
    """
    if not any(f"facts.{field.name}" in off for field in facts.type):
        return facts
    columns = [
        pa.nulls(len(facts), field.type)
        if f"facts.{field.name}" in off
        else facts.field(field.name)
        for field in facts.type
    ]
    return pa.StructArray.from_arrays(columns, fields=list(facts.type))


def without_columns(
    titles: pa.Table, artworks: pa.Table, off: Collection[str], popularity: float
) -> tuple[pa.Table, pa.Table]:
    """Both tables of a catalogue with what is switched off not said.

    Args:
        titles: as TITLES.
        artworks: as ARTWORKS.
        off: names with their sections.
        popularity: that all titles have, where it is switched off.
    """
    parts = {"titles": titles, "artworks": artworks}
    for name in off:
        section, _, column = name.partition(".")
        if section not in parts:
            continue
        table = parts[section]
        at = table.schema.get_field_index(column)
        kind = table.schema.field(at)
        if kind.nullable:
            values = pa.nulls(len(table), kind.type)
        elif pa.types.is_list(kind.type):
            values = pa.array([[]] * len(table), kind.type)
        else:
            values = pa.array(np.full(len(table), popularity), kind.type)
        parts[section] = table.set_column(at, kind, values)
    return parts["titles"], parts["artworks"]
