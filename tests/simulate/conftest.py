from pathlib import Path

import pytest

from simulate.posters.subjects import Subjects
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue

CUT_OUTS = Path(__file__).parents[2] / "sample" / "artwork"


@pytest.fixture(scope="session")
def subjects() -> Subjects:
    return Subjects.read(CUT_OUTS)


@pytest.fixture(scope="session")
def catalogue(subjects, tmp_path_factory) -> Path:
    """Thirty titles of five artworks, small pictures."""
    out = tmp_path_factory.mktemp("rendered") / "catalogue"
    write_catalogue(
        subjects, titles=30, artworks=5, seed=11, out=out, rendering=Rendering(width=96)
    )
    return out


@pytest.fixture(scope="session")
def world(catalogue) -> ArtworkWorld:
    return ArtworkWorld.read(catalogue, members=400, seed=5)
