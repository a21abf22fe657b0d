"""The kinds of tables that are checked, and how a file's kind is told."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from data.check.known import Known
from data.check.repeated_ids import repeated
from data.check.rows import (
    check_decisions,
    check_events,
    check_examples_of_log,
    check_profiles,
)
from data.pictures import conform_artworks, read_images
from data.problem import Problem
from data.records import ARTWORKS, ASSETS, DECISIONS, EVENTS, EXAMPLES, IMAGES, PROFILES, TITLES
from data.schema_cast import UnreadableFile, conform


class Kind(NamedTuple):
    """What a table of a kind must be."""

    schema: pa.Schema
    check: Callable[[pa.Table, Path | str, Known], Iterator[Problem]] | None = None
    """What is wrong with its rows; None: the catalogue as a whole is checked."""
    unique: str | None = None
    """The column that must not repeat."""


KINDS = {
    "decisions": Kind(DECISIONS, check_decisions, "decision_id"),
    "events": Kind(EVENTS, check_events, "event_id"),
    "examples": Kind(EXAMPLES, check_examples_of_log, "decision_id"),
    "profiles": Kind(PROFILES, check_profiles, "profile_id"),
    "titles": Kind(TITLES),
    "artworks": Kind(ARTWORKS),
    "images": Kind(IMAGES),
    "assets": Kind(ASSETS),
}
MARKS = {
    "examples": ("reward", "played"),
    "events": ("event_id",),
    "decisions": ("decision_id", "seed"),
    "titles": ("default_artwork_id",),
    "images": ("artwork_id", "canvas"),
    "assets": ("asset_id", "kind"),
    "artworks": ("artwork_id", "path"),
}
"""Columns that tell the kind of a file which is given alone; the first match counts."""


CHOSEN = ("candidates", "action")
"""Columns that no table of profiles has."""


def kind_of(file: Path, root: Path, table: pa.Table) -> str | None:
    """What a file holds: by its folder in a log, else by its columns; None: nothing of ours."""
    parts = file.relative_to(root).parts if root.is_dir() else ()
    if parts and parts[0] in ("decisions", "events"):
        return parts[0]
    names = set(table.column_names)
    for kind, marks in MARKS.items():
        if names.issuperset(marks):
            return kind
    if names.issuperset(PROFILES.names) and names.isdisjoint(CHOSEN):
        return "profiles"
    overlaps = {name: len(names & set(kind.schema.names)) for name, kind in KINDS.items()}
    best = max(overlaps, key=lambda kind: overlaps[kind])
    return best if overlaps[best] >= 3 else None


def table_problems(
    table: pa.Table, kind: str, file: Path | str, known: Known, *, alone: bool = True
) -> list[Problem]:
    """The problems of one table; alone: its ids are checked here and not with other files'."""
    schema, check, unique = KINDS[kind]
    table, problems = _conformed(table, kind, schema, file)
    if check is not None:
        problems += check(table, file, known)
    if alone and unique is not None and unique in table.column_names:
        problems += repeated([(str(file), table[unique])], unique)
    return problems


def _conformed(
    table: pa.Table, kind: str, schema: pa.Schema, file: Path | str
) -> tuple[pa.Table, list[Problem]]:
    """A table in its schema; paths of artworks may be those of pictures beside it."""
    if kind == "artworks":
        with suppress(UnreadableFile):  # which is named where it is checked itself
            images, _ = read_images(Path(file).parent)
            return conform_artworks(table, images, file)
    return conform(table, schema, file)
