"""Training through eyes that learn nothing, as a user runs it, and what goes on from its bundle."""

import io
import os
import shutil
import subprocess
import sys
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import pytest

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import image_cache
from data.images.format import ImageFormat
from export.graphs.quantise import quantise
from export.graphs.reexport import bundle as reexport
from model.eyes.efficientnet_lite import PUBLISHED
from model.increments.kept_posterior import POSTERIOR, KeptPosterior
from model.training.settings import Data, Fit, HeadOptions, Increment, Model, Publish, Settings
from serve.scoring.artwork_vectors import refuse_pixels_alone, scored_artworks
from serve.scoring.scorer import Scorer
from simulate.browsing.sample import SampleFolders, SampleSettings, make_sample
from tests.model.eyes.own_models import convolution, declared
from tests.model.eyes.pictures import package
from train import train

ROOT = Path(__file__).parents[1]
ARTWORKS = 15


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> SampleFolders:
    settings = SampleSettings(
        subjects=str(ROOT / "sample" / "artwork"),
        exclude_subjects=None,
        titles=5,
        artworks=3,
        members=60,
        days=6,
        decisions_per_day=300,
        seed=2,
    )
    return make_sample(tmp_path_factory.mktemp("sample"), settings)


def settings(sample: SampleFolders, folder: Path, encoder: str, **fit: object) -> Settings:
    """The briefest training that there is."""
    return Settings(
        data=Data(
            examples=str(sample.examples),
            catalogue=str(sample.catalogue),
            cache=str(folder / "cache"),
        ),
        model=Model(encoder, heads=HeadOptions(count=4)),
        fit=Fit(epochs=1, passes=1, threads=1, progress=False, **fit),
        publish=Publish(str(folder / "bundles"), force=True),
        out=str(folder / "run"),
    )


def encoder_of(folder: Path) -> str | None:
    """What tells a bundle's encoder from any other."""
    return Bundle.open(folder).manifest.encoder_version


@pytest.fixture(scope="module")
def trained(sample, tmp_path_factory) -> tuple[Path, str]:
    """A bundle whose encoder is pretrained, and what its training said."""
    package()
    folder, said = tmp_path_factory.mktemp("seeing"), io.StringIO()
    with redirect_stderr(said):
        bundle = train(settings(sample, folder, "auto"))
    return bundle, said.getvalue()


@pytest.fixture(scope="module")
def seeing(trained) -> Path:
    """The bundle alone."""
    return trained[0]


def test_the_extra_is_used_and_said(trained):
    bundle, said = trained
    live = Bundle.open(bundle)
    assert "seeing through EfficientNet-Lite0 (--model.encoder lite0+simple)" in said
    assert "reading whole pictures as 256 × 144 pixels" in said
    assert "2,883 numbers of each picture; their leading directions: 14 of lite0.last" in said
    assert live.manifest.image == ImageFormat(144, 256)
    network = live.manifest.network or {}
    assert (network["encoder"], network["embedding"]) == ("lite0+simple", 42)
    groups = [["lite0.last", 14], ["lite0.middle", 14], ["simple", 14]]
    assert network["groups"] == groups


def test_artwork_that_nobody_has_shown_is_scored_from_its_pixels(sample, seeing):
    scorer, catalogue = Scorer(seeing), Catalogue.read(sample.catalogue)
    ids = catalogue.artwork_ids
    cached = image_cache(catalogue, seeing.parents[1] / "cache", ImageFormat(144, 256), quiet=True)
    vectors = scored_artworks(scorer, catalogue, ids, seeing.parents[1] / "cache").vectors
    pixels = np.ascontiguousarray(cached.images[cached.of(ids)])
    anew = scorer.vectors(scorer.embed(pixels), catalogue.titles, catalogue.artworks)
    np.testing.assert_allclose(vectors, anew, atol=1e-4)
    mirrored = scorer.embed(np.ascontiguousarray(pixels[:, :, :, ::-1]))
    assert np.isfinite(mirrored).all()
    assert np.abs(mirrored - scorer.embed(pixels)).max() > 1e-3, "it is another picture"


def test_what_goes_on_from_a_bundle_sees_as_it_does(sample, seeing, tmp_path):
    warm = train(settings(sample, tmp_path, "auto", warm_start=str(seeing)))
    assert encoder_of(warm) == encoder_of(seeing)
    again = reexport(None, seeing, tmp_path / "bundles")
    assert encoder_of(Path(str(again["folder"]))) == encoder_of(seeing)
    other = settings(sample, tmp_path, "simple", warm_start=str(seeing))
    with pytest.raises(BadInput, match=r"--model\.encoder simple: --fit\.warm-start .* sees"):
        train(other)


def test_a_night_adds_its_days_through_the_same_eyes(sample, seeing, tmp_path):
    days = sorted(Path(sample.examples).glob("day=*"))
    first = tmp_path / "first"
    first.mkdir()
    for day in days[:4]:
        shutil.copytree(day, first / day.name)
    began = settings(sample, tmp_path, "lite0+simple")
    began.data.examples = str(first)
    whole = train(began)
    night = settings(sample, tmp_path, "auto")
    night.increment = Increment(str(whole))
    added = train(night)
    assert encoder_of(added) == encoder_of(whole)
    kept = [KeptPosterior.read_from(Bundle.open(of).file(POSTERIOR)) for of in (whole, added)]
    assert kept[1].read.examples > kept[0].read.examples
    for one in kept:
        assert one.regression.group_of is not None
        groups = one.regression.group_of.unique()
        assert len(groups) > 3, "three of the eyes, and what all artworks have in common"
        assert one.regression.variance.shared.unique(dim=1).shape[1] == len(groups)


def test_a_model_of_ones_own_is_trained_with_and_served(sample, tmp_path):
    convolution(tmp_path)
    name = f"onnx:{declared(tmp_path, outputs=['embeds', 'maps'])}+simple"
    scorer = Scorer(train(settings(sample, tmp_path, name)))
    assert scorer.manifest.image == ImageFormat(32, 32)
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), np.uint8)
    assert scorer.embed(images).shape == (3, 5 + 10 + 14)
    (tmp_path / "own.yaml").unlink()
    assert Scorer(scorer.root).embed(images).shape == (3, 29), "all of it is in the bundle"


def test_a_network_that_learns_may_have_the_simple_numbers_beside_it(sample, tmp_path):
    scorer = Scorer(train(settings(sample, tmp_path, "cnn+simple")))
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 72, 128), np.uint8)
    assert scorer.embed(images).shape == (3, 384 + 35)
    assert (scorer.manifest.network or {})["groups"] == [["learnt", 384], ["simple", 35]]
    warm = settings(sample, tmp_path, "auto", warm_start=str(scorer.root))
    assert (Bundle.open(train(warm)).manifest.network or {})["encoder"] == "cnn+simple"


def test_numbers_of_the_catalogue_may_stand_beside_pixels(sample, tmp_path, capfd):
    catalogue = tmp_path / "catalogue"
    shutil.copytree(sample.catalogue, catalogue)
    given = np.random.default_rng(0).normal(5, 9, (ARTWORKS, 7)).astype(np.float32)
    np.save(catalogue / "embeddings.npy", given)
    both = settings(sample, tmp_path, "simple+features")
    both.data.catalogue = str(catalogue)
    scorer = Scorer(train(both))
    assert "an image alone cannot be judged" in capfd.readouterr().err
    assert scorer.widths == (14, 7)

    def vectors() -> np.ndarray:
        read = Catalogue.read(catalogue)
        return scored_artworks(scorer, read, read.artwork_ids, tmp_path / "cache").vectors

    before = vectors()
    np.save(catalogue / "embeddings.npy", given[::-1])
    assert np.abs(vectors() - before).max() > 1e-3
    with pytest.raises(BadInput, match="cannot judge an image alone"):
        refuse_pixels_alone(scorer)
    with pytest.raises(BadInput, match="reads more than pixels; train one on pixels alone"):
        quantise(scorer.root, catalogue, out=tmp_path / "small", cache=tmp_path / "cache")
    np.save(catalogue / "embeddings.npy", given[:, :3])
    with pytest.raises(BadInput, match=r"has 3 numbers an artwork, and bundle .* with 7"):
        vectors()
    (catalogue / "embeddings.npy").unlink()
    with pytest.raises(BadInput, match=r"simple\+features needs .*embeddings\.npy"):
        train(both)


def test_weights_that_are_not_the_known_ones_end_the_command_with_2(sample, tmp_path):
    known = PUBLISHED["lite0"]
    fake = tmp_path / "packages" / known.package
    (fake / known.file).parent.mkdir(parents=True)
    (fake / "__init__.py").write_text("raise SystemExit('it was imported')")
    (fake / known.file).write_bytes(b"other weights")
    words = ["--data.examples", sample.examples, "--data.catalogue", sample.catalogue]
    words += ["--data.cache", tmp_path / "cache", "--out", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, ROOT / "train.py", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{tmp_path / 'packages'}:{ROOT}"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert "SHA-256 begins" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
