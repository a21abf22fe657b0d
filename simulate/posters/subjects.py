"""Subjects: the cut-outs that posters show and titles have as their cast."""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int
from PIL import Image, UnidentifiedImageError

from data.errors import BadInput

COLUMNS = ("file", "theme")


@dataclass(frozen=True)
class Subjects:
    """Named subjects, each of one theme; themes mean the same wherever they have the same name."""

    names: tuple[str, ...]
    """What a subject is called: its file's name without the ending."""
    themes_of: tuple[str, ...]
    """The theme of each."""
    files: tuple[Path, ...] = ()
    """The cut-out of each; empty where only names are known."""

    def __post_init__(self) -> None:
        if not self.names:
            raise BadInput("there are no subjects; give a folder of cut-outs with at least 2")
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if twice:
            raise BadInput(f"the subject {twice[0]!r} appears more than once; names must differ")

    @classmethod
    def read(
        cls, folder: Path | str, exclude: Iterable[str] = (), include: Iterable[str] = ()
    ) -> "Subjects":
        """The subjects that `subjects.csv` of a folder lists.

        The cut-outs lie beside it or in a folder `subjects`; transparency is what is cut away.

        Args:
            folder: with `subjects.csv`, columns `file` and `theme`.
            exclude: names to leave out.
            include: the only names to keep; all if empty.

        Raises:
            BadInput: no such folder or table, a column or file missing, a file that is no image,
                an unknown name.
        """
        folder = Path(folder)
        rows = _rows(folder / "subjects.csv")
        subjects = cls(
            tuple(Path(row["file"]).stem for _, row in rows),
            tuple(row["theme"].strip() for _, row in rows),
            tuple(_cut_out(folder, row["file"], line) for line, row in rows),
        )
        return subjects.only(exclude, include)

    def only(self, exclude: Iterable[str], include: Iterable[str]) -> "Subjects":
        """These subjects without some, or some of them alone.

        Raises:
            BadInput: an unknown name, or nothing is left.
        """
        out, kept = ({Path(name).stem for name in names} for names in (exclude, include))
        for name in sorted(out | kept):
            if name not in self.row:
                raise BadInput(f"there is no subject {name!r}; see the column file of subjects.csv")
        rows = [i for i, n in enumerate(self.names) if n not in out and (not kept or n in kept)]
        return Subjects(
            tuple(self.names[i] for i in rows),
            tuple(self.themes_of[i] for i in rows),
            tuple(self.files[i] for i in rows) if self.files else (),
        )

    @cached_property
    def row(self) -> dict[str, int]:
        """Name → its place in `names`."""
        return {name: i for i, name in enumerate(self.names)}

    @cached_property
    def themes(self) -> tuple[str, ...]:
        """The themes, in alphabetical order."""
        return tuple(sorted(set(self.themes_of)))

    @cached_property
    def theme_rows(self) -> Int[np.ndarray, " subjects"]:
        """The place in `themes` of each subject's theme."""
        return np.searchsorted(np.array(self.themes), np.array(self.themes_of))


def named(text: str | None) -> list[str]:
    """Subject names from a command line: commas between, or a text file with one a line.

    Raises:
        BadInput: a file that is no text.
    """
    if not text:
        return []
    try:
        is_file = Path(text).is_file()
    except OSError:  # a list longer than a path may be
        is_file = False
    if is_file:
        try:
            lines = Path(text).read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise BadInput(f"{text} is no text in UTF-8; list subject names, one a line") from None
        return [line.split(",")[0].strip() for line in lines if line.split(",")[0].strip()]
    return [name.strip() for name in text.split(",") if name.strip()]


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a subjects.csv that name a file, each with its line number."""
    if not table.is_file():
        raise BadInput(
            f"{table} is missing; list the cut-outs in it, one a line, under the columns file,theme"
        )
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise BadInput(f"{table} has no column {missing[0]!r}; its first line must name it")
            rows = list(enumerate(reader, start=2))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{table} cannot be read as CSV in UTF-8 ({error}); save it so") from None
    for line, row in rows:
        for column in COLUMNS:
            if not (row[column] or "").strip():
                raise BadInput(f"{table}, line {line}: {column} is empty; fill it in or drop it")
    return rows


def _cut_out(folder: Path, file: str, line: int) -> Path:
    """Where a cut-out lies, after a look at its header."""
    places = [folder / file, folder / "subjects" / file]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise BadInput(
            f"{folder / 'subjects.csv'}, line {line}: there is no {file} in {folder} or its "
            "folder subjects; correct the name or drop the line"
        )
    try:
        with Image.open(path):
            return path
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        raise BadInput(f"{path} is no image that can be read ({error}); replace it") from None
