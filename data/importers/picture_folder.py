"""`python -m data catalogue`: a catalogue from a folder of pictures, a sub-folder a title.

Run again after pictures came or went, it gives what was there the ids that it had: new pictures are
candidates from today on, those that are gone no longer are, and stay for the logs that name them.
"""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import track

from data import clock
from data.atomic_write import replaced_folder
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.decode import load_image
from data.importers.catalogue_rows import CatalogueBefore, CatalogueRows, as_table
from data.importers.kept_ids import write_kept
from data.importers.picture_canvases import CanvasFile, CanvasFiles, image_rows
from data.importers.picture_lists import Listed, PictureLists
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
    canvases: dict[str, int]
    """Pictures beside artworks' own, by canvas."""
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
    before = CatalogueBefore.read(out)
    lists = PictureLists.read(folder, titles, artworks)
    left_out: dict[str, str] = {}
    found, beside = _pictures(folder, lists, before, left_out)
    first_day = ALWAYS if before.fresh else clock.today()
    if added is not None:
        first_day = _day(added)
    made = CatalogueRows(folder, before, lists, first_day)
    for picture in found.values():
        made.add(picture)
    made.finish(left_out)
    if not made.artworks:
        raise BadInput(
            f"{folder} has no picture of a title ({_first(left_out)}); put the pictures of each "
            "title into a sub-folder of its name, or list them in artworks.csv"
        )
    artwork_of = {picture.file: picture.artwork_id for picture in found.values()}
    images = image_rows(beside, artwork_of, out)
    copies = [*made.copies.values(), *((folder / one.file, f"images/{one.file}") for one in beside)]
    with replaced_folder(out) as part:
        if not before.fresh:
            shutil.copytree(out, part, copy_function=_linked, dirs_exist_ok=True)
        by_path = {path: name for name, (_, path) in made.copies.items()}
        changed = [by_path.get(one[1], one[1]) for one in copies if _copy(one, part)]
        write_kept(made.ids, part)
        tables = (as_table(made.titles, TITLES), as_table(made.rows, ARTWORKS))
        Catalogue(part, *tables, images).write()
    return FolderCatalogue(
        *(str(out), len(made.titles), len(made.artworks), made.new, made.withdrawn),
        *(changed, dict(Counter(one.canvas for one in beside)), left_out, lists.unused),
    )


def show(record: FolderCatalogue) -> None:
    """What there is, and by name what is not."""
    print(
        f"{record.catalogue}: {record.titles:,} titles, {record.artworks:,} artworks; "
        f"{record.new:,} new, {record.withdrawn:,} withdrawn"
    )
    if record.canvases:
        told = ", ".join(f"{count:,} {canvas}" for canvas, count in record.canvases.items())
        print(f"beside them by canvas: {told}")
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


def _pictures(
    folder: Path, lists: PictureLists, before: CatalogueBefore, left_out: dict[str, str]
) -> tuple[dict[str, Listed], list[CanvasFile]]:
    """Artworks' own pictures that can be decoded, by id, and those beside them; others are named.

    Args:
        folder: of pictures.
        lists: beside them.
        before: the catalogue that is brought up to date.
        left_out: file → why it is not in the catalogue; added to.
    """
    every = sorted(path for path in folder.rglob("*") if path.is_file())
    canvases = CanvasFiles(
        (path.relative_to(folder).as_posix() for path in every),
        {*before.artworks, *(lists.artworks or ())},
    )
    found: dict[str, Listed] = {}
    beside = list[CanvasFile]()
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
        if (one := canvases.of(file.as_posix())) is not None:
            why = id_problem(one.canvas) or _refused(lambda path=path: load_image(path))
            twin = next((o.file for o in beside if o[1:] == one[1:]), None)
            if why is None and twin is None:
                beside.append(one)
            else:
                left_out[one.file] = why or f"{twin} is of this canvas and language already"
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
    filled = {path.relative_to(folder).parts[0] for path in every}
    for path in folder.iterdir() if lists.artworks is None else ():
        if path.is_dir() and path.name not in filled:
            left_out[path.name] = "it has no picture"
    own = {picture.file for picture in found.values()}
    left_out |= {one.file: f"so is {one.of}, whose it is" for one in beside if one.of not in own}
    return found, [one for one in beside if one.of in own]


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


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--added {text!r} is no date; write it as 2026-01-31") from None


def _first(left_out: Mapping[str, str]) -> str:
    return next((f"{name}: {why}" for name, why in left_out.items()), "it is empty")
