from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.learning.artwork import encoder_bundle, whole_stage
from bench.learning.artwork_features import ShownMatches
from bench.learning.learning import learning
from bench.learning.network_policy import NetworkPolicy, NetworkSettings
from bench.learning.settings import OURS, WHOLE_PEERS, make_policy
from bench.learning.stage import play
from data.errors import BadInput
from data.features import CAST_BUCKETS, candidate_features, context_features
from model.training.featurise import Preparation
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


def test_what_is_read_of_pictures_is_given_to_all_as_training_reads_it(catalogue):
    world = ArtworkWorld.read(catalogue, 50, 1)
    held = world.truth.catalogue
    rng = np.random.default_rng(0)
    seen = world.truth.themes_shown @ rng.normal(size=(world.truth.themes_shown.shape[1], 20))
    place = ArtworkRounds(world, seen, kept=0, groups=(("eye", 20),), reading=True)
    rows = np.arange(len(seen))
    whole, spec = place.whole, place._spec
    trained = Preparation(held, spec, seen.astype(np.float32), rows, 1).reading(20)
    given, theirs = whole.candidates(place.features), trained.candidates
    np.testing.assert_allclose(given.dense, theirs.dense, atol=1e-4)
    np.testing.assert_array_equal(given.cast_ids, theirs.cast_ids % CAST_BUCKETS)
    assert whole.matches == trained.matches
    stage = replace(whole_stage(catalogue, "", 1, ROUNDS), whole=whole, bank=place.features)
    network = NetworkPolicy(stage, 0, NetworkSettings(steps=3, passes=1))
    play(network, stage, 150, 0)
    assert network.trained is not None
    made = network.trained.network.architecture
    assert made.groups == (("eye", 20),)
    assert len(made.matches) == len(whole.matches) == 1
    assert trained.read_outs is not None
    assert sum(made.shown) == sum(group.width for group in trained.read_outs.groups)
    facts = whole.context(stage.sample()[:1]).dense[0]
    (of,) = whole.matches
    told = ShownMatches(stage, whole)(facts, rows[:5])[:, 0]
    true = given.dense[:5][:, list(of.artwork)] @ facts[list(of.member)]
    np.testing.assert_allclose(told / np.linalg.norm(told), true / np.linalg.norm(true), atol=1e-5)


def test_fewer_days_are_the_first_of_them_with_as_many_decisions_each(catalogue, stage):
    short = whole_stage(catalogue, "", 1, 200, days=2)
    assert short.per_day == ROUNDS // 14 == stage.per_day
    few = short.environment.rounds(200, np.random.default_rng(5))
    many = stage.environment.rounds(ROUNDS, np.random.default_rng(5))
    offered = set(few.candidates[few.valid].tolist())
    assert offered == set(many.candidates[:200][many.valid[:200]].tolist())
    assert offered < set(many.candidates[many.valid].tolist())  # the others arrive later
    with pytest.raises(BadInput, match=r"--days is 0; at least 1"):
        learning("artwork", days=0)


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
