"""The catalogue: which titles there are, and which artworks each may be shown with.

A catalogue is a folder that holds `titles.parquet`, `artworks.parquet` and the image files that
`artworks.path` names, relative to the folder; where there are no images, `embeddings.npy` has a
row an artwork instead. `images.parquet` names further pictures of artworks, by canvas
(`data/pictures.py`). `docs/data.md` explains the columns.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from data.atomic_write import whole_file
from data.errors import BadInput
from data.pictures import (
    IMAGES_FILE,
    PATH,
    Picture,
    conform_artworks,
    image_problems,
    leads_out,
    pictures_of,
    read_images,
)
from data.problem import Fault, Problem, whole
from data.records import ARTWORKS, IMAGES, TITLES, TitleId, kind_words, title_kind, titles_as
from data.schema_cast import conform, read_table, refuse
from data.sound import ID_BYTES, id_problem, title_problem

FILES = {"titles": TITLES, "artworks": ARTWORKS}
EMBEDDINGS, LARGEST = "embeddings.npy", 1e15

TITLE_ID = Fault("title id", "title_id", f"use text of 1 to {ID_BYTES} bytes, or numbers from 0 on")
POPULARITY = Fault("number", "popularity", "it must be finite and 0 or more")
RUNTIME = Fault("number", "runtime_minutes", "it must be finite and more than 0")
NO_ARTWORK = Fault(
    "title without candidates", "title_id", "add one to artworks.parquet or drop the title"
)
DEFAULT_ARTWORK = Fault(
    "default artwork", "default_artwork_id", "name an artwork of the same title"
)
UNKNOWN_TITLE = Fault("unknown title", "title_id", "add the title or drop the artwork")
ARTWORK_ID = Fault(
    "artwork id", "artwork_id", f"give each artwork an id of its own, of 1 to {ID_BYTES} bytes"
)
KINDS = Fault("kind of title ids", "title_id", "write both files' as text, or both as int64")
DAYS = Fault("days", "withdrawn_day", "leave it null while the artwork is a candidate")


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
    images: pa.Table | None = None
    """One row a picture, in the schema IMAGES; None: each artwork has that of its `path` alone."""

    def __post_init__(self) -> None:
        refuse(list(problems(self.titles, self.artworks, self.root)))
        if self.images is not None:
            file = Path(self.root) / IMAGES_FILE
            refuse(list(image_problems(self.images, self.artwork_ids, file)))

    @classmethod
    def read(cls, folder: Path | str) -> "Catalogue":
        """Read and validate a catalogue folder; the images themselves are not opened.

        Raises:
            BadInput: a file is missing, unreadable or of another schema, or `problems` finds one.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise BadInput(f"no catalogue folder {folder}; give a folder that holds titles.parquet")
        titles, artworks = (folder / f"{name}.parquet" for name in FILES)
        images, found = read_images(folder)
        refuse(found)
        of_titles, found = conform(read_table(titles), TITLES, titles)
        refuse(found)
        of_artworks, found = conform_artworks(read_table(artworks), images, artworks)
        refuse(found)
        return cls(folder, of_titles, of_artworks, images)

    def write(self, folder: Path | str | None = None) -> Path:
        """Write the tables into `folder` (default: `root`); image files are the caller's."""
        folder = Path(folder or self.root)
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in (("titles", self.titles), ("artworks", self.artworks)):
            with whole_file(folder / f"{name}.parquet") as part:
                pq.write_table(table.cast(titles_as(FILES[name], self.title_kind)), part)
        if self.images is not None:
            with whole_file(folder / IMAGES_FILE) as part:
                pq.write_table(self.images.cast(IMAGES), part)
        return folder

    @cached_property
    def embeddings(self) -> Float[np.ndarray, "artworks features"] | None:
        """Row i of `embeddings.npy` stands for artwork i in place of pixels; None: no such file.

        Raises:
            BadInput: not float32 of one row an artwork, or not finite, or too large.
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
        wild = ~(np.abs(rows) < LARGEST).all(1)  # NaN is not below
        if wild.any():
            why = f"a value is not finite, or {LARGEST:.0e} or more; mend or drop the artwork"
            raise BadInput(f"{file}, row {int(wild.argmax())}: {why}")
        return rows

    @cached_property
    def artwork_ids(self) -> list[str]:
        """The artwork ids, in file order."""
        return self.artworks["artwork_id"].to_pylist()

    @cached_property
    def title_ids(self) -> list[TitleId]:
        """The title ids, in file order: all whole numbers, or all text."""
        return self.titles["title_id"].to_pylist()

    @property
    def title_kind(self) -> pa.DataType:
        """What the title ids are: int64 or string."""
        return title_kind(self.titles.schema)

    @cached_property
    def default_artwork(self) -> dict[TitleId, str]:
        """Each title's default artwork."""
        return dict(zip(self.title_ids, self.titles["default_artwork_id"].to_pylist(), strict=True))

    @cached_property
    def _windows(self) -> dict[TitleId, list[tuple[str, date, date]]]:
        """Per title: each artwork with its first day and the day it was withdrawn."""
        windows: dict[TitleId, list[tuple[str, date, date]]] = defaultdict(list)
        columns = ("title_id", "artwork_id", "added_day", "withdrawn_day")
        for title, artwork, added, gone in zip(
            *(self.artworks[c].to_pylist() for c in columns), strict=True
        ):
            windows[title].append((artwork, added, gone or date.max))
        return dict(windows)

    def candidates(self, title_id: TitleId, day: date) -> list[str]:
        """The artworks that `title_id` may be shown with on `day`, in file order.

        An artwork counts from `added_day` on, and no longer on `withdrawn_day`.

        Raises:
            BadInput: the catalogue has no such title.
        """
        windows = self._windows.get(title_id)
        if windows is None:
            raise BadInput(f"title {title_id!r} is not in the catalogue {self.root}")
        return [artwork for artwork, added, gone in windows if added <= day < gone]

    def image_path(self, artwork_id: str) -> Path:
        """Where the main picture of `artwork_id` lies.

        Raises:
            BadInput: the catalogue has no such artwork.
        """
        row = self._rows.get(artwork_id)
        if row is None:
            raise BadInput(f"artwork {artwork_id!r} is not in the catalogue {self.root}")
        return self.root / self.artworks["path"][row].as_py()

    @cached_property
    def pictures(self) -> list[tuple[Picture, ...]]:
        """The pictures of each artwork, in file order; its main one, of `image_path`, first."""
        return pictures_of(self.artworks, self.images)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {artwork: row for row, artwork in enumerate(self.artwork_ids)}


def problems(
    titles: pa.Table | None, artworks: pa.Table | None, root: Path | str
) -> Iterator[Problem]:
    """What is wrong with the content of a catalogue's tables, which follow TITLES and ARTWORKS.

    Either may be None: not to be had; what needs both is then left out.
    """
    titles_file, artworks_file = (Path(root) / f"{name}.parquet" for name in FILES)
    owner: dict[str, TitleId] | None = None
    if titles is not None and artworks is not None:
        kinds = [title_kind(table.schema) for table in (titles, artworks)]
        if kinds[0] != kinds[1]:
            told, other = map(kind_words, kinds)
            what = f"title ids are {other}, and those of titles.parquet {told}"
            yield whole(KINDS.kind, artworks_file, KINDS.column, what, KINDS.remedy)
            return
    if artworks is not None:
        names, of = (artworks[c].to_pylist() for c in ("artwork_id", "title_id"))
        owner = dict(zip(names, of, strict=True))
        yield from _repeated(names, artworks_file, "artwork_id")
        yield from _bad_artworks(artworks, artworks_file)
    if titles is not None:
        ids = titles["title_id"].to_pylist()
        yield from _repeated(ids, titles_file, "title_id")
        yield from _bad_titles(titles, ids, titles_file)
        if owner is not None:
            yield from _bad_pairs(titles, ids, owner, titles_file)
    if titles is not None and artworks is not None:
        known, of = set(titles["title_id"].to_pylist()), artworks["title_id"].to_pylist()
        yield from UNKNOWN_TITLE.in_rows(
            artworks_file,
            np.array([title not in known for title in of], bool),
            lambda row: f"title {of[row]!r:.60} is not in titles.parquet",
        )


def _bad_titles(titles: pa.Table, ids: list[TitleId], file: Path) -> Iterator[Problem]:
    """Ids and numbers out of their range."""
    why = [None if i is None else title_problem(i) for i in ids]
    wrong = np.array([words is not None for words in why], bool)
    yield from TITLE_ID.in_rows(file, wrong, lambda row: f"{ids[row]!r:.60}: {why[row]}")
    for fault, least in ((POPULARITY, 0.0), (RUNTIME, np.nextafter(0, 1))):
        values = titles[fault.column].to_numpy()  # nulls become NaN; they are reported as nulls
        valid = titles[fault.column].is_valid().to_numpy()
        outside = ~(np.isfinite(values) & (values >= least)) & valid
        yield from fault.in_rows(file, outside, lambda row, values=values: f"{values[row]}")


def _bad_pairs(
    titles: pa.Table, ids: list[TitleId], owner: dict[str, TitleId], file: Path
) -> Iterator[Problem]:
    """Titles without artwork, and defaults that are no artwork of theirs."""
    shown = set(owner.values())
    bare = np.array([i not in shown for i in ids], bool)
    yield from NO_ARTWORK.in_rows(file, bare, lambda row: f"title {ids[row]!r:.60} has no artwork")
    defaults = titles["default_artwork_id"].to_pylist()
    pairs = zip(ids, defaults, strict=True)

    def what(row: int) -> str:
        if defaults[row] not in owner:
            return f"{defaults[row]!r} is not in artworks.parquet"
        theirs, ours = owner[defaults[row]], ids[row]
        return f"{defaults[row]!r} belongs to title {theirs!r:.60}, not {ours!r:.60}"

    foreign = np.array([d is not None and owner.get(d) != i for i, d in pairs], bool)
    yield from DEFAULT_ARTWORK.in_rows(file, foreign, what)


def _bad_artworks(artworks: pa.Table, file: Path) -> Iterator[Problem]:
    """Ids that are none, paths that lead out, and days that are the wrong way round."""
    names = artworks["artwork_id"].to_pylist()
    why = [None if name is None else id_problem(name) for name in names]
    wrong = np.array([words is not None for words in why], bool)
    yield from ARTWORK_ID.in_rows(file, wrong, lambda row: f"{names[row]!r:.60}: {why[row]}")
    paths = artworks["path"].to_pylist()
    yield from PATH.in_rows(
        file,
        np.array([path is not None and leads_out(path) for path in paths], bool),
        lambda row: f"{paths[row]!r} leads out of the catalogue folder",
    )
    columns = (artworks[c].to_pylist() for c in ("added_day", "withdrawn_day"))
    days = list(zip(*columns, strict=True))
    yield from DAYS.in_rows(
        file,
        np.array([None not in pair and pair[1] < pair[0] for pair in days], bool),
        lambda row: f"{days[row][1]} is before added_day {days[row][0]}",
    )


def _repeated(ids: list, file: Path, column: str) -> Iterator[Problem]:
    """Rows whose id an earlier row has already."""
    first: dict = {}
    wrong = np.zeros(len(ids), bool)
    for row, value in enumerate(ids):
        wrong[row] = value is not None and first.setdefault(value, row) != row
    fault = Fault("duplicate id", column, "keep one row of each id")
    yield from fault.in_rows(
        file, wrong, lambda row: f"{ids[row]!r} is in row {first[ids[row]]} already"
    )
