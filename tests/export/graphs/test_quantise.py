"""A smaller encoder takes a bundle's place only where it chooses alike."""

import shutil

import numpy as np
import onnx
import pyarrow as pa
import pytest
from PIL import Image

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from export.graphs.quantise import quantise, show, status
from serve.scoring.scorer import Scorer
from tests.export.world import ARTWORKS_TABLE, TITLES_TABLE, make_images


def write_catalogue(folder, images, artworks=ARTWORKS_TABLE):
    for name, pixels in zip(artworks["path"].to_pylist(), images, strict=True):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / name, lossless=True)
    return Catalogue(folder, TITLES_TABLE, artworks).write()


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    images = make_images(len(ARTWORKS_TABLE), 4)
    return write_catalogue(tmp_path_factory.mktemp("catalogue"), images)


@pytest.fixture(scope="module")
def hardly_different(tmp_path_factory):
    """Artworks without tags that a hair tells apart."""
    artworks = ARTWORKS_TABLE
    for name in ("cast_shown", "tone"):
        at, of = artworks.schema.get_field_index(name), artworks.schema.field(name)
        artworks = artworks.set_column(at, of, pa.nulls(len(artworks), of.type))
    images = make_images(1, 4) // 2 + make_images(len(artworks), 5) // 64
    return write_catalogue(tmp_path_factory.mktemp("alike"), images, artworks)


def test_a_bad_image_costs_its_artwork_alone(bundle, catalogue, tmp_path, capsys):
    shutil.copytree(catalogue, tmp_path / "catalogue")
    torn = Catalogue.read(tmp_path / "catalogue")
    torn.image_path(torn.artwork_ids[0]).write_bytes(b"torn")
    said = quantise(bundle, torn.root, kind="fp16", out=tmp_path / "out", cache=tmp_path)
    assert status(said) == 0
    assert f"left out: artwork {torn.artwork_ids[0]}: " in capsys.readouterr().err


def test_half_precision_makes_the_same_choices(bundle, catalogue, tmp_path):
    said = quantise(
        bundle, catalogue, kind="fp16", out=tmp_path / "out", decisions=2000, cache=tmp_path
    )
    assert status(said) == 0
    assert said["equal_choices"] >= 0.995
    new, old = Bundle.open(said["folder"]), Bundle.open(bundle)
    assert new.manifest.encoder == "encoder.fp16.onnx"
    assert new.manifest.parent == old.bundle_id
    assert new.manifest.metrics["fp16_equal_choices"] == said["equal_choices"]
    small, full = new.file("encoder.fp16.onnx"), new.file("encoder.onnx")
    assert small.stat().st_size < 0.6 * full.stat().st_size
    images = make_images(6)
    half, whole = Scorer(new.root), Scorer(old.root)
    np.testing.assert_allclose(half.embed(images), whole.embed(images), rtol=0.02, atol=0.02)
    assert (half.embed(images) != whole.embed(images)).any()
    assert half.manifest.encoder_version != whole.manifest.encoder_version


def test_eight_bits_that_choose_otherwise_are_refused(bundle, hardly_different, tmp_path, capsys):
    said = quantise(
        bundle,
        hardly_different,
        kind="int8",
        out=tmp_path / "out",
        decisions=2000,
        cache=tmp_path,
    )
    assert status(said) == 1
    assert 0.5 < said["equal_choices"] < 0.995
    capsys.readouterr()
    show(said)
    assert capsys.readouterr() == ("", f"refused: {said['reason']}\n")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [".lock"]


def test_eight_bits_are_in_the_graph(bundle, tmp_path):
    from export.graphs.quantise import spread, write_int8

    write_int8(
        Bundle.open(bundle).file("encoder.onnx"), tmp_path / "small.onnx", spread(make_images(32))
    )
    kinds = [node.op_type for node in onnx.load(tmp_path / "small.onnx").graph.node]
    assert kinds.count("QuantizeLinear") > 3
    assert [p.name for p in tmp_path.iterdir()] == ["small.onnx"]


def test_a_catalogue_without_a_choice_is_refused(bundle, catalogue, tmp_path):
    shutil.copytree(catalogue, tmp_path / "catalogue")
    first = ARTWORKS_TABLE.filter(
        [name.endswith("-0") for name in ARTWORKS_TABLE["artwork_id"].to_pylist()]
    )
    alone = Catalogue(tmp_path / "catalogue", TITLES_TABLE, first).write()
    with pytest.raises(BadInput, match="no title of the catalogue has two artworks"):
        quantise(bundle, alone, kind="fp16", out=tmp_path / "out", cache=tmp_path)
