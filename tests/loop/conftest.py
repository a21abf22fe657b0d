"""Loops browse a small catalogue, so that little is enough to learn from."""

import pytest

from simulate.world.catalogue import Rendering, write_catalogue
from tests.simulate.conftest import subjects

__all__ = ["catalogue", "subjects"]


@pytest.fixture(scope="session")
def catalogue(subjects, tmp_path_factory):
    """Eight titles of six artworks that are all there from day 0 on."""
    out = tmp_path_factory.mktemp("rendered") / "catalogue"
    write_catalogue(subjects, 8, 6, 11, out, arrivals=0, rendering=Rendering(width=64))
    return out
