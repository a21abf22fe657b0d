from pathlib import Path

import numpy as np
import pytest

from bench.learning.artwork import encoder_bundle, whole_stage
from bench.learning.network_policy import NetworkPolicy, NetworkSettings
from bench.learning.settings import OURS, WHOLE_PEERS, make_policy
from bench.learning.stage import play
from data.errors import BadInput
from data.features import candidate_features, context_features
from simulate.posters.subjects import Subjects
from simulate.testbeds.artwork_rounds import ArtworkRounds
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue

ROOT = Path(__file__).parents[3]
ROUNDS = 1400


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "catalogue"
    subjects = Subjects.read(ROOT / "sample" / "artwork")
    write_catalogue(
        subjects, 8, 4, seed=3, out=out, arrivals=0.6, rendering=Rendering(width=64, workers=1)
    )
    return out


@pytest.fixture(scope="module")
def stage(catalogue):
    return whole_stage(catalogue, "", 1, ROUNDS)


def test_rows_hold_all_that_the_towers_read(catalogue):
    world = ArtworkWorld.read(catalogue, 50, 1)
    place = ArtworkRounds(world, np.random.default_rng(0).normal(size=(32, 20)), kept=0)
    titles, artworks = world.truth.catalogue.titles, world.truth.catalogue.artworks
    given = candidate_features(place._spec, titles, artworks)
    for mine, theirs in zip(place.whole.candidates(place.features), given, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_allclose(place.whole.pixels(place.features), place.embedding, rtol=1e-6)
    facts = context_features(place._spec, world.members.facts)
    rows = np.concatenate(facts, 1).astype(np.float32)
    for mine, theirs in zip(place.whole.context(rows), facts, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert place.rounds(30, np.random.default_rng(0)).contexts.shape == (30, rows.shape[1])


@pytest.mark.parametrize("name", [*OURS["whole"], *WHOLE_PEERS])
def test_each_policy_gives_probabilities_of_valid_candidates_and_plays_again_alike(stage, name):
    if name.startswith("vw_"):
        pytest.importorskip("vowpalwabbit")
    if name == "bayesianbandits":
        pytest.importorskip("bayesianbandits")
    setting = {**(OURS["whole"] | WHOLE_PEERS)[name][0]}
    if name in OURS["whole"]:
        setting |= {"steps": 3, "passes": 1}
    # It inverts a matrix of 1,125 rows after every batch.
    count = 40 if name == "bayesianbandits" else 250
    first = make_policy(name, stage, setting, 5)
    regret, _, _ = play(first, stage, count, 5)
    again, _, _ = play(make_policy(name, stage, setting, 5), stage, count, 5)
    assert regret == again
    view = stage.view(stage.environment.rounds(60, np.random.default_rng(9)))
    for row in range(0, 60, 20):
        one = type(view)(*(p if p is view.bank else p[row : row + 1] for p in view))
        p = first.probabilities(one)
        np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
        assert (p[~one.valid] == 0).all()


def test_artwork_that_arrives_is_explored_by_thompson_sampling_and_not_by_point(stage):
    view = stage.view(stage.environment.rounds(400, np.random.default_rng(3)))
    sure = {}
    for kind in ("neural_linear", "point"):
        policy = make_policy(kind, stage, {"posterior_scale": 1.0, "steps": 3}, 0)
        play(policy, stage, 300, 1)
        sure[kind] = (policy.probabilities(view).max(1) > 0.999).mean()
    assert sure["point"] == 1
    assert sure["neural_linear"] < 0.7


def test_the_network_is_trained_again_as_the_log_grows_and_at_the_latest_after_a_day(stage):
    settings = NetworkSettings(kind="point", steps=1, passes=1, retrain=100.0)
    policy = NetworkPolicy(stage, 0, settings)
    play(policy, stage, 450, 1)
    assert policy.trainings == 4


def test_a_missing_encoder_is_named_with_what_to_do(tmp_path):
    with pytest.raises(BadInput, match=r"encoder\.onnx is missing.*--looks raw"):
        encoder_bundle(tmp_path)
