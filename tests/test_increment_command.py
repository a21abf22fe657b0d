"""Nights as a user runs them: examples grow by days, and the bundle that is live goes on."""

import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.features import context_features
from model.heads.interface import DEFAULT_KIND, KINDS, Kind
from model.increments.kept_posterior import POSTERIOR, KeptPosterior
from model.increments.refit import goes_on
from model.training.settings import (
    Data,
    Fit,
    HeadOptions,
    Increment,
    Model,
    Publish,
    Settings,
)
from serve.scoring.artwork_vectors import scored_artworks
from serve.scoring.scorer import Scorer
from simulate.browsing.log import read_expected
from simulate.browsing.sample import SampleSettings, make_sample
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.true_attributes import artwork_attributes
from tests.export.world import make_bundle
from train import train

ROOT = Path(__file__).parents[1]
DAYS = 7


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A catalogue with embeddings, and a live bundle that was trained in full on four days."""
    folder = tmp_path_factory.mktemp("nights")
    browsed(folder, members=60, decisions=400)
    joined(folder, range(1, 5))
    night(folder)
    return folder


def browsed(folder: Path, members: int, decisions: int) -> None:
    """A catalogue with embeddings, days of examples, and the log with its truth."""
    settings = SampleSettings(
        subjects=str(ROOT / "sample" / "artwork"),
        exclude_subjects=None,
        titles=4,
        artworks=3,
        members=members,
        days=DAYS,
        decisions_per_day=decisions,
        seed=1,
    )
    sample = make_sample(folder / "sample", settings)
    shutil.copytree(sample.catalogue, folder / "catalogue")
    shutil.copytree(sample.examples, folder / "every")
    shutil.copytree(sample.log, folder / "log")
    ids = Catalogue.read(folder / "catalogue").artwork_ids
    attributes = artwork_attributes(CatalogueTruth.read(folder / "catalogue"), ids)
    np.save(folder / "catalogue" / "embeddings.npy", attributes)


def joined(folder: Path, days: range) -> None:
    """Let the examples of these days be there."""
    for day in days:
        name = f"day=2026-01-0{day}"
        shutil.copytree(folder / "every" / name, folder / "examples" / name)


def night(
    folder: Path, of: Path | None = None, refit_days: int | None = 7, kind: Kind = DEFAULT_KIND
) -> Path:
    return train(
        Settings(
            data=Data(
                examples=str(folder / "examples"),
                catalogue=str(folder / "catalogue"),
                cache=str(folder / "cache"),
            ),
            model=Model("features", heads=HeadOptions(kind, count=1 if kind == "point" else 4)),
            fit=Fit(passes=1, threads=1, progress=False),
            increment=Increment(None if of is None else str(of), refit_days),
            publish=Publish(str(folder / "bundles"), undecided="publish"),
            out=str(folder / "run"),
        )
    )


def test_a_night_adds_its_days_once_and_the_bundle_goes_live(place, capfd):
    current = place / "bundles" / "current"
    before = Bundle.open(current)
    read = KeptPosterior.read_from(before.file(POSTERIOR)).read
    joined(place, range(5, DAYS))
    written = night(place, current)
    said = capfd.readouterr().err
    for day in (4, 5):
        assert f"took in 2026-01-0{day}: " in said
    assert "took in 2026-01-06" not in said, "it is left to judge by"
    live = Bundle.open(current)
    assert live.root == written.resolve()
    assert live.manifest.parent == before.bundle_id
    assert live.manifest.metrics["read_through"] == "2026-01-06T00:00:00+00:00"
    kept = KeptPosterior.read_from(live.file(POSTERIOR)).read
    assert (kept.trained, kept.examples > read.examples) == (read.through, True)
    assert live.file("records.parquet").read_bytes() != before.file("records.parquet").read_bytes()

    there = sorted((place / "bundles").iterdir())
    with pytest.raises(BadInput, match="the bundle has read everything before 2026-01-06"):
        night(place, current)
    assert sorted((place / "bundles").iterdir()) == there

    joined(place, range(DAYS, DAYS + 1))
    night(place, current, refit_days=1)
    assert "training in full: 3 days have come since the last" in capfd.readouterr().err
    anew = Bundle.open(current).manifest.metrics
    assert anew["trained_through"] == anew["read_through"] == "2026-01-07T00:00:00+00:00"


def test_a_bundle_without_a_posterior_or_of_other_facts_is_trained_in_full(place, tmp_path):
    catalogue = Catalogue.read(place / "catalogue")
    bare = Bundle.open(make_bundle(tmp_path / "bundles"))
    assert "keeps no posterior" in str(goes_on(bare, Settings(), catalogue))
    live = Bundle.open(place / "bundles" / "current")
    shutil.copytree(place / "catalogue", tmp_path / "catalogue")
    (tmp_path / "catalogue" / "schema.yaml").write_text(
        "facts:\n  plan: {kind: category}\n", encoding="utf-8"
    )
    declared = Catalogue.read(tmp_path / "catalogue")
    assert "knows other facts than" in str(goes_on(live, Settings(), declared))


@pytest.fixture(scope="module")
def plenty(tmp_path_factory) -> Path:
    """The same with more members, so that a value is not all chance; no bundle yet."""
    folder = tmp_path_factory.mktemp("plenty")
    browsed(folder, members=300, decisions=2500)
    return folder


def exact_take(folder: Path, bundle: Path) -> float:
    """What greedy is worth by the truth, on the last day, which nobody learns from."""
    [file] = (folder / "every" / f"day=2026-01-0{DAYS}").glob("*.parquet")
    examples = pq.ParquetFile(file).read()
    log = read_expected(folder / "log")
    expected = dict(zip(*(column.to_pylist() for column in log.columns), strict=True))
    catalogue, scorer = Catalogue.read(folder / "catalogue"), Scorer(bundle)
    bank = scored_artworks(scorer, catalogue, catalogue.artwork_ids, folder / "cache")
    row = {name: at for at, name in enumerate(catalogue.artwork_ids)}
    facts = context_features(scorer.spec, examples["facts"].combine_chunks())
    scores = scorer.members(facts).mean().every_score(bank)[:, 0]
    takes = [
        expected[name][int(np.argmax([of[row[one]] for one in candidates]))]
        for of, name, candidates in zip(
            scores,
            examples["decision_id"].to_pylist(),
            examples["candidates"].to_pylist(),
            strict=True,
        )
    ]
    return float(np.mean(takes))


# About 4 s each.
@pytest.mark.parametrize("kind", sorted({*KINDS} - {DEFAULT_KIND}))
def test_a_night_of_heads_that_learn_by_gradients_reads_all_days_and_loses_nothing(
    plenty, tmp_path, kind, capfd
):
    folder = tmp_path / "night"
    folder.mkdir()
    for name in ("catalogue", "every", "log"):
        (folder / name).symlink_to(plenty / name)
    joined(folder, range(1, 5))
    before = night(folder, kind=kind)
    first = capfd.readouterr().err
    joined(folder, range(5, DAYS))
    after = night(folder, folder / "bundles" / "current", kind=kind)
    said = capfd.readouterr().err
    assert "no day can be added: bundle" in said
    assert "keeps no posterior" in said
    [few, all] = (re.findall(r"learning from ([\d,]+) examples", text) for text in (first, said))
    counts = [int(count.replace(",", "")) for count in (*few, *all)]
    assert counts[1] > 1.2 * counts[0], "all days are read, not the new ones alone"
    values = [exact_take(folder, one) for one in (before, after)]
    print(f"\n{kind}: {values[0]:.4f} without the night, {values[1]:.4f} with it")
    assert values[1] > 0.98 * values[0]
