"""A bundle is opened only if it is, to the byte, what was exported."""

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from bandit.head_policy import HeadPolicy
from data.bundle import Bundle, resolve
from data.bundle.manifest import Calibration, PublishedPolicy
from data.errors import BadInput
from data.features import FeatureSpec, context_features
from export.graphs.example_inputs import Probe, random_probe
from export.graphs.parity import ParityError
from tests.export.world import (
    SIZE,
    SPEC,
    day,
    make_bundle,
    make_facts,
    make_network,
    make_records,
    unpersonalised,
    variant,
)

ROOT = Path(__file__).parents[3]
FILES = {
    "encoder.onnx",
    "candidate.onnx",
    "context.onnx",
    "features.json",
    "unpersonalised.parquet",
    "weights.safetensors",
    "model_card.md",
}


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "copy")


def test_everything_that_serving_needs_is_in_it(bundle):
    opened = Bundle.open(bundle)
    manifest = opened.manifest
    assert set(manifest.files) == FILES
    assert bundle.name == opened.bundle_id
    assert opened.bundle_id.startswith("20260110-120000-")
    assert asdict(manifest.image) == {**SIZE, "fit": "whole", "canvas": "main"}
    assert manifest.policy == PublishedPolicy(HeadPolicy("thompson", 0.05), salt=7, heads=8)
    assert manifest.calibration == Calibration(bias=-2.0, temperature=1.0)
    assert manifest.metrics["validation_loss"] == 0.4
    assert manifest.metrics["parity_gap"] <= 1e-4
    spec = FeatureSpec.from_json(opened.file("features.json").read_text())
    assert spec == SPEC
    assert spec.fingerprint == manifest.feature_fingerprint
    shown = pq.ParquetFile(opened.file("unpersonalised.parquet")).read()
    assert shown["take"].to_pylist() == unpersonalised()["take"].to_pylist()
    card = opened.file("model_card.md").read_text()
    assert "validation_loss | 0.4" in card
    assert "## Limits" in card


def test_records_are_a_file_of_the_bundle_and_checked_like_the_others(tmp_path):
    made = make_bundle(tmp_path, encoder=False, records=make_records())
    opened = Bundle.open(made)
    assert set(opened.manifest.files) == FILES - {"encoder.onnx"} | {"records.parquet"}
    said = {"artworks": 15, "rank": 24, "draws": 7, "prior": 0.25, "prior_explored": 1.25}
    assert opened.manifest.records == said
    assert "records of 15 artworks" in opened.file("model_card.md").read_text()
    raw = bytearray((made / "records.parquet").read_bytes())
    raw[60] ^= 1
    (made / "records.parquet").write_bytes(raw)
    with pytest.raises(BadInput, match=r"records\.parquet is not what was exported"):
        Bundle.open(made)


def test_the_weights_make_the_network_again(bundle):
    again = make_network(seed=5)
    again.load_state_dict(load_file(Bundle.open(bundle).file("weights.safetensors")))
    facts = [torch.from_numpy(x) for x in context_features(SPEC, make_facts(4))]
    torch.testing.assert_close(again.eval().context(*facts), make_network().eval().context(*facts))


def test_the_network_stays_in_training(network, bundle):
    assert bundle.is_dir()
    assert all(part.training for part in network.modules())


def test_equal_content_has_one_id(bundle, tmp_path):
    assert variant(bundle, tmp_path).name == bundle.name
    assert variant(bundle, tmp_path) == tmp_path / bundle.name  # again: it is there
    assert variant(bundle, tmp_path, parent="another").name != bundle.name
    assert len([p for p in tmp_path.iterdir() if not p.name.startswith(".")]) == 2


def test_graphs_carry_no_paths_of_the_machine_that_exported_them(bundle):
    for file in bundle.glob("*.onnx"):
        assert str(ROOT).encode() not in file.read_bytes(), file.name
        assert b"stack_trace" not in file.read_bytes(), file.name


def test_a_graph_that_is_not_torch_is_not_exported(tmp_path):
    class Forgetful(torch.nn.Module):
        """Says something else when it is traced than when it is asked."""

        def forward(self, image):
            traced = torch.compiler.is_compiling()
            return image.float().mean((2, 3)).repeat(1, 6)[:, :16] + (1.0 if traced else 0.0)

    network = make_network()
    network.encoder = Forgetful()
    with pytest.raises(ParityError, match=r"encoder\.onnx: embedding is 0.0\d+ from torch"):
        make_bundle(tmp_path, network=network)
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]


def test_real_inputs_are_compared_too(tmp_path):
    context = context_features(SPEC, make_facts(6))
    network = make_network(encoder=False)
    _, candidates, _, embeddings = random_probe(
        SPEC, 6, 1, embedding=network.architecture.embedding
    )
    context.dense[2, 0] = float("nan")
    with pytest.raises(ParityError, match=r"context\.onnx: functionals is nan .* over 6 rows"):
        make_bundle(
            tmp_path,
            encoder=False,
            network=network,
            probes=[Probe(context, candidates, embeddings=embeddings)],
        )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image": None}, "image is None and the network has an encoder"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"records": make_records(heads=4)}, r"\(24, 3\); this network's are \(24, 7\)"),
        ({"unpersonalised": pa.table({"title_id": [1]})}, "artwork_id"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(tmp_path, changed, message):
    with pytest.raises((ValueError, KeyError), match=message):
        make_bundle(tmp_path, **changed)
    assert not list(tmp_path.glob("*"))


def rewrite(folder, **changed):
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest | changed))


def flip(folder):
    raw = bytearray((folder / "context.onnx").read_bytes())
    raw[100] ^= 1
    (folder / "context.onnx").write_bytes(raw)


def shorten(folder):
    os.truncate(folder / "encoder.onnx", 1000)


def link(folder):
    (folder / "context.onnx").rename(folder.parent / "context.onnx")
    (folder / "context.onnx").symlink_to(folder.parent / "context.onnx")


def escape(folder):
    rewrite(folder, files={"../evil": {"sha256": "0" * 64, "bytes": 1}})


REFUSED = {
    "a byte flipped": (flip, r"context\.onnx is not what was exported"),
    "cut off": (shorten, r"encoder\.onnx has 1000 bytes, the manifest says"),
    "a file gone": (lambda f: (f / "features.json").unlink(), r"features\.json is missing"),
    "a file more": (lambda f: (f / "more.bin").touch(), r"more\.bin is not in its manifest"),
    "a folder more": (lambda f: (f / "more").mkdir(), "more is not in its manifest"),
    "a link": (link, r"context\.onnx is a link"),
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "no bundle at"),
    "no JSON": (lambda f: (f / "manifest.json").write_text("{"), "is not JSON"),
    "a list": (lambda f: (f / "manifest.json").write_text("[]"), "is not a JSON object"),
    "too large": (
        lambda f: (f / "manifest.json").write_text('"' + "x" * (1 << 20) + '"'),
        "larger than 1048576 bytes",
    ),
    "another version": (lambda f: rewrite(f, schema_version=3), "schema_version 3, this code"),
    "policy changed": (
        lambda f: rewrite(f, policy={"kind": "thompson", "epsilon": 1.0, "salt": 7, "heads": 8}),
        "was changed after it was written",
    ),
    "id changed": (lambda f: rewrite(f, bundle_id="../../etc"), "was changed after"),
    "a field of another type": (lambda f: rewrite(f, policy=[]), r"policy is \[\]"),
    "a path": (escape, r"names a file '\.\./evil'"),
    "no hash": (lambda f: rewrite(f, files={"a": {"bytes": 1}}), "a needs sha256 and bytes"),
    "negative size": (
        lambda f: rewrite(f, files={"a": {"bytes": -1, "sha256": "0" * 64}}),
        "a needs sha256 and bytes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_was_not_exported_so_is_refused(copy, case):
    damage, message = REFUSED[case]
    damage(copy)
    with pytest.raises(BadInput, match=message):
        Bundle.open(copy)


def test_its_publication_may_lie_beside_it(copy):
    (copy / "publication.json").write_text(json.dumps({"previous": None}))
    assert Bundle.open(copy).root == copy


def test_only_named_files_are_given_out(bundle):
    opened = Bundle.open(bundle)
    for name in ("manifest.json", "../escape", "missing.onnx"):
        with pytest.raises(BadInput, match="has no"):
            opened.file(name)


def test_a_link_a_pointer_and_their_folder_lead_to_the_bundle(bundle, tmp_path):
    one = variant(bundle, tmp_path, created=day(3))
    assert resolve(one) == one
    with pytest.raises(BadInput, match=r"no bundle at .*train\.py publishes one"):
        resolve(tmp_path)
    (tmp_path / "current").symlink_to(one.name)
    assert resolve(tmp_path) == resolve(tmp_path / "current") == one
    (tmp_path / "current").unlink()
    (tmp_path / "current").write_text(one.name + "\n")
    assert resolve(tmp_path) == resolve(tmp_path / "current") == one
    (tmp_path / "current").write_text("../elsewhere")
    with pytest.raises(BadInput, match="names no bundle"):
        resolve(tmp_path)
