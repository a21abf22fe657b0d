"""`python -m data catalogue`: a catalogue from a folder of pictures, a sub-folder a title.

Run again after pictures came or went, it gives what was there the ids that it had: new pictures are
candidates from today on, those that are gone no longer are, and stay for the logs that name them.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
from rich.console import Console
from rich.progress import track

from data import clock
from data.atomic_write import replaced_folder
from data.catalogue import LARGEST_TITLE_ID, Catalogue
from data.errors import BadInput
from data.images.decode import load_image
from data.importers.kept_ids import IDS, kept_titles, with_new_titles, write_kept
from data.importers.picture_lists import Listed, PictureLists
from data.reading.conformed_files import conformed_table
from data.records import ARTWORKS, TITLES
from data.sound import id_problem

ALWAYS = date(2000, 1, 1)
"""Since when pictures of a first run are candidates: older than any log."""
NOT_PICTURES = ("thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r")
"""What systems leave in folders, in small letters, beside hidden files."""
NAMED = 20


@dataclass(frozen=True)
class FolderCatalogue:
    """What a catalogue was made of."""

    catalogue: str
    titles: int
    artworks: int
    """Candidates today."""
    new: int
    """Artworks that were not there before."""
    withdrawn: int
    """Artworks whose picture has gone."""
    changed: list[str]
    """Artworks whose file holds other pixels than before; what was learnt of them stays theirs."""
    left_out: Mapping[str, str]
    """File or title → why it is not in the catalogue."""
    unused_columns: list[str]
    """Of the lists: nothing is made of them."""


# Each parameter is an option of the command.
def catalogue(
    folder: Path,
    out: Path,
    titles: Path | None = None,
    artworks: Path | None = None,
    added: str | None = None,
) -> FolderCatalogue:
    """Make a catalogue of a folder of pictures, or bring one up to date; ids never move.

    Args:
        folder: of pictures, in a sub-folder a title; or anywhere in it, where a list of artworks
            says whose they are.
        out: folder of the catalogue; the pictures are copied into it.
        titles: CSV of title (the sub-folder's name), and any of name, genres, cast, popularity,
            launch_day, runtime_minutes, default_artwork (a file); FOLDER/titles.csv if it is there.
        artworks: CSV of file and title, and any of artwork_id, added_day, withdrawn_day,
            cast_shown, tone; FOLDER/artworks.csv if it is there.
        added: first day of new pictures without an added_day; of a first run 2000-01-01, later
            today.
    """
    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder}; give a folder of pictures")
    if out.resolve() == folder.resolve() or folder.resolve() in out.resolve().parents:
        raise BadInput(f"--out {out} lies in the pictures' folder; give another place")
    before = _Before.read(out)
    lists = PictureLists.read(folder, titles, artworks)
    left_out: dict[str, str] = {}
    found = _pictures(folder, lists, left_out)
    first_day = ALWAYS if before.fresh else clock.today()
    if added is not None:
        first_day = _day(added)
    made = _Rows(folder, before, lists, first_day)
    for picture in found.values():
        made.add(picture)
    made.finish(left_out)
    if not made.artworks:
        raise BadInput(
            f"{folder} has no picture of a title ({_first(left_out)}); put the pictures of each "
            "title into a sub-folder of its name, or list them in artworks.csv"
        )
    with replaced_folder(out) as part:
        if not before.fresh:
            shutil.copytree(out, part, copy_function=_linked, dirs_exist_ok=True)
        changed = [name for name, one in made.copies.items() if _copy(one, part)]
        write_kept(made.ids, part)
        tables = (
            pa.Table.from_pylist(made.titles, TITLES),
            pa.Table.from_pylist(made.rows, ARTWORKS),
        )
        Catalogue(part, *tables).write()
    return FolderCatalogue(
        *(str(out), len(made.titles), len(made.artworks), made.new, made.withdrawn),
        *(changed, left_out, lists.unused),
    )


def show(record: FolderCatalogue) -> None:
    """What there is, and by name what is not."""
    print(
        f"{record.catalogue}: {record.titles:,} titles, {record.artworks:,} artworks; "
        f"{record.new:,} new, {record.withdrawn:,} withdrawn"
    )
    for name in record.changed[:NAMED]:
        print(
            f"changed: {name} has other pixels, and keeps its id; another picture needs another "
            "name",
            file=sys.stderr,
        )
    for name, why in list(record.left_out.items())[:NAMED]:
        print(f"left out: {name}: {why}", file=sys.stderr)
    if len(record.left_out) > NAMED:
        print(f"left out: {len(record.left_out):,} in all (--json names them)", file=sys.stderr)
    for name in record.unused_columns:
        print(f"not used: column {name}", file=sys.stderr)


@dataclass(frozen=True)
class _Before:
    """The catalogue that is brought up to date."""

    ids: dict[str, int] = field(default_factory=dict)
    titles: dict[int, dict] = field(default_factory=dict)
    artworks: dict[str, dict] = field(default_factory=dict)

    @property
    def fresh(self) -> bool:
        return not self.ids

    @classmethod
    def read(cls, out: Path) -> "_Before":
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
class _Rows:
    """Rows of a catalogue as they are made."""

    folder: Path
    before: _Before
    lists: PictureLists
    first_day: date
    artworks: dict[str, dict] = field(default_factory=dict)
    """Those whose picture is there."""
    copies: dict[str, tuple[Path, str]] = field(default_factory=dict)
    """Artwork → its file, and where the catalogue has it."""
    titles: list[dict] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)
    ids: dict[str, int] = field(default_factory=dict)
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
        }
        self.artworks[picture.artwork_id] = row
        self.copies[picture.artwork_id] = (self.folder / picture.file, row["path"])

    def finish(self, left_out: dict[str, str]) -> None:
        """Ids, titles, and what has gone."""
        names = list(dict.fromkeys(row["title"] for row in self.artworks.values()))
        taken = set(self.before.ids.values())
        numbers = {n: int(n) for n in names if _is_title_id(n) and int(n) not in taken}
        self.ids = with_new_titles({**numbers, **self.before.ids}, names)
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
        own: dict[int, list[dict]] = {}
        for row in self.rows:
            own.setdefault(row["title_id"], []).append(row)
        self.titles = [self._title(of[title], title, rows) for title, rows in own.items()]

    def _title(self, name: str, title: int, own: list[dict]) -> dict:
        shown = [row for row in own if row["withdrawn_day"] is None] or own
        known, said = self.before.titles.get(title, {}), dict(self.lists.titles.get(name, {}))
        wanted = said.pop("default_artwork", None)
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
        return {**begins, **known, **said, **fixed}


def _pictures(folder: Path, lists: PictureLists, left_out: dict[str, str]) -> dict[str, Listed]:
    """Pictures that can be decoded, by id; the others are named."""
    every = sorted(path for path in folder.rglob("*") if path.is_file())
    found: dict[str, Listed] = {}
    console = Console(stderr=True)
    for path in track(every, "decoding pictures", console=console, transient=True):
        file = path.relative_to(folder)
        if path in lists.files:
            continue
        if any(part.startswith((".", "__MACOSX")) for part in file.parts):
            left_out[str(file)] = "hidden"
            continue
        if file.name.lower() in NOT_PICTURES:
            left_out[str(file)] = "a system's own file"
            continue
        picture = lists.of(file.as_posix())
        if isinstance(picture, str):
            left_out[str(file)] = picture
            continue
        why = id_problem(picture.artwork_id) or _refused(lambda path=path: load_image(path))
        if why is None and picture.artwork_id in found:
            why = f"artwork {picture.artwork_id!r} is {found[picture.artwork_id].file} already"
        if why is not None:
            left_out[str(file)] = why
            continue
        found[picture.artwork_id] = picture
    for file in lists.missing(path.relative_to(folder).as_posix() for path in every):
        left_out[file] = "it is listed, and not there"
    return found


def _refused(read: Callable[[], object]) -> str | None:
    try:
        read()
    except BadInput as error:
        return str(error)
    return None


def _copy(one: tuple[Path, str], part: Path) -> bool:
    """Bring a picture into the catalogue; whether there was another under its name."""
    source, to = one[0], part / one[1]
    to.parent.mkdir(parents=True, exist_ok=True)
    there = to.is_file()
    if there and _same(source, to):
        return False
    to.unlink(missing_ok=True)
    shutil.copy2(source, to)
    return there


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    alike = one.stat().st_mtime_ns == other.stat().st_mtime_ns
    return alike or one.read_bytes() == other.read_bytes()


def _linked(source: str, to: str) -> str:
    """One file under two names, where the disk can; else a copy."""
    try:
        os.link(source, to)
    except OSError:
        shutil.copy2(source, to)
    return to


def _is_file(path: str, wanted: str) -> bool:
    return path == f"images/{wanted}" or path.rpartition("/")[2] == wanted


def _is_title_id(name: str) -> bool:
    return (
        name.isascii()
        and name.isdigit()
        and str(int(name)) == name
        and (1 <= int(name) <= LARGEST_TITLE_ID)
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--added {text!r} is no date; write it as 2026-01-31") from None


def _first(left_out: Mapping[str, str]) -> str:
    return next((f"{name}: {why}" for name, why in left_out.items()), "it is empty")
