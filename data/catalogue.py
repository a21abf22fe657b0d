"""The catalogue: which titles there are, and which artworks each may be shown with.

A catalogue is a folder that holds `titles.parquet`, `artworks.parquet` and the image files that
`artworks.path` names, relative to the folder; where there are no images, `embeddings.npy` has a
row an artwork instead. `docs/data.md` explains the columns.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from data.errors import BadInput
from data.problem import Problem, in_rows
from data.records import ARTWORKS, TITLES
from data.schema_cast import conform, read_table, refuse

FILES = {"titles": TITLES, "artworks": ARTWORKS}
EMBEDDINGS = "embeddings.npy"
LARGEST_TITLE_ID = 2**32 - 1


@dataclass(frozen=True)
class Catalogue:
    """Titles and their artworks, validated.

    `titles` follows TITLES and `artworks` follows ARTWORKS, in the order of the files; row i of
    `artworks` is row i of the image cache.
    """

    root: Path
    """The folder that artwork paths are relative to."""
    titles: pa.Table
    """One row a title, in the schema TITLES."""
    artworks: pa.Table
    """One row an artwork, in the schema ARTWORKS."""

    def __post_init__(self) -> None:
        refuse(list(problems(self.titles, self.artworks, self.root)))

    @classmethod
    def read(cls, folder: Path | str) -> "Catalogue":
        """Read and validate a catalogue folder; the images themselves are not opened.

        Raises:
            BadInput: a file is missing, unreadable or of another schema, or `problems` finds one.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise BadInput(f"no catalogue folder {folder}; give a folder that holds titles.parquet")
        tables = {}
        for name, schema in FILES.items():
            path = folder / f"{name}.parquet"
            tables[name], found = conform(read_table(path), schema, path)
            refuse(found)
        return cls(folder, tables["titles"], tables["artworks"])

    def write(self, folder: Path | str | None = None) -> Path:
        """Write both tables into `folder` (default: `root`); image files are the caller's."""
        folder = Path(folder or self.root)
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in (("titles", self.titles), ("artworks", self.artworks)):
            whole = folder / f"{name}.parquet"
            part = folder / f".{name}.parquet.part"
            pq.write_table(table.cast(FILES[name]), part)
            part.replace(whole)
        return folder

    @cached_property
    def embeddings(self) -> Float[np.ndarray, "artworks features"] | None:
        """Row i of `embeddings.npy` stands for artwork i in place of pixels; None: no such file.

        Raises:
            BadInput: not float32 of one row an artwork, or not finite.
        """
        file = self.root / EMBEDDINGS
        if not file.is_file():
            return None
        try:
            rows = np.load(file, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise BadInput(f"{file} is not a whole .npy file ({error}); write it again") from None
        if rows.dtype != np.float32 or rows.ndim != 2 or len(rows) != self.artworks.num_rows:
            raise BadInput(
                f"{file} is {rows.dtype}{list(rows.shape)}; it must be float32 with one row for "
                f"each of the {self.artworks.num_rows} rows of artworks.parquet"
            )
        if not np.isfinite(rows).all():
            row = int(np.flatnonzero(~np.isfinite(rows).all(1))[0])
            raise BadInput(f"{file}, row {row}: a value is not finite; mend or drop the artwork")
        return rows

    @cached_property
    def artwork_ids(self) -> list[str]:
        """The artwork ids, in file order."""
        return self.artworks["artwork_id"].to_pylist()

    @cached_property
    def title_ids(self) -> list[int]:
        """The title ids, in file order."""
        return self.titles["title_id"].to_pylist()

    @cached_property
    def default_artwork(self) -> dict[int, str]:
        """Each title's default artwork."""
        return dict(zip(self.title_ids, self.titles["default_artwork_id"].to_pylist(), strict=True))

    @cached_property
    def _windows(self) -> dict[int, list[tuple[str, date, date]]]:
        """Per title: each artwork with its first day and the day it was withdrawn."""
        windows: dict[int, list[tuple[str, date, date]]] = defaultdict(list)
        columns = ("title_id", "artwork_id", "added_day", "withdrawn_day")
        for title, artwork, added, gone in zip(
            *(self.artworks[c].to_pylist() for c in columns), strict=True
        ):
            windows[title].append((artwork, added, gone or date.max))
        return dict(windows)

    def candidates(self, title_id: int, day: date) -> list[str]:
        """The artworks that `title_id` may be shown with on `day`, in file order.

        An artwork counts from `added_day` on, and no longer on `withdrawn_day`.

        Raises:
            BadInput: the catalogue has no such title.
        """
        windows = self._windows.get(title_id)
        if windows is None:
            raise BadInput(f"title {title_id} is not in the catalogue {self.root}")
        return [artwork for artwork, added, gone in windows if added <= day < gone]

    def image_path(self, artwork_id: str) -> Path:
        """Where the image of `artwork_id` lies.

        Raises:
            BadInput: the catalogue has no such artwork.
        """
        row = self._rows.get(artwork_id)
        if row is None:
            raise BadInput(f"artwork {artwork_id!r} is not in the catalogue {self.root}")
        return self.root / self.artworks["path"][row].as_py()

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {artwork: row for row, artwork in enumerate(self.artwork_ids)}


def problems(
    titles: pa.Table | None, artworks: pa.Table | None, root: Path | str
) -> Iterator[Problem]:
    """What is wrong with the content of a catalogue's tables, which follow TITLES and ARTWORKS.

    Either may be None: not to be had; what needs both is then left out.
    """
    owner: dict[str, int] | None = None
    if artworks is not None:
        file = Path(root) / "artworks.parquet"
        owner = dict(
            zip(*(artworks[c].to_pylist() for c in ("artwork_id", "title_id")), strict=True)
        )
        yield from repeated(artworks["artwork_id"].to_pylist(), file, "artwork_id")
        yield from _bad_artworks(artworks, file)
    if titles is not None:
        file = Path(root) / "titles.parquet"
        ids = titles["title_id"].to_pylist()
        yield from repeated(ids, file, "title_id")
        wrong = [i is not None and not 1 <= i <= LARGEST_TITLE_ID for i in ids]
        yield from in_rows(
            "title id", file, "title_id", np.array(wrong, bool),
            lambda row: f"{ids[row]} is no title id", f"use 1 … {LARGEST_TITLE_ID}",
        )  # fmt: skip
        for name, low in (("popularity", 0.0), ("runtime_minutes", np.nextafter(0, 1))):
            values = titles[name].to_numpy()  # nulls become NaN; they are reported as nulls
            yield from in_rows(
                "number", file, name,
                ~(np.isfinite(values) & (values >= low)) & titles[name].is_valid().to_numpy(),
                lambda row, values=values: f"{values[row]}",
                f"it must be finite and {'0 or more' if low == 0 else 'more than 0'}",
            )  # fmt: skip
        if owner is not None:
            yield from _bad_pairs(titles, ids, owner, file)
    if titles is not None and artworks is not None:
        known = set(titles["title_id"].to_pylist())
        of = artworks["title_id"].to_pylist()
        yield from in_rows(
            "unknown title", Path(root) / "artworks.parquet", "title_id",
            np.array([title not in known for title in of], bool),
            lambda row: f"title {of[row]} is not in titles.parquet",
            "add the title or drop the artwork",
        )  # fmt: skip


def _bad_pairs(
    titles: pa.Table, ids: list[int], owner: dict[str, int], file: Path
) -> Iterator[Problem]:
    """Titles without artwork, and defaults that are no artwork of theirs."""
    shown = set(owner.values())
    yield from in_rows(
        "title without candidates", file, "title_id", np.array([i not in shown for i in ids], bool),
        lambda row: f"title {ids[row]} has no artwork",
        "add one to artworks.parquet or drop the title",
    )  # fmt: skip
    defaults = titles["default_artwork_id"].to_pylist()
    pairs = list(zip(ids, defaults, strict=True))
    yield from in_rows(
        "default artwork", file, "default_artwork_id",
        np.array([d is not None and owner.get(d) != i for i, d in pairs], bool),
        lambda row: f"{defaults[row]!r} belongs to title {owner[defaults[row]]}, not {ids[row]}"
        if defaults[row] in owner
        else f"{defaults[row]!r} is not in artworks.parquet",
        "name an artwork of the same title",
    )  # fmt: skip


def _bad_artworks(artworks: pa.Table, file: Path) -> Iterator[Problem]:
    names = artworks["artwork_id"].to_pylist()
    yield from in_rows(
        "artwork id", file, "artwork_id", np.array([a == "" for a in names], bool),
        lambda _: "it is empty", "give each artwork an id of its own",
    )  # fmt: skip
    paths = artworks["path"].to_pylist()
    yield from in_rows(
        "path", file, "path", np.array([p is not None and _leads_out(p) for p in paths], bool),
        lambda row: f"{paths[row]!r} leads out of the catalogue folder",
        "write it relative to the folder that holds artworks.parquet",
    )  # fmt: skip
    days = list(
        zip(*(artworks[c].to_pylist() for c in ("added_day", "withdrawn_day")), strict=True)
    )
    yield from in_rows(
        "days", file, "withdrawn_day",
        np.array([None not in pair and pair[1] < pair[0] for pair in days], bool),
        lambda row: f"{days[row][1]} is before added_day {days[row][0]}",
        "leave it null while the artwork is a candidate",
    )  # fmt: skip


def _leads_out(path: str) -> bool:
    pure = PurePosixPath(path)
    return not path or pure.is_absolute() or ".." in pure.parts


def repeated(ids: list, file: Path | str, column: str) -> Iterator[Problem]:
    """Rows whose id an earlier row has already."""
    first: dict = {}
    wrong = np.zeros(len(ids), bool)
    for row, value in enumerate(ids):
        wrong[row] = value is not None and first.setdefault(value, row) != row
    yield from in_rows(
        "duplicate id", file, column, wrong,
        lambda row: f"{ids[row]!r} is in row {first[ids[row]]} already", "keep one row of each id",
    )  # fmt: skip
