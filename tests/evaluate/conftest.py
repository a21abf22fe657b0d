"""A rendered catalogue, its world, and what members did in it: made once for all tests."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from data.catalogue import Catalogue
from data.join.join import join
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.log import write_days
from simulate.browsing.logging_policies import logging_policy
from simulate.posters.subjects import Subjects
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import write_catalogue
from tests.evaluate.planted import plant

ARTWORK = Path(__file__).parents[2] / "sample" / "artwork"


@dataclass(frozen=True)
class Story:
    """A catalogue with the true mean take of each artwork as its embedding, and a uniform log."""

    root: Path
    world: ArtworkWorld

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue.read(self.root / "catalogue")

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def examples(self) -> pa.Table:
        files = sorted((self.root / "examples").rglob("examples.parquet"))
        return ds.dataset([str(file) for file in files]).to_table()


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    root = tmp_path_factory.mktemp("story")
    pool = Subjects.read(ARTWORK)
    write_catalogue(pool, 10, 4, 5, root / "catalogue", arrivals=0)
    world = ArtworkWorld.read(root / "catalogue", 400, 11)
    members, artworks = np.arange(400)[:, None], np.arange(40)[None]
    mean = np.asarray(world.expected_take(members, artworks)).mean(0)
    np.save(root / "catalogue" / "embeddings.npy", mean[:, None].astype(np.float32))
    browsing = Browsing(5000, 3, False, 0.0, False)
    days = browse_days(world, logging_policy("uniform", 10, 0.2), range(3), browsing, None)
    write_days(days, root / "log")
    join(root / "log", root / "catalogue", root / "examples")
    return Story(root, world)


@pytest.fixture(scope="session")
def planted(story, tmp_path_factory):
    """Plants a bundle on the story's catalogue: what its heads want → its folder."""

    def plant_on_story(wants, **options):
        folder = tmp_path_factory.mktemp("planted")
        return str(plant(folder, story.catalogue, story.world.members.facts, wants, **options))

    return plant_on_story


@pytest.fixture(scope="session")
def good(planted):
    """Its heads want what members take most."""
    return planted([[1.0]] * 4)


@pytest.fixture(scope="session")
def torn(planted):
    """A quarter of its heads want what members take least."""
    return planted([[1.0]] * 3 + [[-1.0]], epsilon=0.2)
