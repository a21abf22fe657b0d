"""What is wrong with a catalogue's folder: its tables, its images or their embeddings."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console
from rich.progress import track

from data.catalogue import EMBEDDINGS, FILES, Catalogue, problems
from data.check.rows import check_own
from data.errors import BadInput
from data.features import own_column
from data.images.decode import load_image
from data.join.events.worth import refuse_outcomes
from data.problem import Fault, Problem, whole
from data.schema import SCHEMA_FILE, read_schema
from data.schema_cast import UnreadableFile, conform, read_table

IMAGE = Fault("image", "path", "or drop the artwork")


def check_catalogue(folder: Path | str, *, images: bool = True) -> Iterator[Problem]:
    """Every problem of a catalogue folder; with `images`, each image is decoded."""
    folder = Path(folder)
    good: dict[str, pa.Table | None] = dict.fromkeys(FILES)
    for name, schema in FILES.items():
        file = folder / f"{name}.parquet"
        try:
            table, wrong = conform(read_table(file), schema, file)
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
        yield from _images(folder, good["artworks"])


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


def _images(folder: Path, artworks: pa.Table) -> Iterator[Problem]:
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
    yield from IMAGE.in_rows(folder / "artworks.parquet", wrong, lambda row: refused[row])
