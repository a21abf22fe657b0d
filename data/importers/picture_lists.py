"""titles.csv and artworks.csv beside pictures: what their files do not say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from data.errors import BadInput
from data.importers.mapping.raw_rows import CsvLayout
from data.importers.mapping.row_files import read_rows
from data.lossless_cast import CAST_ERRORS, fit
from data.records import ARTWORKS, TITLES

TITLE_COLUMNS = (
    *("title", "name", "genres", "cast", "popularity", "launch_day", "runtime_minutes"),
    "default_artwork",
)
ARTWORK_COLUMNS = (
    *("file", "title", "artwork_id", "added_day", "withdrawn_day", "cast_shown", "tone"),
)
LAYOUT = CsvLayout(nulls=("",))
"""A title may be called None."""
SEPARATOR = "|"
"""Between genres, and between members of the cast."""


class Listed(NamedTuple):
    """A picture, and whose it is."""

    file: str
    """Relative to the folder of pictures."""
    title: str
    artwork_id: str
    days: tuple[date | None, date | None] = (None, None)
    """From which on it is a candidate, and from which on no longer."""
    cast_shown: list[str] | None = None
    tone: str | None = None


@dataclass(frozen=True)
class PictureLists:
    """What is listed; without a list of artworks a picture is its sub-folder's."""

    titles: Mapping[str, dict]
    """Title → what is said of it, by column."""
    artworks: Mapping[str, Listed] | None
    """File → picture."""
    files: list[Path]
    """The lists themselves."""
    unused: list[str]
    """Columns that nothing is made of."""

    @classmethod
    def read(cls, folder: Path, titles: Path | None, artworks: Path | None) -> "PictureLists":
        """The lists that are named, or that lie beside the pictures.

        Raises:
            BadInput: a list cannot be read, lacks a column, or a value is none: by file and row.
        """
        at = {"titles": titles or folder / "titles.csv", "artworks": artworks}
        at["artworks"] = artworks or folder / "artworks.csv"
        rows: dict[str, list[dict] | None] = {"titles": None, "artworks": None}
        unused: list[str] = []
        for name, named in (("titles", titles), ("artworks", artworks)):
            if named is not None or at[name].is_file():
                known, key = (
                    (TITLE_COLUMNS, "title") if name == "titles" else (ARTWORK_COLUMNS, "file")
                )
                rows[name] = list(_rows(at[name], known, key))
                unused += [f"{c} of {at[name].name}" for c in _columns(at[name]) if c not in known]
        listed = rows["artworks"]
        return cls(
            {row.pop("title"): row for row in rows["titles"] or []},
            None
            if listed is None
            else {row["file"]: _listed(row, at["artworks"]) for row in listed},
            [path for name, path in at.items() if rows[name] is not None],
            unused,
        )

    def of(self, file: str) -> Listed | str:
        """Whose picture a file is, or why it is nobody's."""
        if self.artworks is not None:
            return self.artworks.get(file) or "it is not listed in artworks.csv"
        title, slash, _ = file.partition("/")
        return Listed(file, title, file) if slash else "it lies in no title's sub-folder"

    def missing(self, there: Iterable[str]) -> list[str]:
        """Files that are listed and not there."""
        return sorted(set(self.artworks or ()) - set(there))


def _columns(file: Path) -> list[str]:
    return next((raw.table.column_names for raw in read_rows(file, layout=LAYOUT)), [])


def _rows(file: Path, known: tuple[str, ...], key: str) -> Iterator[dict]:
    """Rows of a list in the types of the records, each key once; what is empty is left out."""
    seen: dict[str, int] = {}
    for raw in read_rows(file, layout=LAYOUT):
        if raw.broken:
            raise BadInput(f"{file}, row {raw.broken[0].row}: {raw.broken[0].why}; mend the line")
        if key not in raw.table.column_names:
            has = ", ".join(raw.table.column_names)
            raise BadInput(f"{file} has no column {key}; it has {has}")
        rows = raw.table.select([n for n in raw.table.column_names if n in known]).to_pylist()
        for number, row in zip(raw.numbers().tolist(), rows, strict=True):
            name = row[key]
            if name is None:
                raise BadInput(f"{file}, row {number}: {key} is empty; fill it in or drop the row")
            if name in seen:
                raise BadInput(
                    f"{file}, row {number}: {name!r} is in row {seen[name]} already; keep one"
                )
            seen[name] = number
            yield {n: _typed(v, n, file, number) for n, v in row.items() if v is not None}


def _typed(text: str, column: str, file: Path, row: int) -> object:
    """A text as the records have the column; lists have SEPARATOR between."""
    schema = TITLES if column in TITLES.names and column != "title" else ARTWORKS
    if column not in schema.names:
        return text.strip()
    kind = schema.field(column).type
    if pa.types.is_list(kind):
        return [part.strip() for part in text.split(SEPARATOR) if part.strip()]
    try:
        return fit(pa.array([text.strip()]), kind)[0].as_py()
    except CAST_ERRORS:
        raise BadInput(f"{file}, column {column}, row {row}: {text!r:.60} is no {kind}") from None


def _listed(row: dict, file: Path) -> Listed:
    if "title" not in row:
        raise BadInput(f"{file}: {row['file']} has no title; say whose picture it is")
    return Listed(
        row["file"],
        row["title"],
        row.get("artwork_id", row["file"]),
        (row.get("added_day"), row.get("withdrawn_day")),
        row.get("cast_shown"),
        row.get("tone"),
    )
