"""titles.csv and artworks.csv beside pictures: what their files do not say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from data.errors import BadInput
from data.importers.mapping.own_facts import OWN
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
    own: Mapping[str, object] = {}
    """What is said of it in columns of the user's own."""


@dataclass(frozen=True)
class PictureLists:
    """What is listed; without a list of artworks a picture is its sub-folder's."""

    titles: Mapping[str, dict]
    """Title → what is said of it, by column; `own` holds columns of the user's own."""
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
        of_titles = _read(titles or folder / "titles.csv", titles, TITLE_COLUMNS, "title")
        of_artworks = _read(artworks or folder / "artworks.csv", artworks, ARTWORK_COLUMNS, "file")
        read = [one for one in (of_titles, of_artworks) if one is not None]
        pictures = None
        if of_artworks is not None:
            pictures = {r["file"]: _listed(r, of_artworks.file) for r in of_artworks.rows}
        own = [f"{column} of {one.file.name}" for one in read for column in one.own]
        return cls(
            {row.pop("title"): row for row in (of_titles.rows if of_titles else [])},
            pictures,
            [one.file for one in read],
            [] if OWN in TITLES.names else own,
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


class _List(NamedTuple):
    """A list that was read."""

    file: Path
    rows: list[dict]
    """In the types of the records, each key once; what is empty is left out."""
    own: list[str]
    """Columns of the user's own."""


def _read(file: Path, named: Path | None, known: tuple[str, ...], key: str) -> _List | None:
    """A list; None: it was not named, and there is none."""
    if named is None and not file.is_file():
        return None
    rows, seen, own = list[dict](), dict[str, int](), list[str]()
    for raw in read_rows(file, layout=LAYOUT):
        if raw.broken:
            raise BadInput(f"{file}, row {raw.broken[0].row}: {raw.broken[0].why}; mend the line")
        if key not in raw.table.column_names:
            has = ", ".join(raw.table.column_names)
            raise BadInput(f"{file} has no column {key}; it has {has}")
        own = [name for name in raw.table.column_names if name not in known]
        for number, row in zip(raw.numbers().tolist(), raw.table.to_pylist(), strict=True):
            name = row[key]
            if name is None:
                raise BadInput(f"{file}, row {number}: {key} is empty; fill it in or drop the row")
            if name in seen:
                raise BadInput(
                    f"{file}, row {number}: {name!r} is in row {seen[name]} already; keep one"
                )
            seen[name] = number
            said = {n: _typed(v, n, file, number) for n, v in row.items() if n in known and v}
            rows.append(said | {"own": {n: row[n] for n in own if row[n] is not None}})
    for name in own:
        _as_guessed([row["own"] for row in rows], name)
    return _List(file, rows, own)


def _as_guessed(rows: list[dict[str, object]], name: str) -> None:
    """A column's texts as numbers, lists or texts, whichever all of them are."""
    texts = [str(row[name]) for row in rows if name in row]
    several = any(SEPARATOR in text for text in texts)
    parts = [[part.strip() for part in text.split(SEPARATOR) if part.strip()] for text in texts]
    try:
        values: list[list] = [[float(part) for part in one] for one in parts]
    except ValueError:
        values = [list(one) for one in parts]
    held = iter(values)
    for row in rows:
        if name in row:
            value = next(held)
            row[name] = value if several else value[0] if value else None


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
        row["own"],
    )
