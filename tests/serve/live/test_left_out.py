"""An image that cannot be had costs its artwork alone, and comes back when it is mended."""

from datetime import date

import pytest

from serve.live.load_model import load_live
from serve.live.reload import ModelSource
from tests.serve.test_parity import Product


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    return Product(tmp_path_factory.mktemp("product"), kind="point", members=1, pixels=True)


@pytest.mark.parametrize("broken", ["damaged", "missing"])
def test_a_bad_image_costs_its_artwork_alone_until_it_is_mended(product, broken, tmp_path):
    loads = []

    def load(bundle):
        loads.append(bundle)
        return load_live(bundle, product.catalogue.root, tmp_path / "cache", date(2026, 1, 9))

    first = product.catalogue.artworks.slice(0, 1).to_pylist()[0]
    image = product.catalogue.root / first["path"]
    whole = image.read_bytes()
    image.unlink()
    if broken == "damaged":
        image.write_bytes(whole[:20])
    source = ModelSource(product.folder / "bundles" / "current", load)
    assert source.look()
    every = set(product.layout.artwork_ids)
    assert source.model is not None
    assert set(source.model.layout.artwork_ids) == every - {first["artwork_id"]}
    assert set(source.model.layout.title_ids) == set(product.layout.title_ids)
    assert not source.look()
    assert len(loads) == 1, "nothing changed"
    image.write_bytes(whole)
    assert source.look()
    assert set(source.model.layout.artwork_ids) == every
    assert not source.look()
