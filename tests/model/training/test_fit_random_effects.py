"""Artwork of equal looks and unequal luck: only a record of its own tells it apart."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from data.features import CandidateFeatures, ContextFeatures
from model.heads.epistemic_index import INDEX, index_rows, index_size
from model.heads.interface import KINDS
from model.network.lightning_module import Learner
from model.network.towers import Architecture, Marquee
from model.training.calibrate import calibrate, predictions
from model.training.dataset import Examples
from model.training.fit_random_effects import RecordEffects, fit_random_effects
from model.training.settings import RandomEffects

ARTWORKS, RANK, HEADS = 6, 4, 20
IDS = [f"a{i}" for i in range(ARTWORKS)]
LUCK = np.array([-0.5, -0.25, 0.0, 0.25, 0.5, 0.0])
"""Own levels; the last artwork is never shown."""
LEVELS = RandomEffects(vector_scale=1e-3)


def learner(kind="bootstrap"):
    torch.manual_seed(3)
    network = Marquee(None, Architecture(3, 2, 4, 2, 16, kind, HEADS, RANK, prior=2))
    torch.nn.init.zeros_(network.bias)
    return Learner(network.eval())


def examples(of, rows=20_000, luck=LUCK, seed=0):
    """Impressions that come out as the network says, but for luck."""
    rng = np.random.default_rng(seed)
    shown = rng.integers(ARTWORKS - 1, size=rows)
    dense = rng.normal(size=(rows, 2)).astype(np.float32)
    nobody = np.zeros((rows, 8), np.int64), np.zeros((rows, 8), np.float32)
    untagged = np.zeros((ARTWORKS, 8), np.int64), np.zeros((ARTWORKS, 8), np.float32)
    looks = np.random.default_rng(1).normal(size=(ARTWORKS, 3)).astype(np.float32)
    title = np.full((ARTWORKS, 4), 0.5, np.float32)
    made = Examples(
        ContextFeatures(dense, *nobody),
        shown,
        np.zeros(rows, np.float32),
        np.ones(rows, np.float32),
        np.ones((rows, HEADS), np.float32),
        CandidateFeatures(title, *untagged, *untagged),
        looks,
        np.arange(ARTWORKS),
    )
    batch = made[np.arange(rows)]
    with torch.no_grad():
        logit = of.logits(batch, batch.images).mean(1).numpy() + luck[shown]
    made.reward[:] = rng.random(rows) < 1 / (1 + np.exp(-logit))
    return made


def fitted(net, made, ids, settings):
    posterior, metrics = fit_random_effects(net.network, made, ids, settings)
    return posterior.records(), metrics


@pytest.mark.parametrize("kind", KINDS)
def test_luck_is_found_and_what_was_never_shown_has_no_record(kind):
    net = learner(kind)
    records, told = fitted(net, examples(net), IDS, LEVELS)
    assert records is not None
    assert records.artwork_ids == IDS[:-1]
    np.testing.assert_allclose(records.levels, LUCK[:-1], atol=0.1)
    assert told["own_record_gain"] > 0.001
    assert records.draws == (0 if kind == "point" else INDEX)
    assert (records.deviations < 0.3 * records.prior).all()


def test_little_or_nothing_is_added_where_the_network_says_all():
    net = learner()
    gains = []
    for seed in range(8):
        records, told = fitted(net, examples(net, 4000, 0 * LUCK, seed), IDS, LEVELS)
        assert (records is None) == (told["own_record_gain"] == 0)
        gains.append(told["own_record_gain"])
    # What luck adds where there is luck is more than .001 a row, in each of as many logs.
    assert gains.count(0.0) >= 4
    assert np.mean(gains) < 0.0003


@pytest.mark.parametrize("own", [RandomEffects(vector_scale=0), RandomEffects(intercept_scale=0)])
def test_a_scale_of_nothing_turns_it_off(own):
    net = learner()
    assert fitted(net, examples(net, 2000), IDS, own) == (None, {})


def test_larger_luck_takes_a_larger_scale():
    net = learner()
    strengths = [
        fitted(net, examples(net, luck=luck), IDS, LEVELS)[1]["own_record_strength"]
        for luck in (LUCK / 5, LUCK * 2)
    ]
    assert strengths == [0.5, 2.0]


def test_an_example_of_weight_two_counts_as_two():
    net = learner()
    once = examples(net, 3000)
    double = replace(once, importance=np.full(3000, 2.0, np.float32))
    twice = Examples.joined([once, once])
    found = [fitted(net, made, IDS, LEVELS)[0] for made in (double, twice, once)]
    np.testing.assert_allclose(found[0].levels, found[1].levels, atol=0.02)
    ratio = found[2].deviations / found[0].deviations
    assert ((ratio > 1.25) & (ratio < 1.45)).all()


def test_the_scale_is_a_factor_on_what_explores_and_nothing_else():
    net = learner()
    made = examples(net, 3000)
    cold, warm = (fitted(net, made, IDS, replace(LEVELS, posterior_scale=t))[0] for t in (0.3, 0.6))
    np.testing.assert_allclose(warm.explored, 2 * cold.explored, rtol=1e-5)
    assert warm.prior_explored == 2 * cold.prior_explored
    np.testing.assert_allclose(warm.levels, cold.levels)
    np.testing.assert_allclose(warm.doubt, cold.doubt)
    assert cold.prior / LEVELS.intercept_scale in (0.5, 1.0, 2.0)


def test_predictions_have_the_record_and_heads_differ_by_its_doubt():
    net = learner()
    made = examples(net)
    records, _ = fitted(net, made, IDS, LEVELS)
    own = RecordEffects(records, IDS)
    plain, rewards = predictions(net, made, ARTWORKS)
    joined, _ = predictions(net, made, ARTWORKS, own)
    losses = [np.logaddexp(0, -(2 * rewards - 1) * x.mean(1)).mean() for x in (plain, joined)]
    assert losses[1] < losses[0] - 0.005
    order = np.argsort(made.artwork_of, kind="stable")  # as predictions come
    batch = made[order]
    more = own.logits(net, batch, made.artwork_of[order])
    np.testing.assert_allclose(joined - plain, more, atol=1e-5)
    doubt = (records.explored * records.deviations)[made.artwork_of[order]]
    np.testing.assert_allclose(more.numpy().std(1), doubt, rtol=0.01)
    _, told = calibrate(net, made, ARTWORKS, own)
    assert told["calibration_error"] < 0.01


@pytest.mark.parametrize("heads", [1, 2, 8, 20, 64])
def test_heads_differ_by_the_doubt_and_agree_in_the_mean(heads):
    rows = index_rows(heads)
    count = index_size(heads)
    assert rows.shape == (heads, 1 + count)
    assert (rows[:, 0] == 1).all()
    assert rows[:, 1:].mean(0).abs().max() < 1e-6 if count else True
    torch.testing.assert_close(rows[:, 1:].T @ rows[:, 1:] / heads, torch.eye(count))
    assert (index_rows(heads) == rows).all()
