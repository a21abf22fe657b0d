"""`python -m data check PATH`: what is wrong with a user's files, by file, column and row."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from data.catalogue import EMBEDDINGS, FILES, Catalogue, problems
from data.check.rows import Known, check_decisions, check_events, check_rewards
from data.errors import BadInput
from data.images.decode import load_image
from data.problem import SHOWN, Problem, in_rows, whole
from data.records import ARTWORKS, DECISIONS, EVENTS, EXAMPLES, TITLES
from data.schema_cast import conform, read_table, refuse

KINDS: dict[str, tuple[pa.Schema, Callable[..., Iterator[Problem]] | None, str | None]] = {
    "decisions": (DECISIONS, check_decisions, "decision_id"),
    "events": (EVENTS, check_events, "event_id"),
    "examples": (EXAMPLES, check_rewards, "decision_id"),
    "titles": (TITLES, None, None),
    "artworks": (ARTWORKS, None, None),
}
"""Kind of file → its schema, the check of its rows, the column that must not repeat."""
MARKS = {
    "examples": ("reward", "played"),
    "events": ("event_id",),
    "decisions": ("decision_id", "seed"),
    "titles": ("default_artwork_id",),
    "artworks": ("artwork_id", "path"),
}
"""Columns that tell the kind of a file which is given alone; the first match counts."""


def check_examples(
    table: pa.Table,
    artwork_ids: Iterable[str] | None = None,
    *,
    title_ids: Iterable[int] | None = None,
    file: Path | str = "examples",
) -> None:
    """Refuse examples that nothing can be learnt from; about a second a million rows.

    Args:
        table: in the schema EXAMPLES, or in types that become it.
        artwork_ids: the catalogue's artworks; None: not checked.
        title_ids: the catalogue's titles; None: not checked.
        file: what a message calls the table.

    Raises:
        BadInput: by file, column and row; `python -m data check` lists every problem.
    """
    refuse(_table(table, "examples", file, Known.of(artwork_ids, title_ids)))


def read_examples(
    folder: Path | str,
    artwork_ids: Iterable[str] | None = None,
    *,
    title_ids: Iterable[int] | None = None,
) -> pa.Table:
    """Every example of a folder (or of one file), checked, in the schema EXAMPLES.

    Raises:
        BadInput: there are none, or one is wrong: by file, column and row.
    """
    folder = Path(folder)
    files = _parquet_files(folder) if folder.is_dir() else [folder]
    if not files:
        raise BadInput(f"{folder} holds no *.parquet; run `python -m data join` to make examples")
    known = Known.of(artwork_ids, title_ids)
    tables = []
    for file in files:
        table, found = conform(read_table(file), EXAMPLES, file)
        refuse(found + list(check_rewards(table, file, known)))
        tables.append(table)
    refuse(list(repeated([(str(f), t["decision_id"]) for f, t in zip(files, tables, strict=True)],
                          "decision_id")))  # fmt: skip
    return pa.concat_tables(tables)


def check_path(
    path: Path | str,
    catalogue: Path | str | None = None,
    *,
    images: bool = True,
    copies: bool = False,
) -> list[Problem]:
    """Every problem of a catalogue, a log, a folder of examples or one Parquet file.

    Args:
        path: which of them it is shows in its content.
        catalogue: whose artworks and titles rows may refer to; one found beside `path` if None.
        images: decode every image of a catalogue.
        copies: let a decision be logged again, in the same words; an event always may.

    Raises:
        BadInput: there is nothing of ours at `path`, or the catalogue given is itself wrong.
    """
    path = Path(path)
    _read_again.cache_clear()
    if not path.exists():
        raise BadInput(f"there is no {path}; give a catalogue, a log, examples or a Parquet file")
    if (
        path.is_dir()
        and any((path / f"{n}.parquet").is_file() for n in FILES)
        and not _is_log(path)
    ):
        return list(check_catalogue(path, images=images))
    known = _known(path, catalogue)
    files = {path: None} if path.is_file() else dict.fromkeys(_parquet_files(path))
    if not files:
        raise BadInput(
            f"{path} holds no Parquet files; a catalogue has titles.parquet and artworks.parquet, "
            "a log decisions/*.parquet and events/*.parquet"
        )
    found: list[Problem] = []
    ids: dict[tuple[str, str], list[tuple[str, pa.ChunkedArray]]] = {}
    for file in files:
        try:
            table = read_table(file)
        except BadInput as error:
            found.append(whole("unreadable", file, None, str(error), "write it again"))
            continue
        kind = _kind(file, path, table)
        if kind is None:
            columns = ", ".join(table.column_names)
            found.append(whole("unknown kind", file, None, f"its columns are {columns}",
                               "see docs/data.md for the columns of each kind"))  # fmt: skip
            continue
        found += _table(table, kind, file, known, alone=False)
        column = KINDS[kind][2]
        if column is not None and column in table.column_names:
            ids.setdefault((kind, column), []).append((str(file), table[column]))
    for (kind, column), parts in ids.items():
        allowed = kind == "events" or (kind == "decisions" and copies)
        found += repeated(parts, column, _is_copy if allowed else None)
    return found


def check_catalogue(folder: Path | str, *, images: bool = True) -> Iterator[Problem]:
    """Every problem of a catalogue folder; with `images`, each image is decoded."""
    folder = Path(folder)
    good: dict[str, pa.Table | None] = dict.fromkeys(FILES)
    for name, schema in FILES.items():
        file = folder / f"{name}.parquet"
        try:
            table, found = conform(read_table(file), schema, file)
        except BadInput as error:
            yield whole("unreadable", file, None, str(error), "write the file again")
            continue
        yield from found
        if set(table.column_names) == set(schema.names):
            good[name] = table
    yield from problems(good["titles"], good["artworks"], folder)
    if (folder / EMBEDDINGS).is_file():
        if good["titles"] is not None and good["artworks"] is not None:
            yield from _embeddings(folder)
    elif images and good["artworks"] is not None:
        yield from _images(folder, good["artworks"])


def _embeddings(folder: Path) -> Iterator[Problem]:
    try:
        _ = Catalogue.read(folder).embeddings
    except BadInput as error:
        yield whole("embeddings", folder / EMBEDDINGS, None, str(error), "or take the file away")


def _images(folder: Path, artworks: pa.Table) -> Iterator[Problem]:
    from rich.console import Console
    from rich.progress import track

    paths = artworks["path"].to_pylist()
    refused: dict[int, str] = {}
    console = Console(stderr=True)
    for row, path in enumerate(track(paths, "decoding artwork", console=console, transient=True)):
        try:
            if path:
                load_image(folder / path)
        except BadInput as refusal:
            refused[row] = str(refusal)
    wrong = np.zeros(len(paths), bool)
    wrong[list(refused)] = True
    yield from in_rows(
        "image", folder / "artworks.parquet", "path", wrong, lambda row: refused[row],
        "or drop the artwork",
    )  # fmt: skip


def _table(
    table: pa.Table, kind: str, file: Path | str, known: Known, *, alone: bool = True
) -> list[Problem]:
    """The problems of one table; alone: its ids are checked here and not with other files'."""
    schema, check, column = KINDS[kind]
    table, found = conform(table, schema, file)
    if check is not None:
        found += check(table, file, known)
    if alone and column is not None and column in table.column_names:
        found += repeated([(str(file), table[column])], column)
    return found


def repeated(
    parts: Sequence[tuple[str, pa.ChunkedArray]],
    column: str,
    is_copy: Callable[[str, int, str, int], bool] | None = None,
) -> Iterator[Problem]:
    """Ids that come twice, in one file or in two; named in the later file.

    Rows for which `is_copy` is true of the first row with that id are let pass.
    """
    chunks = [c for _, part in parts for c in part.cast(pa.string()).chunks]
    codes = pa.chunked_array(chunks, pa.string()).combine_chunks().dictionary_encode()
    if len(codes.dictionary) == len(codes):
        return
    places = codes.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    first = np.full(len(codes.dictionary), -1)
    order = np.arange(len(places))[::-1]
    kept = places[::-1] >= 0
    first[places[::-1][kept]] = order[kept]  # the last write is the earliest row
    again = (places >= 0) & (first[places] != np.arange(len(places)))
    starts = np.cumsum([0, *(len(part) for _, part in parts)])

    def locate(at: int) -> tuple[str, int]:
        owner = int(np.searchsorted(starts, at, side="right")) - 1
        return parts[owner][0], at - int(starts[owner])

    def what(at: int) -> str:
        file, row = locate(int(first[places[at]]))
        return f"{codes.dictionary[int(places[at])].as_py()!r} is in {file}, row {row} already"

    if is_copy is not None:
        for at in np.flatnonzero(again):
            again[at] = not is_copy(*locate(int(at)), *locate(int(first[places[at]])))
    for start, stop, (file, _) in zip(starts, starts[1:], parts, strict=False):
        yield from in_rows(
            "duplicate id", file, column, again[start:stop],
            lambda row, start=start: what(int(start) + row), "keep one row of each id",
        )  # fmt: skip


def _is_copy(file: str, row: int, other: str, other_row: int) -> bool:
    """Whether two rows of a log say the same, whenever each was received."""
    pair = [_read_again(name).slice(at, 1) for name, at in ((file, row), (other, other_row))]
    one, two = ({**t.to_pylist()[0], "received": None} for t in pair)
    return one == two


@lru_cache(maxsize=4)
def _read_again(file: str) -> pa.Table:
    return read_table(Path(file))


def _parquet_files(folder: Path) -> list[Path]:
    files = (f for f in folder.rglob("*.parquet") if not f.name.startswith((".", "_")))
    return sorted(f for f in files if ".staging" not in f.parts)


def _is_log(path: Path) -> bool:
    return (path / "decisions").is_dir() or (path / "events").is_dir()


def _kind(file: Path, root: Path, table: pa.Table) -> str | None:
    """What a file holds: by its folder in a log, else by its columns."""
    parts = file.relative_to(root).parts if root.is_dir() else ()
    if parts and parts[0] in ("decisions", "events"):
        return parts[0]
    names = set(table.column_names)
    for kind, marks in MARKS.items():
        if names.issuperset(marks):
            return kind
    overlaps = {kind: len(names & set(KINDS[kind][0].names)) for kind in KINDS}
    best = max(overlaps, key=lambda kind: overlaps[kind])
    return best if overlaps[best] >= 3 else None


def _known(path: Path, catalogue: Path | str | None) -> Known:
    """The artworks and titles of the catalogue that was given, or of one beside `path`."""
    folder = path if path.is_dir() else path.parent
    beside = (folder, folder / "catalogue", folder.parent, folder.parent / "catalogue")
    if catalogue is None:
        found = [b for b in beside if all((b / f"{name}.parquet").is_file() for name in FILES)]
        if not found:
            return Known()
        catalogue = found[0]
    read = Catalogue.read(catalogue)
    return Known.of(read.artwork_ids, read.title_ids, read.artworks["title_id"].to_pylist())


def check(
    path: Path,
    catalogue: Path | None = None,
    images: bool = True,
    copies: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Say what is wrong with a catalogue, a log, examples, or one Parquet file; exit 2 if anything.

    Args:
        path: a folder or a Parquet file; its content shows what it is.
        catalogue: the catalogue that rows refer to; one found beside PATH if not given.
        images: decode every image of a catalogue.
        copies: let a decision be logged again, in the same words; an event always may.
        json: print one JSON object.
    """
    found = check_path(path, catalogue, images=images, copies=copies)
    if not json:
        for problem in found:
            print("\n".join(problem.lines()), file=sys.stderr)
    count = sum(problem.count for problem in found)
    return {
        "path": str(path),
        "count": count,
        "shown_of_each_kind": SHOWN,
        "problems": [problem.as_json() for problem in found],
    }
