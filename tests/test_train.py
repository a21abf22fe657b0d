"""Training as a user runs it: a command, examples and a catalogue in, a published bundle out.

A new interpreter takes as long to import torch as such a training takes: two tests start one.
"""

import io
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data.artwork_effects import RECORDS
from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.format import ImageFormat
from data.records import IMAGES
from model.training.settings import Data, Model, Publish, Settings
from serve.scoring.scorer import Scorer
from simulate.browsing.sample import SampleFolders, SampleSettings, make_sample
from train import command, train

ROOT = Path(__file__).parents[1]
QUICK = [
    "--fit.epochs",
    "1",
    "--fit.visits",
    "1",
    "--fit.validate_every",
    "1",
    "--fit.passes",
    "1",
    "--model.heads.count",
    "4",
    "--fit.threads",
    "1",
    "--model.encoder",
    "cnn",
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> SampleFolders:
    settings = SampleSettings(
        subjects=str(ROOT / "sample" / "artwork"),
        exclude_subjects=str(ROOT / "sample" / "held_out.txt"),
        titles=5,
        artworks=4,
        members=60,
        days=4,
        decisions_per_day=400,
        seed=1,
    )
    return make_sample(tmp_path_factory.mktemp("sample"), settings)


def run(
    folder: Path, examples: Path, catalogue: Path, *more: str, anew: bool = False
) -> subprocess.CompletedProcess:
    """Train; `anew` in an interpreter of its own."""
    given = ["--data.examples", examples, "--data.catalogue", catalogue]
    out = ["--data.cache", folder / "cache", "--out", folder / "run"]
    bundles = ["--publish.bundles", folder / "bundles"]
    words = [str(part) for part in (*given, *out, *bundles, *QUICK, *more)]
    if not anew:
        code, printed, said = 0, io.StringIO(), io.StringIO()
        with redirect_stdout(printed), redirect_stderr(said):
            try:
                command(words)
            except SystemExit as ended:
                code = ended.code
        return subprocess.CompletedProcess(words, code, printed.getvalue(), said.getvalue())
    return subprocess.run(
        [sys.executable, ROOT / "train.py", *words],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


INTERVAL = re.compile(r"(-?[\d.]+) +(-?[\d.]+) +… +(-?[\d.]+)")


def policy_table(printed: str) -> dict[str, dict[str, list[float]]]:
    """Policy → estimator → value and interval, as training prints them."""
    lines = [re.split(r" *[│┃] *", line.strip()) for line in printed.splitlines()]
    header = next(cells for cells in lines if "policy" in cells)
    rows: list[list[str]] = []
    for cells in lines[lines.index(header) + 1 :]:
        if len(cells) != len(header):
            continue
        if cells[1]:
            rows.append(cells)
        else:  # a cell that was too wide goes on in the next line
            rows[-1] = [f"{one} {more}" for one, more in zip(rows[-1], cells, strict=True)]
    values = {}
    for _, policy, *cells, _ in rows:
        estimates = map(INTERVAL.search, cells)
        values[policy.strip()] = {
            name: [float(number) for number in estimate.groups()]
            for name, estimate in zip(header[2:-1], estimates, strict=True)
            if estimate is not None
        }
    return values


def logged_mean(printed: str) -> float:
    """The reward that the table's title names."""
    title = re.search(r"held-out examples, from \S+ on; as shown they earned ([\d.]+)", printed)
    assert title is not None
    return float(title[1])


@pytest.mark.parametrize("kind", ["bootstrap", "hierarchical"])
def test_training_ends_with_values_of_every_policy_and_a_live_bundle(tmp_path, sample, kind):
    done = run(
        tmp_path,
        sample.examples,
        sample.catalogue,
        "--model.heads.kind",
        kind,
        anew=kind == "bootstrap",
    )
    assert done.returncode == 0, done.stderr
    values = policy_table(done.stderr)
    assert list(values) == ["random", "bundle-table", "greedy", "thompson"]
    for policy, estimates in values.items():
        assert {"snips", "dr"} <= estimates.keys(), policy
        for value, low, high in estimates.values():
            assert low <= value <= high, policy
    # The log was made at random: its own mean reward is what "random" earned.
    assert values["random"]["snips"][0] == pytest.approx(logged_mean(done.stderr), abs=2e-4)
    live = Bundle.open(tmp_path / "bundles" / "current")
    assert live.root == Path(done.stdout.strip().splitlines()[-1]).resolve()
    scorer = Scorer(live.root)
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 72, 128), dtype=np.uint8)
    assert np.isfinite(scorer.embed(images)).all()
    assert (tmp_path / "run" / "curves" / "towers" / "metrics.csv").is_file()


def test_more_examples_than_a_buffer_holds_are_learnt_from_in_parts(tmp_path, sample):
    more = ["--fit.buffer", "300", "--data.held_out", "120"]
    kind = ["--model.heads.kind", "neural_linear", "--fit.importance_clip", "3"]
    done = run(tmp_path, sample.examples, sample.catalogue, *more, *kind)
    assert done.returncode == 0, done.stderr
    assert "on 120 held-out examples" in done.stderr
    assert Bundle.open(tmp_path / "bundles" / "current")
    learnt = re.search(r"learning from ([\d,]+) examples", done.stderr)
    assert learnt is not None
    assert int(learnt[1].replace(",", "")) > 900


def test_a_bundle_told_the_truth_never_goes_live(tmp_path, sample):
    done = run(tmp_path, sample.examples, sample.catalogue, "--model.encoder", "attributes")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "bundles" / "current").exists()
    assert Bundle.open(done.stdout.strip().splitlines()[-1]).manifest.image is None


def spoilt(column: str, row: int, value: object):
    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = values[row - 1] if value == "the one before" else value
        at = table.schema.get_field_index(column)
        return table.set_column(at, table.schema.field(at), pa.array(values, table[column].type))

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (spoilt("propensity", 7, 0.0), "propensity"),
        (spoilt("propensity", 7, float("nan")), "propensity"),
        (spoilt("propensity", 7, 1.5), "propensity"),
        (spoilt("action", 7, "nobody-has-this"), "nobody-has-this"),
        (spoilt("candidates", 7, ["10000000-0"]), "candidates"),
        (spoilt("decision_id", 7, "the one before"), "decision_id"),
    ],
)
def test_a_log_that_cannot_be_true_is_refused_by_file_and_row(tmp_path, sample, change, said):
    folder = spoil(sample, tmp_path, change)
    cache = sample.catalogue.parent / "cache"  # each reads the same pictures
    settings = Settings(
        data=Data(examples=str(folder), catalogue=str(sample.catalogue), cache=str(cache)),
        model=Model("cnn"),
        publish=Publish(bundles=str(tmp_path / "bundles")),
        out=str(tmp_path / "run"),
    )
    with pytest.raises(BadInput) as refused:
        train(settings)
    for part in ("bad.parquet", "row 7", said):
        assert part in str(refused.value)
    assert not (tmp_path / "bundles").exists()
    assert not (tmp_path / "run").exists()


def test_the_command_refuses_a_bad_log_with_exit_code_2(tmp_path, sample):
    folder = spoil(sample, tmp_path, spoilt("propensity", 7, 0.0))
    done = run(tmp_path, folder, sample.catalogue, anew=True)
    assert done.returncode == 2
    assert "row 7" in done.stderr
    assert "Traceback" not in done.stderr


def spoil(sample: SampleFolders, tmp_path: Path, change) -> Path:
    folder = tmp_path / "examples"
    folder.mkdir()
    pq.write_table(change(ds.dataset(sample.examples).to_table()), folder / "bad.parquet")
    return folder


@pytest.fixture
def torn_image(sample, tmp_path) -> tuple[Path, str]:
    """A copy of the catalogue of which one image breaks off, and the artwork that it is of."""
    catalogue = tmp_path / "catalogue"
    shutil.copytree(sample.catalogue, catalogue)
    shown = pc.value_counts(ds.dataset(sample.examples).to_table()["action"]).to_pylist()
    name = max(shown, key=lambda one: one["counts"])["values"]
    image = Catalogue.read(catalogue).image_path(name)
    image.write_bytes(image.read_bytes()[:100])
    return catalogue, name


def test_a_bad_image_costs_its_artwork_alone(tmp_path, sample, torn_image):
    catalogue, name = torn_image
    examples = ds.dataset(sample.examples).to_table()
    showed = pc.sum(pc.equal(examples["action"], name)).as_py()
    done = run(tmp_path, sample.examples, catalogue, "--fit.buffer", "300")
    assert done.returncode == 0, done.stderr
    live = Bundle.open(tmp_path / "bundles" / "current")
    assert f"left out: artwork {name}: " in done.stderr
    assert "left out: 1 artwork in all" in done.stderr
    said = re.search(r"left out: ([\d,]+) examples that showed one of these", done.stderr)
    assert said is not None
    assert 0 < int(said[1]) < showed, "those held out are judged by, and left out there"
    assert f"offering {name}, whose image cannot be had" in done.stderr
    table = pq.read_table(live.file("unpersonalised.parquet"))
    impressions = {row["artwork_id"]: row["impressions"] for row in table.to_pylist()}
    assert impressions.pop(name) == 0
    assert sum(impressions.values()) > 0
    assert name not in pq.read_table(live.file(RECORDS))["artwork_id"].to_pylist()
    card = live.file("model_card.md").read_text()
    assert "| artworks | 19 |" in card
    assert "| artworks_left_out | 1 |" in card


def test_a_catalogue_without_a_whole_image_is_refused(tmp_path, sample, torn_image):
    catalogue, _ = torn_image
    for path in pq.read_table(catalogue / "artworks.parquet")["path"].to_pylist():
        (catalogue / path).write_bytes(b"torn")
    settings = Settings(
        data=Data(
            examples=str(sample.examples), catalogue=str(catalogue), cache=str(tmp_path / "c")
        ),
        publish=Publish(bundles=str(tmp_path / "bundles")),
        out=str(tmp_path / "run"),
    )
    with pytest.raises(BadInput, match="20 of 20 images"):
        train(settings)
    assert not (tmp_path / "bundles").exists()


def test_a_catalogue_of_several_canvases_needs_no_option(tmp_path, sample):
    """Portraits of all but one artwork, tiles of half: the canvas is chosen, said and kept."""
    catalogue = tmp_path / "catalogue"
    shutil.copytree(sample.catalogue, catalogue)
    table = pq.read_table(catalogue / "artworks.parquet")
    rows = []
    for at, (name, path) in enumerate(
        zip(table["artwork_id"].to_pylist(), table["path"].to_pylist(), strict=True)
    ):
        if at % 2 == 0:
            rows.append({"artwork_id": name, "canvas": "tile", "path": path})
        if at:
            tall = f"images/{at}-tall.png"
            with Image.open(catalogue / path) as picture:
                picture.convert("RGB").resize((60, 90)).save(catalogue / tall)
            rows.append({"artwork_id": name, "canvas": "portrait", "path": tall})
    pq.write_table(pa.Table.from_pylist(rows, IMAGES), catalogue / "images.parquet")
    pq.write_table(table.drop_columns(["path"]), catalogue / "artworks.parquet")
    done = run(tmp_path, sample.examples, catalogue)
    assert done.returncode == 0, done.stderr
    assert "reading whole pictures of canvas portrait as 80 × 120 pixels" in done.stderr
    assert "1 artwork without a picture of canvas portrait is read as another" in done.stderr
    live = Bundle.open(tmp_path / "bundles" / "current")
    assert live.manifest.image == ImageFormat(120, 80, "whole", "portrait")
    card = live.file("model_card.md").read_text()
    assert "of canvas `portrait`" in card
    assert "| artworks_of_other_canvas | 1 |" in card
    start = ("--fit.warm-start", str(live.root))
    refused = run(tmp_path, sample.examples, catalogue, "--data.canvas", "tile", *start)
    assert refused.returncode == 2
    assert f"--data.canvas tile: --fit.warm-start {live.root} reads 80 × 120" in refused.stderr
