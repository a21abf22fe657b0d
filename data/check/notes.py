"""What is sound and still worth a note: fields that no schema declares, rows that a rule chose."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import cast

import pyarrow as pa

from data.lossless_cast import CAST_ERRORS, plain
from data.own_facts import own_names
from data.records import EVENTS, FACTS, OWN
from data.schema import SCHEMA_FILE, Schema
from data.schema.schema import TAKEN
from data.schema_cast import UnreadableFile, opened

ROWS = 65_536
"""Of a file that are looked through for names in the column `own`."""


def undeclared(files: list[Path], schema: Schema) -> list[str]:
    """A sentence for each file that has fields which the schema does not declare.

    Args:
        files: Parquet: of a catalogue by their names; of events, whose columns may tell what a page
            knew; else with a column `facts` or none.
        schema: of the catalogue.
    """
    said = []
    for file in files:
        section = file.stem if file.stem in ("titles", "artworks") else "facts"
        declared = {fact.name for fact in getattr(schema, section)}
        with suppress(UnreadableFile, *CAST_ERRORS):  # which problems name
            told = _told_by_events(file)
            if told is not None:
                if strange := sorted(told - set(schema.known_at_request())):
                    said.append(
                        f"{file}: nothing is learnt from {', '.join(strange)}; impressions tell "
                        f"what {SCHEMA_FILE} declares under facts with known_at: request"
                    )
                continue
            strange = sorted(set(_fields(file, section)) - declared - set(TAKEN[section]))
            if strange:
                said.append(
                    f"{file}: nothing is learnt from {', '.join(strange)}; declare under {section} "
                    f"in {SCHEMA_FILE}, or see `python -m data schema`"
                )
    return said


def without_propensity(files: list[Path]) -> list[str]:
    """A sentence for each file that has rows without a propensity, which count as a rule's.

    Args:
        files: Parquet, with a column `propensity` or none.
    """
    said = []
    for file in files:
        with suppress(UnreadableFile, *CAST_ERRORS), opened(file) as source:
            if "propensity" not in source.schema_arrow.names:
                continue
            rows = source.read(columns=["propensity"])["propensity"]
            if rows.null_count:
                said.append(
                    f"{file}: {rows.null_count:,} of {len(rows):,} rows have no propensity: they "
                    "count as chosen by a rule, which a model learns from and no estimate weighs"
                )
    return said


def _told_by_events(file: Path) -> set[str] | None:
    """Names of what events tell beside Marquee's columns; None: the file has no events."""
    with opened(file) as source:
        names = set(source.schema_arrow.names)
        if not {"event_id", "kind"} <= names:
            return None
        held = set[str]()
        if "own" in names:
            for batch in source.iter_batches(ROWS, columns=["own"]):
                held.update(_held(batch.column(0)))
                break
    return (names - set(EVENTS.names)) | held


def _fields(file: Path, section: str) -> Iterator[str]:
    """Names of a table's columns, or of the fields of its facts, and those in `own`."""
    with opened(file) as source:
        own = source.schema_arrow
        if section == "facts":
            if "facts" not in own.names or not pa.types.is_struct(own.field("facts").type):
                return
            kind = cast("pa.StructType", own.field("facts").type)
            yield from (kind.field(at).name for at in range(kind.num_fields))
            if kind.equals(FACTS) or "own" in [field.name for field in kind]:
                for batch in source.iter_batches(ROWS, columns=["facts"]):
                    facts = cast("pa.StructArray", plain(batch.column(0)))
                    yield from _held(facts.field("own"))
                    break
            return
        yield from own.names
        if "own" in own.names:
            for batch in source.iter_batches(ROWS, columns=["own"]):
                yield from _held(batch.column(0))
                break


def _held(column: pa.Array) -> list[str]:
    return own_names(cast("pa.MapArray", column)) if column.type.equals(OWN) else []
