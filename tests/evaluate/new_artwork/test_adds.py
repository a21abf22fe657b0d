"""What posters are said to add comes true, as far as the log has something to learn it from."""

from typing import NamedTuple

import numpy as np
import pytest

from evaluate.new_artwork.contrasts import (
    ShownRewards,
    contrast_sums,
    contrasts,
    held,
    reach,
    usual_new_reach,
)
from evaluate.new_artwork.evidence import NewArtworkEvidence, TitleLog, title_evidence
from evaluate.new_artwork.foresight import Belief, Foresight
from evaluate.new_artwork.value import TitleToday

KNOWN, NEW, ROWS = 6, 4, 4000
TASTES = 8


class PlantedTitle(NamedTuple):
    """A title's artwork, known first, before members: what the bundle says, and what is true."""

    predicted: np.ndarray
    true: np.ndarray


def titles(rng, personal, count=120):
    """Titles of which the bundle errs in whom artwork pleases, and more for some artworks."""
    for _ in range(count):
        tastes = rng.standard_normal((ROWS, TASTES)) / TASTES**0.5
        pleases = personal * rng.standard_normal((TASTES, KNOWN + NEW))
        errors = 0.15 * rng.gamma(2, 0.5, KNOWN + NEW) * rng.standard_normal(pleases.shape)
        interest = 0.15 * np.exp(0.4 * rng.standard_normal(ROWS))[:, None]
        # The bundle errs in what it takes members to think of a title as well.
        level = interest * np.exp(0.3 * rng.standard_normal((ROWS, 1)))
        true = np.clip(interest * (1 + tastes @ pleases), 0.01, 0.99)
        yield PlantedTitle(np.clip(level * (1 + tastes @ (pleases + errors)), 0.001, 0.999), true)


def judged(rng, personal):
    """What new artwork is said to add, and adds, from a log of known artwork alone."""
    found, logs = list(titles(rng, personal)), []
    trained = np.arange(KNOWN + NEW) < KNOWN
    for title in found:
        action = rng.integers(0, KNOWN, ROWS)
        reward = (rng.random(ROWS) < title.true[np.arange(ROWS), action]).astype(float)
        offered = np.broadcast_to(trained, title.true.shape)
        predicted = title.predicted
        logs.append(TitleLog(predicted, predicted, trained, offered, action, reward, np.ones(ROWS)))
    evidence = [title_evidence(log) for log in logs]
    foresight = Foresight.of(NewArtworkEvidence.of(e for e in evidence if e is not None))
    said, true = [], []
    for title, of in zip(found, evidence, strict=True):
        assert of is not None
        assert of.scale is not None
        known = title.predicted[:, :KNOWN]
        everyone = known.mean(1)
        usual = usual_new_reach(reach(contrasts(known, everyone), everyone))
        levels = known.mean(0) / known.mean() - 1
        levels, doubts = foresight.known_levels(levels, of.artworks.seen, of.artworks.noise)
        scale = Belief(of.scale, 0.0)
        today = TitleToday(known[:, None], scale, levels, doubts, foresight, 0.0, usual)
        rows = np.arange(ROWS)
        for at in range(KNOWN, KNOWN + NEW):
            said.append(today.adds(title.predicted[:, at]).value())
            chosen = title.predicted[:, at] > known[rows, today.best]
            over = title.true[:, at] - title.true[rows, today.best]
            true.append(np.where(chosen, over, 0).mean())
    return foresight, np.array(said), np.array(true)


@pytest.mark.parametrize("personal", [0.3, 0.5])
def test_what_is_said_to_be_added_comes_true_of_all_and_of_what_is_picked(personal):
    _, said, true = judged(np.random.default_rng(1), personal)
    picked = said >= np.quantile(said, 0.9)
    assert said.mean() == pytest.approx(true.mean(), rel=0.35)
    assert said[picked].mean() == pytest.approx(true[picked].mean(), rel=0.35)


def test_where_members_do_not_differ_nothing_is_added():
    foresight, said, _ = judged(np.random.default_rng(2), 0.0)
    assert abs(foresight.personal.new.value) < 2 * foresight.personal.new.deviation
    assert foresight.personal.new.deviation < 0.1
    assert np.sort(said)[-len(said) // 10 :].mean() < 0.002


def test_errors_in_what_members_think_of_a_title_are_no_contrast_that_comes_true():
    """Old sums had them on both sides: a slope near 1 where nothing is true."""
    rng = np.random.default_rng(3)
    product = square = 0.0
    for _ in range(40):
        action = rng.integers(0, KNOWN, ROWS)
        everyone = 0.2 * np.exp(0.5 * rng.standard_normal(ROWS))
        differs = contrasts(np.repeat(0.2 - everyone[:, None], KNOWN, 1) + 0.3, everyone)
        differs = differs + 0.02 * rng.standard_normal(differs.shape)
        outcomes = ShownRewards(action, (rng.random(ROWS) < 0.2).astype(float), np.ones(ROWS))
        sums = contrast_sums(differs, everyone, np.ones((ROWS, KNOWN), bool), outcomes)
        product, square = product + sums.product, square + sums.square
    assert product / square == pytest.approx(0, abs=0.15)


def test_a_contrast_counts_no_further_than_is_usual_and_keeps_its_shape():
    rng = np.random.default_rng(4)
    everyone = rng.uniform(0.1, 0.3, 500)
    differs = contrasts(rng.uniform(0, 0.3, (500, 2)), everyone)
    usual = float(reach(differs, everyone)[0]) * 1.5
    wild = differs * [1, 10]
    bounded = held(wild, everyone, usual)
    np.testing.assert_allclose(bounded[:, 0], wild[:, 0])
    assert reach(bounded, everyone)[1] == pytest.approx(usual)
    np.testing.assert_allclose(bounded[:, 1] / wild[:, 1], bounded[0, 1] / wild[0, 1])
    np.testing.assert_allclose(held(wild, everyone, np.inf), wild)


def test_what_was_not_offered_teaches_nothing():
    rng = np.random.default_rng(5)
    action = rng.integers(0, 2, ROWS)
    outcomes = ShownRewards(action, (rng.random(ROWS) < 0.2).astype(float), np.ones(ROWS))
    everyone = np.full(ROWS, 0.2)
    differs = 0.05 * rng.standard_normal((ROWS, 3))
    offered = np.array([True, True, False]) & np.ones((ROWS, 1), bool)
    sums = contrast_sums(differs, everyone, offered, outcomes)
    np.testing.assert_allclose(
        sums, contrast_sums(differs * [1, 1, 99], everyone, offered, outcomes)
    )
    assert sums.square > 0
    # One candidate is no choice, and an artwork that no draw offered was not drawn.
    for alone in ([True, False, False], [False, False, True]):
        nothing = contrast_sums(differs, everyone, np.array(alone) & offered, outcomes)
        assert nothing == (0, 0, 0)
