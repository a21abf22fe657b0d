"""A bundle's scores: torch's numbers and choices without torch, or a refusal that says why."""

import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import onnx
import orjson
import pytest
import torch

from bandit.choice import choose, decision_seeds, profile_keys, uniforms
from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from bandit.thompson import thompson_probabilities
from data.bundle import content_hash, entry
from data.catalogue import Catalogue
from data.days import day_number
from data.errors import BadInput
from data.features import CAST_BUCKETS, candidate_features, context_features
from serve.live.load_model import load_live
from serve.maps.layout import Layout
from serve.scoring.artwork_vectors import scored_artworks
from serve.scoring.scorer import Scorer
from tests.export.world import (
    ARTWORKS_TABLE,
    SIZE,
    SPEC,
    TITLES_TABLE,
    make_bundle,
    make_facts,
    make_images,
    make_network,
    make_records,
    scores_in_torch,
)

ARTWORKS = len(ARTWORKS_TABLE)
IMAGES = make_images(ARTWORKS, seed=3)
TITLES, EACH = 5, 4
MEMBERS = 2000
DECISIONS = MEMBERS * TITLES
EPSILON = 0.05


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("scorer"))


@pytest.fixture(scope="module")
def scorer(bundle):
    return Scorer(bundle)


@pytest.fixture(scope="module")
def without_pixels(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("embeddings"), encoder=False)


@pytest.fixture(scope="module")
def in_torch():
    """The network's own word on every member and artwork."""
    network = make_network().eval()
    context = context_features(SPEC, make_facts(MEMBERS, seed=5))
    candidates = candidate_features(SPEC, TITLES_TABLE, ARTWORKS_TABLE)
    with torch.inference_mode():
        embeddings = network.encoder(torch.from_numpy(IMAGES)).numpy()
    return context, embeddings, *scores_in_torch(network, context, candidates, embeddings)


def spread(column, titles=TITLES):
    """Each member's row once for every title."""
    return np.repeat(column, titles, axis=0)


def pools(artworks):
    """Artworks as each decision's candidates."""
    return artworks.at(np.tile(np.arange(ARTWORKS).reshape(TITLES, EACH), (MEMBERS, 1)))


def chosen(scores):
    keys = np.repeat(profile_keys([f"member-{i}" for i in range(MEMBERS)]), TITLES)
    titles = np.tile(np.arange(10, 10 + TITLES), MEMBERS)
    valid = np.ones(scores[:, 0].shape, bool)
    probabilities = thompson_probabilities(scores, valid, EPSILON)
    return choose(probabilities, uniforms(decision_seeds(keys, titles, 9, 7))), probabilities


def test_ten_thousand_choices_are_those_of_torch(scorer, in_torch):
    context, _, logits, _ = in_torch
    want = logits.reshape(MEMBERS, -1, TITLES, EACH).swapaxes(1, 2).reshape(DECISIONS, -1, EACH)
    artworks = scorer.artworks(scorer.embed(IMAGES), TITLES_TABLE, ARTWORKS_TABLE)
    features = type(context)(*map(spread, context))
    got = scorer.members(features).scores(pools(artworks))
    np.testing.assert_allclose(got, want, atol=1e-4)
    choice, probabilities = chosen(got)
    wanted, chances = chosen(want)
    assert (choice == wanted).all()
    np.testing.assert_array_equal(probabilities, chances)
    assert len(np.unique(choice)) == EACH


def test_functionals_times_vectors_and_matches_of_names_are_the_scores(scorer, in_torch):
    context, _, logits, _ = in_torch
    artworks = scorer.artworks(scorer.embed(IMAGES), TITLES_TABLE, ARTWORKS_TABLE)
    members = scorer.members(context)
    np.testing.assert_allclose(members.every_score(artworks), logits, atol=1e-4)
    products = scorer.functionals(context) @ artworks.vectors.T
    match = logits - products
    np.testing.assert_allclose(match, match[:, :1].repeat(products.shape[1], 1), atol=1e-4)
    assert np.abs(match).max() > 0.3


def test_takes_are_the_mean_of_the_heads(scorer, in_torch):
    context, _, _, takes = in_torch
    embeddings = scorer.embed(IMAGES)
    artworks = scorer.artworks(embeddings, TITLES_TABLE, ARTWORKS_TABLE)
    appeals = scorer.appeals(TITLES_TABLE, ARTWORKS_TABLE)
    np.testing.assert_allclose(appeals, artworks.appeals, atol=1e-6)
    members = scorer.members(context)
    got = scorer.takes(members, artworks.at(np.tile(np.arange(ARTWORKS), (MEMBERS, 1))))
    np.testing.assert_allclose(got, takes, atol=1e-5)
    assert (got > 0).all()
    assert (got < 1).all()


def test_artwork_is_scored_with_its_own_record_and_new_artwork_by_its_looks(tmp_path, in_torch):
    context, embeddings, logits, _ = in_torch
    records = make_records(known=15)
    scorer = Scorer(make_bundle(tmp_path, records=records))
    candidates = candidate_features(SPEC, TITLES_TABLE, ARTWORKS_TABLE)
    want, _ = scores_in_torch(make_network().eval(), context, candidates, embeddings, records)
    said = scorer.artworks(embeddings, TITLES_TABLE, ARTWORKS_TABLE)
    got = said.vectors
    np.testing.assert_allclose(scorer.members(context).every_score(said), want, atol=1e-4)
    heads = want - logits
    assert np.abs(heads.mean(1)[:, :15]).max(0).min() > 0.01
    np.testing.assert_allclose(heads.mean(1)[:, 15:], 0, atol=1e-5)
    np.testing.assert_allclose(heads.std(1)[:, 15:], 1.25 * 0.25, atol=1e-4)
    # Records go by id, whatever else a catalogue holds and in whichever order.
    back = scorer.vectors(embeddings[::-1], TITLES_TABLE, ARTWORKS_TABLE[::-1])
    np.testing.assert_allclose(back[::-1], got, atol=1e-5)


def test_records_that_are_not_as_the_manifest_says_are_refused(tmp_path):
    bundle = make_bundle(tmp_path / "made", encoder=False, records=make_records())
    copy = shutil.copytree(bundle, tmp_path / "copy")
    make_records(known=14).write(copy / "records.parquet")
    with pytest.raises(BadInput, match="14 artworks, the manifest says 15"):
        Scorer(resealed(bundle, copy))


def test_a_masked_candidate_is_never_shown(scorer, in_torch):
    context, embeddings, _, _ = in_torch
    mask = np.random.default_rng(0).random((MEMBERS, EACH)) < 0.5
    mask[:, 2] = True
    policy = HeadPolicy("thompson", EPSILON)
    artworks = pools(scorer.artworks(embeddings, TITLES_TABLE, ARTWORKS_TABLE))
    scores = scorer.members(context).scores(artworks.at(slice(0, MEMBERS)))
    got = score_probabilities(scores, mask, policy)
    assert (got[~mask] == 0).all()
    assert (got[mask] > 0).all()
    np.testing.assert_allclose(got.sum(1), 1)


def test_images_are_embedded_alike_in_any_company(scorer, in_torch):
    embeddings = in_torch[1]
    many = np.tile(IMAGES, (5, 1, 1, 1))
    np.testing.assert_allclose(scorer.embed(many)[-ARTWORKS:], embeddings, atol=1e-4)
    np.testing.assert_allclose(scorer.embed(IMAGES[3:4])[0], embeddings[3], atol=1e-4)
    assert scorer.embed(IMAGES[:0]).shape == (0, embeddings.shape[1])


@pytest.mark.parametrize(
    "images",
    [
        IMAGES.astype(np.float32),
        IMAGES[:, :, :10],
        IMAGES[0],
        IMAGES.swapaxes(2, 3),
    ],
    ids=["float", "lower", "no batch", "upright"],
)
def test_images_of_another_shape_are_refused(scorer, images):
    with pytest.raises(BadInput, match=rf"uint8\[images, 3, {SIZE['height']}, {SIZE['width']}\]"):
        scorer.embed(images)


def test_a_bundle_without_pixels_scores_embeddings(without_pixels):
    scorer = Scorer(without_pixels)
    network = make_network(encoder=False).eval()
    embeddings = np.random.default_rng(0).normal(size=(ARTWORKS, 16)).astype(np.float32)
    features = candidate_features(SPEC, TITLES_TABLE, ARTWORKS_TABLE)
    with torch.inference_mode():
        want, *_ = network.candidate(torch.from_numpy(embeddings), *map(torch.from_numpy, features))
    got = scorer.vectors(embeddings, TITLES_TABLE, ARTWORKS_TABLE)
    np.testing.assert_allclose(got, want.numpy(), atol=1e-4)
    assert scorer.manifest.image is None
    with pytest.raises(BadInput, match=r"embeddings\.npy"):
        scorer.embed(IMAGES)


def test_embeddings_of_another_width_are_refused(without_pixels):
    with pytest.raises(BadInput, match=r"takes \[20, 16\]"):
        Scorer(without_pixels).vectors(
            np.zeros((ARTWORKS, 5), np.float32), TITLES_TABLE, ARTWORKS_TABLE
        )


def test_vectors_of_a_catalogue_without_pixels_come_from_its_embeddings(without_pixels, tmp_path):
    scorer = Scorer(without_pixels)
    catalogue = Catalogue(tmp_path, TITLES_TABLE, ARTWORKS_TABLE)
    catalogue.write()
    layout = Layout.of_catalogue(TITLES_TABLE, ARTWORKS_TABLE, day_number(date(2026, 1, 9)))
    with pytest.raises(BadInput, match=r"has no embeddings\.npy"):
        scored_artworks(scorer, Catalogue.read(tmp_path), layout.artwork_ids, tmp_path)
    embeddings = np.random.default_rng(0).normal(size=(ARTWORKS, 16)).astype(np.float32)
    np.save(tmp_path / "embeddings.npy", embeddings)
    got = scored_artworks(scorer, Catalogue.read(tmp_path), layout.artwork_ids, tmp_path)
    want = scorer.artworks(embeddings, TITLES_TABLE, ARTWORKS_TABLE)
    rows = [ARTWORKS_TABLE["artwork_id"].to_pylist().index(name) for name in layout.artwork_ids]
    for mine, theirs in zip(got, want.at(rows), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)


def test_a_live_model_is_loaded_without_pixels(without_pixels, tmp_path):
    Catalogue(tmp_path, TITLES_TABLE, ARTWORKS_TABLE).write()
    np.save(tmp_path / "embeddings.npy", np.zeros((ARTWORKS, 16), np.float32))
    model = load_live(without_pixels, tmp_path, tmp_path, date(2026, 1, 9))
    assert model.policy.bundle == without_pixels.name
    assert model.images is not None
    with pytest.raises(BadInput, match="has no image encoder"):
        _ = model.images.format


def resealed(bundle, folder, **changed):
    """A copy whose manifest is true again after files or fields were changed."""
    manifest = orjson.loads((bundle / "manifest.json").read_bytes()) | changed
    manifest["files"] = {name: entry(folder / name) for name in manifest["files"]}
    manifest["bundle_id"] = f"resealed-{content_hash(manifest)}"
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder


def test_features_that_the_model_was_not_trained_on_are_refused(bundle, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    spec = orjson.loads((copy / "features.json").read_bytes())
    (copy / "features.json").write_bytes(orjson.dumps(spec | {"genres": ["birds"]}))
    with pytest.raises(BadInput, match="train again"):
        Scorer(resealed(bundle, copy))


def test_a_bundle_with_a_graph_that_nothing_asks_is_served(bundle, tmp_path, in_torch):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    # Bundles of before have one of the product, too.
    shutil.copyfile(copy / "context.onnx", copy / "scorer.onnx")
    files = [file.name for file in copy.iterdir() if file.name != "manifest.json"]
    older = Scorer(resealed(bundle, copy, files=files))
    got = older.functionals(in_torch[0])
    np.testing.assert_array_equal(got, Scorer(bundle).functionals(in_torch[0]))


def test_a_bundle_of_before_names_met_by_equality_is_served_by_its_products(
    bundle, tmp_path, in_torch
):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    for name, more in (("context.onnx", "watched"), ("candidate.onnx", "named")):
        graph = onnx.load(copy / name)
        kept = [output for output in graph.graph.output if output.name != more]
        del graph.graph.output[:]
        graph.graph.output.extend(kept)
        onnx.save(graph, copy / name)
    spec = replace(SPEC, exact_names=False)
    (copy / "features.json").write_text(spec.to_json())
    older = resealed(bundle, copy, schema_version=1, feature_fingerprint=spec.fingerprint)
    scorer = Scorer(older)
    features = context_features(scorer.spec, make_facts(3))
    assert features.cast_ids.max() < CAST_BUCKETS  # its tables have no other rows
    members = scorer.members(features)
    artworks = scorer.artworks(in_torch[1], TITLES_TABLE, ARTWORKS_TABLE)
    assert not members.names.ids.size
    assert not artworks.names.ids.size
    products = members.functionals @ artworks.vectors.T
    np.testing.assert_array_equal(members.every_score(artworks), products)
    own = artworks.at(np.array([[3, 1], [0, 2], [4, 4]]))
    np.testing.assert_allclose(members.scores(own)[1, :, 1], products[1, :, 2], atol=1e-5)


def test_a_graph_that_does_not_run_is_refused(bundle, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    (copy / "context.onnx").write_bytes(b"\x08\x07not a graph")
    with pytest.raises(BadInput, match=r"context\.onnx is no graph"):
        Scorer(resealed(bundle, copy))


def test_a_changed_byte_is_found_before_anything_is_opened(bundle, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "copy")
    raw = bytearray((copy / "context.onnx").read_bytes())
    raw[len(raw) // 2] ^= 1
    (copy / "context.onnx").write_bytes(raw)
    spec = (copy / "features.json").read_bytes()
    (copy / "features.json").write_bytes(b"opened too early".ljust(len(spec)))
    with pytest.raises(BadInput, match="SHA-256 differs"):
        Scorer(copy)


def test_to_judge_heads_differ_by_all_that_is_not_known_of_artworks(tmp_path):
    records = replace(make_records(), explored=np.full(15, 0.5), prior_explored=0.5)
    folder = make_bundle(tmp_path, encoder=False, records=records)
    embeddings = np.zeros((ARTWORKS, 16), np.float32)
    vectors = [
        Scorer(folder, judging=judging).vectors(embeddings, TITLES_TABLE, ARTWORKS_TABLE)
        for judging in (False, True)
    ]
    doubts = slice(-records.draws, None)
    assert vectors[0][:, doubts].any(1).all()
    np.testing.assert_allclose(vectors[1][:, doubts], 2 * vectors[0][:, doubts], rtol=1e-5)
    np.testing.assert_array_equal(vectors[1][:, : -records.draws], vectors[0][:, : -records.draws])
