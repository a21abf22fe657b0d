"""`python -m simulate catalogue`: a catalogue of rendered posters, in the public format."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import whole_folder
from data.errors import BadInput
from data.records import ARTWORKS, TITLES
from simulate.named_rng import named_generator, named_seed
from simulate.posters.brief import Brief, Shown, drawn_brief
from simulate.posters.studio import render_all
from simulate.posters.subjects import Subjects, named
from simulate.world.titles import START, Title, drawn_titles

MISLEADING = 0.12
"""Share of posters that show what the title is not."""
TAGGED = 0.5
"""Share of artworks that somebody tagged."""
STEADY = 2
"""The first artworks of a title, which come with it and stay."""

TRUTH = pa.schema(
    [
        ("artwork_id", pa.string()),
        ("title_id", pa.int64()),
        ("subjects", pa.list_(pa.string())),
        ("weights", pa.list_(pa.float64())),  # share of the visible area; they sum to 1
        ("warmth", pa.float64()),
        ("brightness", pa.float64()),
        ("closeness", pa.float64()),
        ("ensemble", pa.bool_()),
        ("quality", pa.float64()),  # standard normal; half of it can be seen as richness
        ("misleading", pa.bool_()),
    ]
)
TITLE_TRUTH = pa.schema(
    [
        ("title_id", pa.int64()),
        ("themes", pa.map_(pa.string(), pa.float64())),
        ("latent", pa.list_(pa.float64())),
    ]
)


class Poster(NamedTuple):
    """One artwork before it is rendered."""

    artwork_id: str
    title: Title
    brief: Brief
    quality: float
    misleading: bool
    added: date
    withdrawn: date | None
    tagged: bool


def write_catalogue(
    subjects: Subjects, titles: int, artworks: int, seed: int, out: Path | str,
    arrivals: float = 0.2, width: int = 320, image_format: str = "webp", workers: int = 2,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, Any]:  # fmt: skip
    """Render a catalogue into a folder, which appears when it is whole.

    Args:
        subjects: the cast of its titles, with cut-outs.
        titles: how many; at least 1.
        artworks: how many a title; at least 1.
        seed: the same seed and subjects give the same catalogue.
        out: a new or empty folder: `titles.parquet`, `artworks.parquet`, `images/`, `truth/`.
        arrivals: share of titles that launch, and of artwork that is added, after day 0.
        width: of the posters in pixels; their height is 9/16 of it.
        image_format: webp or jpg.
        workers: processes to render with, if posters are many.
        progress: is told how many posters are done.

    Returns:
        titles, artworks, subjects, themes: how many of each.

    Raises:
        BadInput: a number out of range, or a folder that holds a catalogue already.
    """
    out = Path(out)
    _check(subjects, titles, artworks, arrivals, width, image_format, out)
    drawn = drawn_titles(subjects, titles, seed, arrivals)
    posters = [
        _poster(subjects, title, k, seed, arrivals) for title in drawn for k in range(artworks)
    ]
    with whole_folder(out) as part:
        images, truth = part / "images", part / "truth"
        images.mkdir(parents=True)
        truth.mkdir()
        paths = [images / f"{poster.artwork_id}.{image_format}" for poster in posters]
        files = dict(zip(subjects.names, subjects.files, strict=True))
        shown = []
        briefs = [poster.brief for poster in posters]
        for what in render_all(briefs, files, paths, width, workers):
            shown.append(what)
            progress(len(shown))
        pq.write_table(_truth_table(posters, shown), truth / "artworks.parquet")
        rows = [(t.title_id, list(t.themes.items()), list(t.latent)) for t in drawn]
        columns = [list(column) for column in zip(*rows, strict=True)]
        pq.write_table(pa.table(columns, schema=TITLE_TRUTH), truth / "titles.parquet")
        names = {"subject": list(subjects.names), "theme": list(subjects.themes_of)}
        pq.write_table(pa.table(names), truth / "subjects.parquet")
        pq.write_table(_artwork_table(posters, shown, paths), part / "artworks.parquet")
        pq.write_table(_title_table(drawn, posters[::artworks]), part / "titles.parquet")
    return {
        "titles": titles, "artworks": len(posters), "subjects": len(subjects.names),
        "themes": len(subjects.themes),
    }  # fmt: skip


def catalogue_command(
    subjects: str, out: str, titles: int = 60, artworks: int = 6, seed: int = 1,
    exclude_subjects: str | None = None, include_subjects: str | None = None,
    arrivals: float = 0.2, width: int = 320, image_format: str = "webp", workers: int = 2,
    json: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Render a catalogue of titles and posters from a folder of cut-outs.

    Args:
        subjects: folder of cut-outs with subjects.csv (columns file, theme).
        out: new or empty folder to write into.
        titles: how many titles.
        artworks: how many artworks a title.
        seed: the same seed and cut-outs give the same catalogue.
        exclude_subjects: names to leave out, with commas between, or a file with one a line.
        include_subjects: the only names to use, given likewise.
        arrivals: share of titles and artwork that come during the first four weeks.
        width: of the posters in pixels.
        image_format: webp or jpg.
        workers: processes to render with.
        json: print one JSON object.
    """
    from rich.console import Console
    from rich.progress import Progress

    pool = Subjects.read(subjects, named(exclude_subjects), named(include_subjects))
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("posters", total=titles * artworks)
        done = write_catalogue(
            pool, titles, artworks, seed, out, arrivals, width, image_format, workers,
            lambda count: bar.update(task, completed=count),
        )  # fmt: skip
    return {"catalogue": out, **done}


def _check(
    subjects: Subjects, titles: int, artworks: int, arrivals: float, width: int, kind: str,
    out: Path,
) -> None:  # fmt: skip
    for name, value, low, high in (
        ("titles", titles, 1, 10_000),
        ("artworks", artworks, 1, 500),
        ("width", width, 64, 4096),
        ("arrivals", arrivals, 0, 1),
    ):
        if not low <= value <= high:
            raise BadInput(f"--{name} {value}: it must be from {low} to {high}")
    if kind not in ("webp", "jpg"):
        raise BadInput(f"--image_format {kind}: posters are written as webp or jpg")
    if len(subjects.names) < 2:
        raise BadInput(
            f"{len(subjects.names)} subject is left for the posters; a cast needs at least 2: "
            "exclude fewer or add cut-outs"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is there already and not empty; give --out a new folder")


def _poster(subjects: Subjects, title: Title, k: int, seed: int, arrivals: float) -> Poster:
    rng = named_generator("artwork", seed, title.title_id, k)
    lead, cast = k % len(title.cast), title.cast
    misleading = k >= STEADY and rng.random() < MISLEADING / (1 - STEADY / max(6, k + 1))
    if misleading:
        others = [
            name
            for name, theme in zip(subjects.names, subjects.themes_of, strict=True)
            if theme not in title.themes
        ]
        if others:
            cast = tuple(str(name) for name in rng.choice(others, min(2, len(others)), False))
        misleading = bool(others)
    brief = drawn_brief(rng, named_seed("pixels", seed, title.title_id, k), title.name, cast, lead)
    added, withdrawn = title.launch, None
    if k >= STEADY and rng.random() < arrivals:
        added = max(added, START) + timedelta(days=int(rng.integers(1, 22)))
    if k >= STEADY and rng.random() < arrivals / 2:
        withdrawn = max(added, START) + timedelta(days=int(rng.integers(5, 30)))
    quality = float(np.sqrt(0.5) * (brief.richness + rng.standard_normal()))
    return Poster(
        f"{title.title_id}-{k}", title, brief, quality, misleading, added, withdrawn,
        bool(rng.random() < TAGGED),
    )  # fmt: skip


def _truth_table(posters: list[Poster], shown: list[Shown]) -> pa.Table:
    rows = [
        {
            "artwork_id": poster.artwork_id, "title_id": poster.title.title_id,
            "subjects": list(what.subjects), "weights": list(what.weights),
            "warmth": poster.brief.warmth, "brightness": poster.brief.brightness,
            "closeness": poster.brief.closeness,
            "ensemble": poster.brief.composition == "ensemble", "quality": poster.quality,
            "misleading": poster.misleading,
        }
        for poster, what in zip(posters, shown, strict=True)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, TRUTH)


def _artwork_table(posters: list[Poster], shown: list[Shown], paths: list[Path]) -> pa.Table:
    rows = [
        {
            "artwork_id": poster.artwork_id, "title_id": poster.title.title_id,
            "path": f"images/{path.name}", "added_day": poster.added,
            "withdrawn_day": poster.withdrawn,
            "cast_shown": list(what.subjects) if poster.tagged else None,
            "tone": _tone(poster.brief) if poster.tagged else None,
        }
        for poster, what, path in zip(posters, shown, paths, strict=True)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, ARTWORKS)


def _tone(brief: Brief) -> str:
    light = "bright" if brief.brightness > 0 else "dark"
    return f"{light} and {'warm' if brief.warmth > 0 else 'cool'}"


def _title_table(titles: list[Title], firsts: list[Poster]) -> pa.Table:
    rows = [
        {
            "title_id": title.title_id, "name": title.name, "genres": list(title.genres),
            "cast": list(title.cast), "popularity": title.popularity,
            "launch_day": title.launch, "runtime_minutes": title.runtime_minutes,
            "default_artwork_id": poster.artwork_id,
        }
        for title, poster in zip(titles, firsts, strict=True)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, TITLES)
