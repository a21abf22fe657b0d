"""A catalogue of rendered posters, in the public format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from data.atomic_write import whole_folder
from data.errors import BadInput
from simulate.posters.studio import render_all
from simulate.posters.subjects import Subjects
from simulate.world.catalogue_tables import (
    artwork_table,
    artwork_truth_table,
    subject_table,
    title_table,
    title_truth_table,
)
from simulate.world.drawn_posters import drawn_poster
from simulate.world.titles import drawn_titles


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise BadInput(f"--{name} {value}: it must be from {low} to {high}")


@dataclass(frozen=True)
class Rendering:
    """How posters become image files."""

    width: int = 320
    """In pixels; the height is 9/16 of it."""
    image_format: str = "webp"
    """webp or jpg."""
    workers: int = 2
    """Processes to render with, if posters are many."""

    def __post_init__(self) -> None:
        _check_range("width", self.width, 64, 4096)
        if self.image_format not in ("webp", "jpg"):
            raise BadInput(
                f"--image-format {self.image_format}: posters are written as webp or jpg"
            )


DEFAULT_RENDERING = Rendering()


def write_catalogue(
    subjects: Subjects,
    titles: int,
    artworks: int,
    seed: int,
    out: Path | str,
    arrivals: float = 0.2,
    rendering: Rendering = DEFAULT_RENDERING,
    progress: Callable[[int], object] = lambda done: None,
) -> dict[str, int]:
    """Render a catalogue into a folder, which appears when it is whole.

    Args:
        subjects: the cast of its titles, with cut-outs.
        titles: how many; at least 1.
        artworks: how many a title; at least 1.
        seed: the same seed and subjects give the same catalogue.
        out: a new or empty folder: `titles.parquet`, `artworks.parquet`, `images/`, `truth/`.
        arrivals: share of titles that launch, and of artwork that is added, after day 0.
        rendering: size and format of the posters.
        progress: called with how many posters are done.

    Returns:
        titles, artworks, subjects, themes: how many of each.

    Raises:
        BadInput: a number out of range, or a folder that holds a catalogue already.
    """
    out = Path(out)
    _check_range("titles", titles, 1, 10_000)
    _check_range("artworks", artworks, 1, 500)
    _check_range("arrivals", arrivals, 0, 1)
    _check_subjects_and_folder(subjects, out)
    drawn = drawn_titles(subjects, titles, seed, arrivals)
    posters = [
        drawn_poster(subjects, title, k, seed, arrivals) for title in drawn for k in range(artworks)
    ]
    with whole_folder(out) as part:
        images, truth = part / "images", part / "truth"
        images.mkdir(parents=True)
        truth.mkdir()
        paths = [images / f"{poster.artwork_id}.{rendering.image_format}" for poster in posters]
        files = dict(zip(subjects.names, subjects.files, strict=True))
        briefs = [poster.brief for poster in posters]
        visible = []
        for seen in render_all(briefs, files, paths, rendering.width, rendering.workers):
            visible.append(seen)
            progress(len(visible))
        pq.write_table(artwork_truth_table(posters, visible), truth / "artworks.parquet")
        pq.write_table(title_truth_table(drawn), truth / "titles.parquet")
        pq.write_table(subject_table(subjects), truth / "subjects.parquet")
        pq.write_table(artwork_table(posters, visible, paths), part / "artworks.parquet")
        pq.write_table(title_table(drawn, posters[::artworks]), part / "titles.parquet")
    return {
        "titles": titles,
        "artworks": len(posters),
        "subjects": len(subjects.names),
        "themes": len(subjects.themes),
    }


def _check_subjects_and_folder(subjects: Subjects, out: Path) -> None:
    if len(subjects.names) < 2:
        raise BadInput(
            f"{len(subjects.names)} subject is left for the posters; a cast needs at least 2: "
            "exclude fewer or add cut-outs"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is there already and not empty; give --out a new folder")
