"""What is read of pictures is read alike in training and wherever artwork is scored."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
import torch

from bandit.head_policy import HeadPolicy
from data.bundle import Bundle
from data.catalogue import EMBEDDINGS, Catalogue
from data.errors import BadInput
from data.features import CAST_BUCKETS, candidate_features, context_features
from data.records import FACTS
from data.schema.schema import write_schema
from data.shown.read_outs import READ_OUTS, ReadOuts
from data.shown.with_shown import with_shown
from export.graphs.architecture import network_of
from export.graphs.bundle import write_bundle
from export.graphs.description import BundleDescription
from model.network.towers import Architecture, Marquee
from serve.scoring.artwork_vectors import refuse_no_numbers, scored_artworks
from serve.scoring.scorer import Scorer
from tests.data.shown.planted import SCHEMA, planted, specification

MET, NEW = planted(titles=30), planted(seed=1, titles=8, first=1000)
SPEC = specification(MET)
FITTED = ReadOuts.fit(MET.features, SPEC, *MET.tables)


@pytest.fixture(scope="module")
def network():
    made = Architecture(
        embedding=MET.features.shape[1],
        context=context_features(SPEC, pa.array([{}], FACTS)).dense.shape[1],
        title=candidate_features(SPEC, *MET.tables).dense.shape[1],
        genres=len(SPEC.genres),
        buckets=CAST_BUCKETS,
        declared=SPEC.declared.artwork_columns,
        shown=tuple(group.width for group in FITTED.groups),
    )
    torch.manual_seed(0)
    return Marquee(None, made).eval()


@pytest.fixture(scope="module")
def bundle(network, tmp_path_factory):
    count = len(MET.artworks)
    shows = {"title_id": MET.artworks["title_id"], "artwork_id": MET.artworks["artwork_id"]}
    described = BundleDescription(
        image=None,
        reward_name="take",
        head_policy=HeadPolicy("thompson", 0.05),
        salt=7,
        parent=None,
        metrics={},
        created=datetime(2026, 1, 10, tzinfo=UTC),
    )
    return write_bundle(
        network,
        SPEC,
        tmp_path_factory.mktemp("shown"),
        described,
        pa.table(shows | {"take": np.full(count, 0.1), "impressions": np.full(count, 100)}),
        read_outs=FITTED,
    )


@pytest.mark.parametrize("of", [MET, NEW], ids=["met", "never met"])
def test_a_bundle_scores_artwork_as_the_network_that_was_trained(bundle, network, of):
    features = candidate_features(SPEC, *of.tables)
    read = with_shown(features, FITTED.read(of.features, SPEC, *of.tables))
    with torch.inference_mode():
        want = network.candidate(*map(torch.from_numpy, (of.features, *read)))
    got = Scorer(bundle).artworks(of.features, *of.tables)
    np.testing.assert_allclose(got.vectors, want[0], atol=1e-4)
    np.testing.assert_allclose(got.appeals, want[1], atol=1e-4)
    blind = network_of(Bundle.open(bundle))
    assert blind.architecture == network.architecture
    with torch.inference_mode():
        unread = torch.from_numpy(read.dense.copy())
        unread[:, network.candidate.title :] = 0
        rest = map(torch.from_numpy, read[1:])
        moved = blind.candidate(torch.from_numpy(of.features), unread, *rest)
    assert np.abs(moved[0].numpy() - got.vectors).max() > 0.01
    np.testing.assert_allclose(moved[1], got.appeals, atol=1e-4)


def test_whatever_is_asked_for_an_artwork_is_scored_alike(bundle, tmp_path):
    write_schema(tmp_path, SCHEMA)
    Catalogue(tmp_path, *NEW.tables).write()
    np.save(tmp_path / EMBEDDINGS, NEW.features)
    catalogue, scorer = Catalogue.read(tmp_path), Scorer(bundle)
    ids = catalogue.artwork_ids
    whole = scored_artworks(scorer, catalogue, ids, tmp_path)
    for some in (ids[::-3], ids[4:5]):
        part = scored_artworks(scorer, catalogue, some, tmp_path)
        at = [ids.index(name) for name in some]
        np.testing.assert_allclose(part.vectors, whole.vectors[at], atol=1e-5)
        for own, all_names in zip(part.names.at(slice(None)).ids, whole.names.ids[at], strict=True):
            assert set(own) - {0} == set(all_names) - {0}
    everything = scorer.artworks(NEW.features, *NEW.tables)
    np.testing.assert_allclose(whole.vectors, everything.vectors, atol=1e-5)


def test_names_are_guessed_for_the_model_and_not_into_anybodys_data(bundle):
    before = NEW.artworks.to_pylist()
    got = Scorer(bundle).artworks(NEW.features, *NEW.tables)
    untagged = ~np.asarray(NEW.artworks["cast_shown"].is_valid())
    assert (np.abs(got.name_weights[untagged]).max(1) > 0.1).mean() > 0.9
    assert NEW.artworks.to_pylist() == before


def test_a_bundle_whose_read_outs_are_damaged_is_refused(bundle, tmp_path):
    file = tmp_path / READ_OUTS
    file.write_bytes((bundle / READ_OUTS).read_bytes()[:-100])
    with pytest.raises(BadInput, match="holds no read-outs"):
        ReadOuts.read_from(file)


def test_a_picture_of_which_the_encoder_says_no_number_is_named(bundle):
    seen = np.ones((3, 4), np.float32)
    refuse_no_numbers(Scorer(bundle), seen, ["a", "b", "c"])
    seen[1, 2] = np.nan
    with pytest.raises(BadInput, match="says no number of b, and of 1 of 3 pictures"):
        refuse_no_numbers(Scorer(bundle), seen, ["a", "b", "c"])
