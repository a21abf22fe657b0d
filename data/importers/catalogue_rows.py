"""Rows of a catalogue that is made of pictures, and of the one that it brings up to date."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa

from data import clock
from data.errors import BadInput
from data.importers.kept_ids import IDS, kept_titles, with_new_titles
from data.importers.mapping.own_facts import OWN
from data.importers.picture_lists import Listed, PictureLists
from data.reading.conformed_files import conformed_table
from data.records import ARTWORKS, TITLES, TitleId, titles_as
from data.schema_cast import conform, refuse


@dataclass(frozen=True)
class CatalogueBefore:
    """The catalogue that is brought up to date."""

    ids: dict[str, TitleId] = field(default_factory=dict)
    titles: dict[TitleId, dict] = field(default_factory=dict)
    artworks: dict[str, dict] = field(default_factory=dict)

    @property
    def fresh(self) -> bool:
        """Whether there is none."""
        return not self.ids

    @classmethod
    def read(cls, out: Path) -> "CatalogueBefore":
        """What a folder holds.

        Raises:
            BadInput: what this command did not write.
        """
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return cls()
        if not (out / IDS).is_file():
            raise BadInput(f"{out} holds what this command did not write; give another --out")
        rows = [
            conformed_table(out / f"{name}.parquet", schema).to_pylist()
            for name, schema in (("titles", TITLES), ("artworks", ARTWORKS))
        ]
        return cls(
            kept_titles(out),
            {row["title_id"]: row for row in rows[0]},
            {row["artwork_id"]: row for row in rows[1]},
        )


@dataclass
class CatalogueRows:
    """Rows of a catalogue as they are made."""

    folder: Path
    before: CatalogueBefore
    lists: PictureLists
    first_day: date
    artworks: dict[str, dict] = field(default_factory=dict)
    """Those whose picture is there."""
    copies: dict[str, tuple[Path, str]] = field(default_factory=dict)
    """Artwork → its file, and where the catalogue has it."""
    titles: list[dict] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)
    ids: dict[str, TitleId] = field(default_factory=dict)
    new: int = 0
    withdrawn: int = 0

    def add(self, picture: Listed) -> None:
        """Take a picture that can be decoded."""
        known = self.before.artworks.get(picture.artwork_id, {})
        self.new += not known
        row = {
            "artwork_id": picture.artwork_id,
            "title": picture.title,
            "path": f"images/{picture.file}",
            "added_day": picture.days[0] or known.get("added_day") or self.first_day,
            "withdrawn_day": picture.days[1],
            "cast_shown": picture.cast_shown or known.get("cast_shown"),
            "tone": picture.tone or known.get("tone"),
            **_own(picture.own, known),
        }
        self.artworks[picture.artwork_id] = row
        self.copies[picture.artwork_id] = (self.folder / picture.file, row["path"])

    def finish(self, left_out: dict[str, str]) -> None:
        """Ids, titles, and what has gone."""
        names = list(dict.fromkeys(row["title"] for row in self.artworks.values()))
        self.ids = with_new_titles(self.before.ids, names)
        for row in self.artworks.values():
            row["title_id"] = self.ids[row.pop("title")]
        gone = [r for name, r in self.before.artworks.items() if name not in self.artworks]
        for row in gone:
            self.withdrawn += row["withdrawn_day"] is None
            day = max(row["added_day"], clock.today())
            row["withdrawn_day"] = row["withdrawn_day"] or day
        self.rows = [*self.artworks.values(), *gone]
        for title in self.lists.titles:
            if title not in self.ids:
                left_out[f"title {title}"] = "it has no picture"
        of = {title: name for name, title in self.ids.items()}
        own: dict[TitleId, list[dict]] = {}
        for row in self.rows:
            own.setdefault(row["title_id"], []).append(row)
        self.titles = [self._title(of[title], title, rows) for title, rows in own.items()]

    def _title(self, name: str, title: TitleId, own: list[dict]) -> dict:
        shown = [row for row in own if row["withdrawn_day"] is None] or own
        known, said = self.before.titles.get(title, {}), dict(self.lists.titles.get(name, {}))
        wanted, theirs = said.pop("default_artwork", None), said.pop("own", {})
        defaults = [r["artwork_id"] for r in shown if wanted and _is_file(r["path"], wanted)]
        default = known.get("default_artwork_id")
        if defaults or default not in [row["artwork_id"] for row in shown]:
            default = (defaults or [shown[0]["artwork_id"]])[0]
        begins: dict = {
            "name": name,
            "genres": [],
            "cast": [],
            "popularity": 1.0,
            "launch_day": min(row["added_day"] for row in own),
            "runtime_minutes": 90.0,
        }
        fixed = {"title_id": title, "default_artwork_id": default}
        return {**begins, **known, **said, **fixed, **_own(theirs, known)}


def as_table(rows: list[dict], schema: pa.Schema) -> pa.Table:
    """Rows in a schema, with columns of the user's own as it keeps them.

    Raises:
        BadInput: a value is none of its column's type.
    """
    is_text = bool(rows) and isinstance(rows[0].get("title_id"), str)
    kinds = titles_as(schema, pa.string() if is_text else pa.int64())
    names = dict.fromkeys([*schema.names, *(name for row in rows for name in row)])
    columns = {
        name: pa.array(
            [row.get(name) for row in rows],
            kinds.field(name).type if name in schema.names else None,
        )
        for name in names
    }
    table, problems = conform(pa.table(columns), schema, "catalogue")
    refuse(problems)
    return table.select(schema.names)


def _own(said: Mapping[str, object], known: Mapping[str, object]) -> dict[str, object]:
    """Columns of the user's own as they are said now, else as they were kept."""
    return {OWN: None, **said} if said else {OWN: known.get(OWN)}


def _is_file(path: str, wanted: str) -> bool:
    return path == f"images/{wanted}" or path.rpartition("/")[2] == wanted
