"""Nights as a user runs them: examples grow by days, and the bundle that is live goes on."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data.bundle import Bundle
from data.catalogue import Catalogue
from model.increments.kept_posterior import POSTERIOR, KeptPosterior
from simulate.browsing.sample import SampleSettings, make_sample
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.true_attributes import artwork_attributes

ROOT = Path(__file__).parents[1]
DAYS = 6


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A catalogue with embeddings, and a live bundle that was trained in full on four days."""
    folder = tmp_path_factory.mktemp("nights")
    settings = SampleSettings(
        subjects=str(ROOT / "sample" / "artwork"),
        exclude_subjects=None,
        titles=4,
        artworks=3,
        members=60,
        days=DAYS,
        decisions_per_day=400,
        seed=1,
    )
    sample = make_sample(folder / "sample", settings)
    shutil.copytree(sample.catalogue, folder / "catalogue")
    shutil.copytree(sample.examples, folder / "every")
    ids = Catalogue.read(folder / "catalogue").artwork_ids
    attributes = artwork_attributes(CatalogueTruth.read(folder / "catalogue"), ids)
    np.save(folder / "catalogue" / "embeddings.npy", attributes)
    joined(folder, range(1, 5))
    done = night(folder)
    assert done.returncode == 0, done.stderr
    return folder


def joined(folder: Path, days: range) -> None:
    """Let the examples of these days be there."""
    for day in days:
        name = f"day=2026-01-0{day}"
        shutil.copytree(folder / "every" / name, folder / "examples" / name)


def night(folder: Path, *more: str) -> subprocess.CompletedProcess:
    given = ["--data.examples", folder / "examples", "--data.catalogue", folder / "catalogue"]
    out = ["--data.cache", folder / "cache", "--out", folder / "run"]
    bundles = ["--publish.bundles", folder / "bundles", "--publish.undecided", "publish"]
    quick = ["--model.encoder", "features", "--fit.passes", "1", "--model.heads.count", "4"]
    return subprocess.run(
        [str(part) for part in [sys.executable, "train.py", *given, *out, *bundles, *quick, *more]],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_a_night_adds_its_days_once_and_the_bundle_goes_live(place):
    current = place / "bundles" / "current"
    before = Bundle.open(current)
    read = KeptPosterior.read_from(before.file(POSTERIOR)).read
    joined(place, range(5, DAYS + 1))
    done = night(place, "--increment.of", str(current))
    assert done.returncode == 0, done.stderr
    for day in (4, 5):
        assert f"took in 2026-01-0{day}: " in done.stderr
    assert "took in 2026-01-06" not in done.stderr, "it is left to judge by"
    live = Bundle.open(current)
    assert live.manifest.parent == before.bundle_id
    assert live.manifest.metrics["read_through"] == "2026-01-06T00:00:00+00:00"
    kept = KeptPosterior.read_from(live.file(POSTERIOR)).read
    assert (kept.trained, kept.examples > read.examples) == (read.through, True)
    assert live.file("records.parquet").read_bytes() != before.file("records.parquet").read_bytes()

    there = sorted((place / "bundles").iterdir())
    again = night(place, "--increment.of", str(current))
    assert again.returncode == 2
    assert "the bundle has read everything before 2026-01-06" in again.stderr
    assert "Traceback" not in again.stderr
    assert sorted((place / "bundles").iterdir()) == there
