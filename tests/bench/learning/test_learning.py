import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.learning.learning import learning
from bench.learning.settings import OURS, make_policy, policies_of, settings_of
from bench.learning.stage import play, wheel_stage
from data.errors import BadInput
from simulate.posters.subjects import Subjects
from simulate.testbeds.artwork_rounds import ArtworkRounds
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue

ROOT = Path(__file__).parents[3]


class Recorder:
    """Chooses at random and keeps what it is told."""

    def __init__(self, size):
        self.size, self.told, self.rows = size, [], 0

    def batch(self):
        return self.size

    def probabilities(self, view):
        return view.valid / view.valid.sum(1, keepdims=True)

    def learn(self, view, actions, propensities, rewards):
        assert len(view.contexts) == len(actions) == len(rewards)
        np.testing.assert_allclose(propensities, 0.2)
        self.told.append(rewards)


def test_chance_has_the_regret_of_chance():
    regret, uniform, tenths = play(Recorder(70), wheel_stage(0.7, "raw"), 1000, 3)
    assert regret == pytest.approx(uniform)
    assert tenths.sum() == pytest.approx(regret)


def test_every_policy_meets_the_same_rounds_whatever_its_batches():
    stage = wheel_stage(0.7, "raw")
    one, other = Recorder(10), Recorder(250)
    play(one, stage, 1000, 3)
    play(other, stage, 1000, 3)
    first, second = np.concatenate(one.told), np.concatenate(other.told)
    np.testing.assert_allclose(first, second)


def test_delayed_rewards_come_late_and_in_order():
    prompt, late = Recorder(100), Recorder(100)
    play(prompt, wheel_stage(0.7, "raw"), 1000, 3)
    play(late, wheel_stage(0.7, "raw"), 1000, 3, delay=4)
    assert len(late.told) == 6
    np.testing.assert_allclose(np.concatenate(late.told), np.concatenate(prompt.told)[:600])


@pytest.mark.parametrize("features", ["raw", "made", "cells"])
def test_wheel_features_are_made_of_the_coordinates_alone(features):
    stage = wheel_stage(0.9, features)
    rounds = stage.environment.rounds(50, np.random.default_rng(0))
    hidden = rounds._replace(expected=np.zeros_like(rounds.expected))
    np.testing.assert_array_equal(stage.contexts(rounds), stage.contexts(hidden))
    assert len(stage.contexts(rounds)) == 50


def test_heads_learn_on_the_wheel_where_exploration_pays():
    stage = wheel_stage(0.7, "made")
    setting = {**settings_of("neural_linear", "wheel")[0], "width": 60, "steps": 60}
    policy = make_policy("neural_linear", stage, setting, 0)
    _, uniform, tenths = play(policy, stage, 1500, 0)
    assert tenths[-1] < 0.1 * uniform / 10


@pytest.mark.parametrize("kind", ["bootstrap", "dropout", "point", "neural_linear"])
def test_each_kind_gives_probabilities_and_plays_again_alike(kind):
    stage = wheel_stage(0.7, "made")
    setting = {**settings_of(kind, "wheel")[0], "width": 20, "steps": 2}
    first = play(make_policy(kind, stage, setting, 5), stage, 200, 5)
    second = play(make_policy(kind, stage, setting, 5), stage, 200, 5)
    assert first[0] == second[0]


def test_no_policy_is_tuned_over_more_than_four_settings():
    for environment in OURS:
        for name in [*policies_of(environment)[0], *policies_of(environment)[1]]:
            assert 1 <= len(settings_of(name, environment)) <= 4


def test_finished_runs_are_read_from_the_file_again(tmp_path):
    out = tmp_path / "runs.jsonl"
    given = {"policies": "uniform", "rounds": 300, "tuning_rounds": 0, "processes": 1, "out": out}
    first = learning(seeds="1,2", **given)
    before = out.read_text()
    assert learning(seeds="1,2", **given) == first
    assert out.read_text() == before
    learning(seeds="1,2,3", **given)
    assert out.read_text().count("\n") == 3
    assert first.policies["uniform"].regret_percent == pytest.approx(100)


def test_heads_are_set_beside_point_seed_by_seed(tmp_path):
    rows = learning(
        delta=0.7, seeds="1,2,3", policies="dropout,point", rounds=100, tuning_rounds=0, processes=1
    ).policies
    by_seed = np.array(rows["dropout"].by_seed) - np.array(rows["point"].by_seed)
    beside = rows["dropout"].beside_point
    assert beside.difference == pytest.approx(by_seed.mean(), abs=2e-3)
    low, high = beside.interval
    assert low < beside.difference < high
    assert rows["point"].beside_point is None


def test_an_unknown_policy_is_named_with_those_there_are():
    with pytest.raises(BadInput, match=r"gredy.*vw_squarecb"):
        learning(policies="gredy")


def test_the_command_prints_one_object():
    command = [sys.executable, "-m", "bench", "learning", "--policies", "uniform", "--seeds", "1,2"]
    done = subprocess.run(
        [*command, "--rounds", "200", "--tuning-rounds", "0", "--processes", "1", "--json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ},
    )
    told = json.loads(done.stdout)
    assert told["policies"]["uniform"]["interval"][0] == pytest.approx(100)
    assert "uniform" in done.stderr


@pytest.fixture(scope="module")
def artwork(tmp_path_factory):
    out = tmp_path_factory.mktemp("learning") / "catalogue"
    subjects = Subjects.read(ROOT / "sample" / "artwork")
    write_catalogue(
        subjects, 8, 4, seed=3, out=out, arrivals=0.6, rendering=Rendering(width=64, workers=1)
    )
    world = ArtworkWorld.read(out, 200, 1)
    draw = np.random.default_rng(0)
    return ArtworkRounds(world, draw.normal(size=(len(world.truth.title_of), 20)), kept=9)


def test_artwork_rounds_offer_the_artwork_of_their_day(artwork):
    rounds = artwork.rounds(700, np.random.default_rng(0))
    truth = artwork.world.truth
    day = np.repeat(np.arange(14), 50)
    shown = np.where(rounds.valid, rounds.candidates, truth.added.argmin())
    assert (truth.added[shown] <= day[:, None]).all()
    assert (truth.added > 0).any()
    assert rounds.contexts.shape == (700, 9)
    assert artwork.features.shape == (32, 9)
    assert np.isfinite(rounds.contexts).all()
    assert (rounds.expected[~rounds.valid] == 0).all()


def test_artwork_rewards_are_takes_at_the_expected_rate(artwork):
    rounds = artwork.rounds(3000, np.random.default_rng(1))
    first = rounds.valid.argmax(1)
    takes = artwork.rewards(rounds, first, np.random.default_rng(2))
    assert set(np.unique(takes)) <= {0.0, 1.0}
    expected = rounds.expected[np.arange(3000), first].mean()
    assert takes.mean() == pytest.approx(expected, abs=4 * (expected / 3000) ** 0.5)


def test_the_same_generator_gives_the_same_artwork_rounds(artwork):
    one, two = (artwork.rounds(100, np.random.default_rng(4)) for _ in range(2))
    for mine, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_an_embedding_of_another_catalogue_is_refused(artwork):
    with pytest.raises(BadInput, match="3 rows for 32 artworks"):
        ArtworkRounds(artwork.world, np.zeros((3, 4)))
