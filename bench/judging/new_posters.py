"""A simulated catalogue with posters that nobody has shown: what was logged, learnt, and is true.

The product's own commands make the log and the model. Of each title the first posters are in the
log from the beginning, one of every second title comes after training, and some are never shown.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

from bench.measured import command
from bench.small_demo import SUBJECTS, UNSEEN
from data.catalogue import Catalogue
from data.join.join import join
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.log import windows_closed, write_days
from simulate.browsing.logging_policies import Uniform
from simulate.posters.subjects import Subjects, named
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.effects import Effects
from simulate.world.members import Members
from simulate.world.titles import START

NEVER = 400
"""Day on which posters come that nobody has shown."""


@dataclass(frozen=True)
class NewPostersSize:
    """How large the world is."""

    titles: int
    known: int
    """Posters of a title in the log."""
    new: int
    """Posters of a title that nobody has shown."""
    members: int
    days: int
    """Of the log that is learnt from; two more follow."""
    decisions: int
    """A day."""
    epochs: int
    """Of the encoder's training."""
    fresh: int
    """Members that the truth is of, each browsing the same days."""


class ShownPosters(NamedTuple):
    """Fresh members who are shown a title after training, and the truth of all its posters."""

    facts: pa.StructArray
    artworks: Int[np.ndarray, " artworks"]
    """Rows of the catalogue."""
    takes: Float[np.ndarray, "decisions artworks"]
    """Expected of each."""


@dataclass(frozen=True)
class NewPosters:
    """The folders, and what fresh members would do."""

    root: Path
    size: NewPostersSize
    truth: CatalogueTruth
    shown: dict[int, ShownPosters]
    """By row of the title."""

    @property
    def catalogue(self) -> Catalogue:
        """With posters that were never shown, for which the catalogue has a day far ahead."""
        return self.truth.catalogue

    @property
    def bundle(self) -> Path:
        """Trained on all days but the last two."""
        return self.root / "bundles" / "current"

    @property
    def examples(self) -> Path:
        """Of the last two days."""
        return self.root / "held_out"

    def new(self, title: int) -> Int[np.ndarray, " new"]:
        """Rows of a title's posters that nobody has shown."""
        return np.flatnonzero((self.truth.title_of == title) & (self.truth.added >= NEVER))

    def today(self, title: int) -> Bool[np.ndarray, " artworks"]:
        """Which of `shown.artworks` the title has on the day after the log."""
        return self.truth.added[self.shown[title].artworks] < NEVER


@contextmanager
def new_posters(
    size: NewPostersSize, seed: int, effects: Effects | None = None
) -> Iterator[NewPosters]:
    """Make all of it in a folder that goes again.

    Args:
        size: of the world.
        seed: of all that is drawn.
        effects: of artwork; None: the simulator's.

    Raises:
        RuntimeError: training failed.
    """
    with TemporaryDirectory(prefix="marquee-judging-") as folder:
        root = Path(folder)
        subjects = Subjects.read(SUBJECTS, exclude=named(str(UNSEEN)))
        posters = size.known + size.new
        one = Rendering(workers=1)
        write_catalogue(subjects, size.titles, posters, seed, root / "catalogue", 0, one)
        _date_posters(root / "catalogue" / "artworks.parquet", size)
        world = ArtworkWorld.read(root / "catalogue", size.members, seed, effects)
        days = size.days + 2
        browsing = Browsing(size.decisions, seed)
        write_days(browse_days(world, Uniform(), range(days), browsing), root / "log")
        join(
            root / "log",
            root / "catalogue" / "titles.parquet",
            root / "examples",
            now=windows_closed(days),
        )
        (root / "held_out").mkdir()
        for day in sorted((root / "examples").glob("day=*"))[-2:]:
            day.rename(root / "held_out" / day.name)
        _train(root, size)
        yield NewPosters(root, size, world.truth, _fresh(world, size, seed))


def _date_posters(file: Path, size: NewPostersSize) -> None:
    """The last known poster of every second title comes after training, new ones never."""
    table = pq.read_table(file)
    days = table["added_day"].to_pylist()
    each = size.known + size.new
    for row in range(len(table)):
        title, place = divmod(row, each)
        if place >= size.known:
            days[row] = START + timedelta(days=NEVER)
        elif place == size.known - 1 and title % 2:
            days[row] = START + timedelta(days=size.days)
    at = table.schema.get_field_index("added_day")
    field = table.schema.field(at)
    pq.write_table(table.set_column(at, field, pa.array(days, field.type)), file)


def _train(root: Path, size: NewPostersSize) -> None:
    fit = {"epochs": size.epochs, "threads": 1, "progress": "false"}
    ended = command(
        [
            "train.py",
            *("--data.examples", root / "examples", "--data.catalogue", root / "catalogue"),
            *("--data.cache", root / "cache", "--out", root / "run"),
            *("--publish.bundles", root / "bundles"),
            *(word for name, value in fit.items() for word in (f"--fit.{name}", value)),
        ],
        OMP_NUM_THREADS="1",
    )
    if ended.code:
        raise RuntimeError(f"train.py ended with {ended.code}: {ended.complaint}")


def _fresh(world: ArtworkWorld, size: NewPostersSize, seed: int) -> dict[int, ShownPosters]:
    """What members whom nobody knows would do on the last two days, whatever they were shown.

    They browse all days before, since who has played a title is not shown it again.
    """
    truth = world.truth
    people = Members.draw(size.fresh, seed + 1, truth.subjects)
    own = world.with_members(people)
    parts: dict[int, list[tuple[Int[np.ndarray, " some"], pa.StructArray]]] = {}
    days = range(size.days + 2)
    for log in browse_days(own, Uniform(), days, Browsing(size.decisions, seed + 1)):
        if log.day < size.days:
            continue
        for title in range(len(truth.title_ids)):
            rows = np.flatnonzero(log.outcomes.rendered & (log.requests.titles == title))
            facts = log.requests.facts.take(pa.array(rows))
            parts.setdefault(title, []).append((log.requests.members[rows], facts))
    shown = {}
    for title, both in parts.items():
        members = np.concatenate([rows for rows, _ in both])
        artworks = np.flatnonzero(truth.title_of == title)
        if len(members):
            takes = np.asarray(own.expected_take(members[:, None], artworks[None]))
            facts = pa.concat_arrays([facts for _, facts in both])
            shown[title] = ShownPosters(facts, artworks, takes)
    return shown
