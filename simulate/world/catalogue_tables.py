"""The tables of a rendered catalogue: the public ones, and its truth beside them."""

from pathlib import Path

import pyarrow as pa

from data.records import ARTWORKS, TITLES
from simulate.posters.brief import Brief, VisibleSubjects
from simulate.posters.subjects import Subjects
from simulate.world.drawn_posters import Poster
from simulate.world.titles import Title

ARTWORK_TRUTH = pa.schema(
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


def title_table(titles: list[Title], defaults: list[Poster]) -> pa.Table:
    """`titles.parquet`; each title's default artwork stands beside it."""
    rows = [
        {
            "title_id": title.title_id,
            "name": title.name,
            "genres": list(title.genres),
            "cast": list(title.cast),
            "popularity": title.popularity,
            "launch_day": title.launch,
            "runtime_minutes": title.runtime_minutes,
            "default_artwork_id": poster.artwork_id,
        }
        for title, poster in zip(titles, defaults, strict=True)
    ]
    return pa.Table.from_pylist(rows, TITLES)


def artwork_table(
    posters: list[Poster], visible: list[VisibleSubjects], paths: list[Path]
) -> pa.Table:
    """`artworks.parquet`."""
    rows = [
        {
            "artwork_id": poster.artwork_id,
            "title_id": poster.title.title_id,
            "path": f"images/{path.name}",
            "added_day": poster.added,
            "withdrawn_day": poster.withdrawn,
            "cast_shown": list(seen.subjects) if poster.tagged else None,
            "tone": _tone(poster.brief) if poster.tagged else None,
        }
        for poster, seen, path in zip(posters, visible, paths, strict=True)
    ]
    return pa.Table.from_pylist(rows, ARTWORKS)


def artwork_truth_table(posters: list[Poster], visible: list[VisibleSubjects]) -> pa.Table:
    """`truth/artworks.parquet`."""
    rows = [
        {
            "artwork_id": poster.artwork_id,
            "title_id": poster.title.title_id,
            "subjects": list(seen.subjects),
            "weights": list(seen.weights),
            "warmth": poster.brief.warmth,
            "brightness": poster.brief.brightness,
            "closeness": poster.brief.closeness,
            "ensemble": poster.brief.composition == "ensemble",
            "quality": poster.quality,
            "misleading": poster.misleading,
        }
        for poster, seen in zip(posters, visible, strict=True)
    ]
    return pa.Table.from_pylist(rows, ARTWORK_TRUTH)


def title_truth_table(titles: list[Title]) -> pa.Table:
    """`truth/titles.parquet`."""
    rows = [(title.title_id, list(title.themes.items()), list(title.latent)) for title in titles]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(columns, schema=TITLE_TRUTH)


def subject_table(subjects: Subjects) -> pa.Table:
    """`truth/subjects.parquet`."""
    return pa.table({"subject": list(subjects.names), "theme": list(subjects.themes_of)})


def _tone(brief: Brief) -> str:
    light = "bright" if brief.brightness > 0 else "dark"
    return f"{light} and {'warm' if brief.warmth > 0 else 'cool'}"
