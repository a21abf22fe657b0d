"""What is wrong with a catalogue's folder: its tables, its images or their embeddings."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import track

from data.assets.asset_rows import asset_problems
from data.assets.assets import ASSETS_FILE, read_assets
from data.catalogue import EMBEDDINGS, FILES, Catalogue, problems
from data.check.canvases import check_canvases
from data.check.rows import check_own
from data.errors import BadInput
from data.features import own_column
from data.images.decode import load_image
from data.join.events.worth import refuse_outcomes
from data.pictures import IMAGES_FILE, conform_artworks, leads_out, read_images
from data.problem import Fault, Problem, whole
from data.records import title_kind
from data.schema import SCHEMA_FILE, read_schema
from data.schema_cast import UnreadableFile, conform, read_table

FRAME = Fault("image", "frames", "or drop the asset")
IMAGE = Fault("image", "path", "or drop the artwork")


def check_catalogue(folder: Path | str, *, images: bool = True) -> Iterator[Problem]:
    """Every problem of a catalogue folder; with `images`, each image is decoded."""
    folder = Path(folder)
    pictures = None
    try:
        pictures, wrong = read_images(folder)
        yield from wrong
    except UnreadableFile as error:
        yield error.problem(folder / IMAGES_FILE)
    good: dict[str, pa.Table | None] = dict.fromkeys(FILES)
    for name, schema in FILES.items():
        file = folder / f"{name}.parquet"
        try:
            read = read_table(file)
            if name == "artworks":
                table, wrong = conform_artworks(read, pictures, file)
            else:
                table, wrong = conform(read, schema, file)
        except UnreadableFile as error:
            yield error.problem(file)
            continue
        yield from wrong
        if set(table.column_names) == set(schema.names):
            good[name] = table
    yield from problems(good["titles"], good["artworks"], folder)
    yield from _own_facts(good, folder)
    if (folder / EMBEDDINGS).is_file():
        if good["titles"] is not None and good["artworks"] is not None:
            yield from _embeddings(folder)
    elif images and good["artworks"] is not None:
        yield from _images(folder, good["artworks"], pictures)
    if pictures is not None:
        decode = images and not (folder / EMBEDDINGS).is_file()
        yield from check_canvases(folder, pictures, good["artworks"], decode=decode)
    yield from _assets(folder, good, decode=images)


def _assets(folder: Path, good: dict[str, pa.Table | None], *, decode: bool) -> Iterator[Problem]:
    """What is wrong with assets beside artwork, and with the files of their frames."""
    file = folder / ASSETS_FILE
    try:
        table, wrong = read_assets(folder)
    except UnreadableFile as error:
        yield error.problem(file)
        return
    yield from wrong
    if table is None:
        return
    titles, artworks = good["titles"], good["artworks"]
    known = None if titles is None else set(titles["title_id"].to_pylist())
    kind = None if titles is None else title_kind(titles.schema)
    taken = set() if artworks is None else set(artworks["artwork_id"].to_pylist())
    yield from asset_problems(table, known, kind, taken, file)
    if decode:
        frames = table["frames"].to_pylist()
        refused = {row: why for row, some in enumerate(frames) if (why := _unread(folder, some))}
        torn = np.isin(np.arange(len(frames)), list(refused))
        yield from FRAME.in_rows(file, torn, lambda row: refused[row])


def _unread(folder: Path, frames: list[str | None] | None) -> str | None:
    """Why a frame cannot be had whole; None: all can, or their paths lead out."""
    try:
        for path in frames or []:
            if path is not None and not leads_out(path):
                load_image(folder / path)
    except BadInput as refusal:
        return str(refusal)
    return None


def _own_facts(tables: dict[str, pa.Table | None], folder: Path) -> Iterator[Problem]:
    try:
        schema = read_schema(folder)
        refuse_outcomes(schema.outcomes)
    except BadInput as error:
        yield whole("schema", folder / SCHEMA_FILE, None, str(error), "see docs/schema.md")
        return
    for name, table in tables.items():
        if table is not None:
            file = folder / f"{name}.parquet"
            yield from check_own(own_column(table), getattr(schema, name), file, "")


def _embeddings(folder: Path) -> Iterator[Problem]:
    try:
        _ = Catalogue.read(folder).embeddings
    except BadInput as error:
        yield whole("embeddings", folder / EMBEDDINGS, None, str(error), "or take the file away")


def _images(folder: Path, artworks: pa.Table, listed: pa.Table | None) -> Iterator[Problem]:
    paths = artworks["path"].to_pylist()
    elsewhere = set() if listed is None else set(listed["path"].to_pylist())
    refused: dict[int, str] = {}
    console = Console(stderr=True)
    for row, path in enumerate(track(paths, "decoding artwork", console=console, transient=True)):
        try:
            if path and path not in elsewhere:
                load_image(folder / path)
        except BadInput as refusal:
            refused[row] = str(refusal)
    wrong = np.zeros(len(paths), bool)
    wrong[list(refused)] = True
    yield from IMAGE.in_rows(folder / "artworks.parquet", wrong, lambda row: refused[row])
