"""An image that cannot be had costs its artwork alone, and comes back when it is mended."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.errors import BadInput
from serve.live.load_model import load_live
from serve.live.reload import ModelSource
from serve.scoring.decide_requests import decide_requests
from tests.evaluate.planted import plant
from tests.export.world import ARTWORKS_TABLE, TITLES_TABLE, make_facts, make_images

DAY = date(2026, 1, 9)


@pytest.fixture
def catalogue(tmp_path):
    root = tmp_path / "catalogue"
    root.mkdir()
    paths = ARTWORKS_TABLE["path"].to_pylist()
    for path, image in zip(paths, make_images(len(paths)), strict=True):
        Image.fromarray(image.transpose(1, 2, 0)).save(root / path, lossless=True)
    Catalogue(root, TITLES_TABLE, ARTWORKS_TABLE).write()
    return Catalogue.read(root)


@pytest.fixture
def bundle(catalogue, tmp_path):
    wants = [[1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]
    made = plant(tmp_path / "bundles", catalogue, make_facts(50), wants, pixels=True)
    (tmp_path / "bundles" / "current").symlink_to(made)
    return tmp_path / "bundles" / "current"


@pytest.mark.parametrize("broken", ["damaged", "missing"])
def test_a_bad_image_costs_its_artwork_alone_until_it_is_mended(
    catalogue, bundle, broken, tmp_path
):
    loads = []

    def load(folder):
        loads.append(folder)
        return load_live(folder, catalogue.root, tmp_path / "cache", DAY)

    first = catalogue.artwork_ids[0]
    image = catalogue.image_path(first)
    whole = image.read_bytes()
    image.unlink()
    if broken == "damaged":
        image.write_bytes(whole[:20])
    source = ModelSource(bundle, load)
    assert source.look()
    every = set(catalogue.artwork_ids)
    assert source.model is not None
    assert set(source.model.layout.artwork_ids) == every - {first}
    assert set(source.model.layout.title_ids) == set(catalogue.title_ids)
    assert not source.look()
    assert len(loads) == 1, "nothing changed"
    image.write_bytes(whole)
    assert source.look()
    assert set(source.model.layout.artwork_ids) == every
    assert not source.look()


def test_a_catalogue_that_lost_all_images_does_not_take_the_place_of_a_whole_one(
    catalogue, bundle, tmp_path
):
    for name in catalogue.artwork_ids:
        catalogue.image_path(name).write_bytes(b"torn")
    with pytest.raises(BadInput, match="20 of 20 images"):
        load_live(bundle, catalogue.root, tmp_path / "cache", DAY)


def test_files_are_decided_as_pages_that_do_not_show_it(catalogue, bundle, tmp_path, capsys):
    """It has probability 0, its rivals what they have where it is no candidate."""
    names = catalogue.candidates(catalogue.title_ids[0], DAY)
    bad, asked = names[1], tmp_path / "asked.parquet"
    rest = [name for name in names if name != bad]
    facts = make_facts(2)
    pq.write_table(pa.table({"facts": facts, "candidates": [names, rest]}), asked)
    catalogue.image_path(bad).unlink()
    folders = {"catalogue": catalogue.root, "cache": tmp_path / "cache"}
    for policy in ("thompson", "greedy", "epsilon_greedy", "neural_ucb", "uniform"):
        record = decide_requests(asked, tmp_path / "out.parquet", bundle, policy=policy, **folders)
        assert record.artworks_left_out == 1
        offering, others = pq.read_table(tmp_path / "out.parquet")["probabilities"].to_pylist()
        assert offering[1] == 0
        np.testing.assert_allclose(np.delete(offering, 1), others, rtol=1e-12)
        np.testing.assert_allclose(sum(offering), 1)
    assert f"left out: artwork {bad}: " in capsys.readouterr().err
    pq.write_table(pa.table({"facts": facts, "candidates": [rest, [bad]]}), asked)
    with pytest.raises(BadInput, match="row 1 offers only artwork whose image cannot be had"):
        decide_requests(asked, tmp_path / "out.parquet", bundle, **folders)
