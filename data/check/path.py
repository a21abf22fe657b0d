"""What is wrong with whatever lies at a path: a catalogue, a log, examples or one Parquet file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from data.assets.assets import ASSETS_FILE, read_assets
from data.catalogue import FILES, Catalogue
from data.check.catalogue_folder import check_catalogue
from data.check.clocks import problems_of_clocks
from data.check.draws import problems_of_draws, problems_of_examples
from data.check.kinds import KINDS, kind_of, table_problems
from data.check.known import Known
from data.check.pages.beside import problems_of_kinds
from data.check.pages.pages import problems_of_pages
from data.check.repeated_ids import Copies, repeated
from data.errors import BadInput, first_line
from data.log.expand_runs import expand
from data.log.precompute_runs import UNREADABLE, run_files
from data.lossless_cast import CAST_ERRORS, fit
from data.pictures import IMAGES_FILE
from data.problem import Problem, whole
from data.records import ASSETS
from data.schema import read_schema
from data.schema_cast import UnreadableFile, damage, one_kind, parquet_files, read_table


def check_path(
    path: Path | str,
    catalogue: Path | str | None = None,
    *,
    images: bool = True,
    copies: bool = True,
) -> list[Problem]:
    """Every problem of a catalogue, a log, a folder of examples or one Parquet file.

    Args:
        path: which of them it is shows in its content.
        catalogue: whose artworks and titles rows may refer to; one found beside `path` if None.
        images: decode every image of a catalogue.
        copies: let a decision be logged again, in the same words, as pages of one draw are; an
            event always may.

    Raises:
        BadInput: there is nothing of ours at `path`, or the catalogue given is itself wrong.
    """
    path = Path(path)
    if not path.exists():
        raise BadInput(f"there is no {path}; give a catalogue, a log, examples or a Parquet file")
    if is_catalogue(path):
        return list(check_catalogue(path, images=images))
    known = known_beside(path, catalogue)
    runs = run_files(path) if path.is_dir() else []
    files = [file for file in parquet_files(path) if file not in runs]
    if not files and not runs:
        raise BadInput(
            f"{path} holds no Parquet files; a catalogue has titles.parquet and artworks.parquet, "
            "a log decisions/*.parquet and events/*.parquet"
        )
    problems = [problem for file in runs for problem in _problems_of_run(file)]
    ids: dict[tuple[str, str], list[tuple[str, pa.ChunkedArray]]] = {}
    schemas: list[tuple[Path | str, pa.Schema]] = []
    for file in files:
        try:
            table = read_table(file)
        except UnreadableFile as error:
            problems.append(error.problem(file))
            continue
        kind = kind_of(file, path, table)
        if kind is None:
            what = f"its columns are {', '.join(table.column_names)}"
            remedy = "see docs/data.md for the columns of each kind"
            problems.append(whole("unknown kind", file, None, what, remedy))
            continue
        problems += table_problems(table, kind, file, known, alone=False)
        schemas.append((file, table.schema))
        column = KINDS[kind].unique
        if column is not None and (names := _texts(table, column)) is not None:
            ids.setdefault((kind, column), []).append((str(file), names))
    if known.titles is None:
        problems += _two_kinds(schemas)
    for (kind, column), parts in ids.items():
        allowed = kind == "events" or (kind == "decisions" and copies)
        problems += repeated(parts, column, Copies() if allowed else None)
    if all(problem.kind == "fact" for problem in problems):  # the rows are sound all the same
        problems += _problems_of_draws(path, {kind for kind, _ in ids}, known)
    return problems


def files_of(path: Path) -> list[Path]:
    """The Parquet files that a check of a path reads."""
    if is_catalogue(path):
        beside = (path / IMAGES_FILE, path / ASSETS_FILE)
        files = [*(path / f"{name}.parquet" for name in FILES), *beside]
        return [file for file in files if file.is_file()]
    return parquet_files(path)


def _texts(table: pa.Table, column: str) -> pa.ChunkedArray | None:
    """A column of ids; None where it is not there once, or no text, which was named already."""
    if table.column_names.count(column) != 1:
        return None
    try:
        names = fit(table[column], pa.string())
    except CAST_ERRORS:
        return None
    return None if damage(names) else pa.chunked_array([names])


def _two_kinds(schemas: list[tuple[Path | str, pa.Schema]]) -> Iterator[Problem]:
    """Where title ids are of two kinds, and no catalogue says which is right."""
    try:
        one_kind(schemas)
    except BadInput as error:
        what, _, remedy = str(error).partition(": ")[2].partition("; ")
        yield whole("kind of title ids", str(error).partition(": ")[0], "title_id", what, remedy)


def _problems_of_run(file: Path) -> Iterator[Problem]:
    """What is wrong with a file of precompute's draws."""
    try:
        for _ in expand(file):
            pass
    except UNREADABLE as error:
        what = f"is no whole run of precompute ({first_line(error)})"
        yield whole("unreadable", file, None, what, "move it away, and precompute again")


def _problems_of_draws(path: Path, kinds: set[str], known: Known) -> Iterator[Problem]:
    """Sound rows may still be the wrong rows."""
    try:
        if "decisions" in kinds:
            yield from problems_of_clocks(path)
            yield from problems_of_draws(path)
            yield from problems_of_pages(path)
            yield from problems_of_kinds(path, known.assets)
        elif "examples" in kinds:
            yield from problems_of_examples(path)
            yield from problems_of_pages(path, examples=True)
            yield from problems_of_kinds(path, known.assets)
    except BadInput as error:
        yield whole("unreadable", path, None, str(error), "write it again")


def is_catalogue(path: Path) -> bool:
    """Whether a catalogue lies there, and no log."""
    is_log = (path / "decisions").is_dir() or (path / "events").is_dir()
    return not is_log and any((path / f"{name}.parquet").is_file() for name in FILES)


def known_beside(path: Path, catalogue: Path | str | None) -> Known:
    """The artworks and titles of the catalogue that was given, or of one beside `path`."""
    folder = path if path.is_dir() else path.parent
    beside = (folder, folder / "catalogue", folder.parent, folder.parent / "catalogue")
    if catalogue is None:
        complete = [b for b in beside if all((b / f"{name}.parquet").is_file() for name in FILES)]
        if not complete:
            return Known()
        catalogue = complete[0]
    read = Catalogue.read(catalogue)
    owners = read.artworks["title_id"].to_pylist()
    known = Known.of(read.artwork_ids, read.title_ids, owners, read_schema(read.root))
    assets, wrong = read_assets(read.root)
    if wrong:  # the catalogue's own check names them
        return known
    return replace(known, assets=ASSETS.empty_table() if assets is None else assets)
