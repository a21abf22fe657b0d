"""The model of rewards in rows: by place and action, on the log's scale, blind to its own rows."""

from dataclasses import replace

import numpy as np
import pytest

from evaluate.slate.slot_model import Places

ROWS, SLOTS, ACTIONS = 4000, 3, 2
MEAN = np.array([[0.9, 0.1], [0.5, 0.3], [0.2, 0.2]])


@pytest.fixture(scope="module")
def log():
    g = np.random.default_rng(0)
    action = g.integers(0, ACTIONS, (ROWS, SLOTS))
    length = np.where(np.arange(ROWS) % 4 == 0, 2, 3)
    there = np.arange(SLOTS) < length[:, None]
    reward = (g.random((ROWS, SLOTS)) < MEAN[np.arange(SLOTS), action]) * there
    chances = np.tile([0.25, 0.75], (ROWS, SLOTS, 1))
    nobody = np.zeros(ROWS, np.int64)
    places = Places(there, length, np.arange(ROWS) % 5, nobody, action, chances, chances)
    return places, reward.astype(float)


def test_means_are_those_of_place_and_action(log):
    places, reward = log
    model = places.model(reward)
    expected = np.where(places.there, MEAN[np.arange(SLOTS), places.action], 0)
    np.testing.assert_allclose(model.own, expected, atol=0.06)
    np.testing.assert_allclose(model.target, places.there * (MEAN @ [0.25, 0.75]), atol=0.06)
    onward = (reward[:, ::-1].cumsum(1)[:, ::-1]) * places.there
    np.testing.assert_allclose(model.rest[:, 0].mean(), onward[:, 0].mean(), atol=0.02)
    last = places.length == 3
    np.testing.assert_allclose(model.rest[last, 2], model.own[last, 2], atol=0.03)
    assert (model.own[~places.there] == 0).all()
    assert (model.target[~places.there] == 0).all()


def test_without_the_target_all_actions_of_a_place_have_its_mean(log):
    places, reward = log
    model = replace(places, alone=None, after=None).model(reward)
    np.testing.assert_array_equal(model.own, model.target)
    np.testing.assert_allclose(model.own[1], MEAN.mean(1), atol=0.06)


@pytest.mark.parametrize("given", [False, True])
def test_a_profile_has_no_part_in_its_own_model(log, given):
    places, reward = log
    own = None
    if given:
        known = places.there * MEAN[np.arange(SLOTS), places.action]
        own = known, places.there * (MEAN @ [0.25, 0.75])
    fold = places.fold == 2
    changed = np.where(fold[:, None] & places.there, 9.0, reward)
    before, after = places.model(reward, own), places.model(changed, own)
    for one, other in zip(before[:4], after[:4], strict=True):
        np.testing.assert_array_equal(one[fold], other[fold])
        assert (one[~fold] != other[~fold]).any()


def test_a_prediction_on_another_scale_is_brought_to_the_logs(log):
    places, reward = log
    truth = places.there * MEAN[np.arange(SLOTS), places.action]
    mean = places.there * (MEAN @ [0.25, 0.75])
    far = (4 * truth - 1) * places.there, (4 * mean - 1) * places.there
    model = places.model(reward, far)
    np.testing.assert_allclose(model.own, truth, atol=0.06)
    np.testing.assert_allclose(model.target, mean, atol=0.06)
    noise = np.random.default_rng(1).normal(size=truth.shape) * places.there
    useless = places.model(reward, (noise, 0 * noise))
    np.testing.assert_allclose(useless.own[1], MEAN.mean(1), atol=0.12)


def test_a_prediction_is_not_used_where_no_other_profile_tells_its_scale(log):
    places, reward = log
    given = np.full(reward.shape, 0.5), np.full(reward.shape, 0.6)
    rows = np.full(ROWS, 1.5), np.full(ROWS, 1.8)
    model = replace(places, fold=np.full(ROWS, 2)).model(reward, given, whole=rows)
    assert not np.any([model.own, model.target])
    assert model.whole is not None
    assert not np.any(model.whole)


def test_contexts_are_told_apart_unless_there_are_too_many(log):
    places, reward = log
    context = np.random.default_rng(2).integers(0, 2, ROWS)
    higher = reward + 5 * context[:, None] * places.there
    model = replace(places, context=context).model(higher)
    assert (model.own[context == 1, 0] > 4.5).all()
    assert (model.own[context == 0, 0] < 1.5).all()
    many = replace(places, context=np.arange(ROWS) * 100).model(higher)
    assert (np.abs(many.own[:, 0] - higher[:, 0].mean()) < 1.5).all()
