"""How far predictions for new artwork are believed: as far as artwork that training missed says."""

import numpy as np
import pytest

from evaluate.new_artwork.contrasts import PersonalSums, SlopeSums
from evaluate.new_artwork.evidence import ArtworkEvidence, NewArtworkEvidence
from evaluate.new_artwork.foresight import (
    KNOWN,
    PERSONAL,
    SLOPE,
    Foresight,
    posterior,
    slopes,
    spread_of,
)

NOTHING = SlopeSums(0.0, 0.0, 0.0)


def artworks(rng, count, new, spread=0.3, slope=1.0, noise=0.05, predicted=0.2):
    """Artworks whose true levels a bundle predicts with a slope."""
    foreseen = predicted * rng.standard_normal(count)
    rest = np.sqrt(max(spread**2 - (slope * predicted) ** 2, 0))
    true = slope * foreseen + rest * rng.standard_normal(count)
    variance = rng.uniform(0.5, 1.5, count) * noise
    seen = true + np.sqrt(variance) * rng.standard_normal(count)
    none = np.full(count, np.nan)
    return true, ArtworkEvidence(
        np.full(count, new), foreseen, seen, variance, none, none, np.full(count, 50.0)
    )


def evidence(*parts):
    return NewArtworkEvidence(ArtworkEvidence.joined(parts), [])


def test_spread_is_what_is_left_when_noise_is_taken_off():
    rng = np.random.default_rng(1)
    noise = rng.uniform(0.01, 0.4, 4000)
    errors = np.sqrt(0.3**2 + noise) * rng.standard_normal(4000)
    assert spread_of(errors, noise) == pytest.approx(0.3, rel=0.1)
    assert spread_of(np.sqrt(noise) * rng.standard_normal(4000), noise) < 0.15


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_the_slope_is_that_of_artwork_that_training_missed(slope):
    rng = np.random.default_rng(2)
    _, new = artworks(rng, 400, True, slope=slope)
    _, known = artworks(rng, 400, False, slope=1.4)
    found = Foresight.of(evidence(known, new))
    assert found.slope.value == pytest.approx(slope, abs=3 * found.slope.deviation + 0.02)
    assert found.slope.deviation < 0.2
    assert found.artworks == 400


def test_what_training_saw_teaches_no_slope():
    rng = np.random.default_rng(3)
    _, known = artworks(rng, 500, False, slope=1.4)
    found = Foresight.of(evidence(known))
    assert found.slope == SLOPE
    assert found.personal is PERSONAL
    assert found.predicted_spread is None


def test_intervals_of_new_levels_hold_the_truth():
    rng = np.random.default_rng(4)
    hits = []
    for _ in range(40):
        _, known = artworks(rng, 150, False)
        _, new = artworks(rng, 25, True)
        found = Foresight.of(evidence(known, new))
        true, later = artworks(rng, 50, True)
        for level, foreseen in zip(true, later.foreseen, strict=True):
            belief = found.level(float(foreseen), 0.0, found.predicted_spread or 0.0)
            hits.append(abs(level - belief.value) < 1.96 * belief.deviation)
    assert np.mean(hits) > 0.93


def test_what_is_foreseen_of_a_level_makes_it_narrower():
    rng = np.random.default_rng(5)
    blind, seeing = (
        Foresight.of(evidence(*(artworks(rng, 400, new, slope=s)[1] for new in (True, False))))
        for s in (0.0, 1.4)
    )
    assert blind.known(0.2) < 0.3 < seeing.known(0.2)
    assert seeing.level(0.0, 0.0, 0.2).deviation < blind.level(0.0, 0.0, 0.2).deviation


def test_known_levels_lie_between_prediction_and_log_by_their_noise():
    rng = np.random.default_rng(6)
    found = Foresight.of(evidence(artworks(rng, 500, False)[1]))
    values, deviations = found.known_levels(
        np.array([0.2, 0.2, 0.2]), np.array([-0.3, -0.3, 9.0]), np.array([1e-6, 1e3, np.inf])
    )
    assert values[0] == pytest.approx(-0.3, abs=0.01)
    assert values[1] == pytest.approx(values[2], abs=0.01)
    assert deviations[0] < deviations[1] <= deviations[2]


def test_a_slope_is_drawn_to_its_prior_as_far_as_the_log_is_short():
    few, many = SlopeSums(20.0, 10.0, 1000.0), SlopeSums(2000.0, 1000.0, 1000.0)
    assert KNOWN.value < posterior(KNOWN, few).value < posterior(KNOWN, many).value < 2.0
    assert posterior(KNOWN, NOTHING) == KNOWN


def titles(rng, new, known, *, differ=0.0, count=24, decisions=30.0, shared=0.8):
    """What titles say of slopes of new and known artwork, with noise that they share."""
    square = rng.gamma(3, decisions / 3, (count, 2))
    true = np.array([new, known]) + differ * rng.standard_normal((count, 1))
    cross = [[1, shared], [shared, 1]]
    noise = rng.multivariate_normal([0, 0], cross, count) * square**0.5
    return [
        PersonalSums(*(SlopeSums(*map(float, part)) for part in zip(*row, strict=True)))
        for row in zip(true * square + noise, square, square, strict=True)
    ]


@pytest.mark.parametrize("differ", [0.0, 0.6])
def test_slopes_are_as_sure_as_titles_agree_on_them(differ):
    """By decisions alone, as they were once counted, they are held in three of four logs."""
    rng = np.random.default_rng(6)
    inside, gaps = [], []
    for _ in range(400):
        true = rng.multivariate_normal(*PERSONAL)
        found = slopes(titles(rng, *true, differ=differ))
        inside.append(abs(found.values - true) <= 1.96 * found.covariance.diagonal() ** 0.5)
        gap = np.array([1.0, -1.0])
        gaps.append(
            abs(gap @ (found.values - true)) <= 1.96 * (gap @ found.covariance @ gap) ** 0.5
        )
    assert (np.mean(inside, 0) > 0.91).all()
    assert np.mean(gaps) > 0.91


def test_slopes_of_new_and_known_artwork_stay_together_until_a_log_tells_them_apart():
    """What a poster adds is their difference: noise in it is what the one that is picked was."""
    rng = np.random.default_rng(7)
    apart = {
        decisions: np.mean(
            [slopes(titles(rng, 0.9, 0.3, decisions=decisions)).values @ [1, -1] for _ in range(50)]
        )
        for decisions in (0.03, 3.0, 3000.0)
    }
    assert apart[0.03] < 0.05 < 0.2 < apart[3.0] < 0.5
    assert apart[3000.0] == pytest.approx(0.6, abs=0.02)


def test_few_titles_tell_slopes_by_their_decisions_and_none_says_nothing():
    rng = np.random.default_rng(8)
    assert slopes([]) is PERSONAL
    assert slopes([PersonalSums(NOTHING, NOTHING)]) is PERSONAL
    for count in (1, 2):
        few = slopes(titles(rng, 0.0, 0.0, count=count, decisions=3000.0))
        assert abs(few.values).max() < 0.25
        assert 0 < few.covariance.diagonal().min() <= few.covariance.diagonal().max() < 0.1**2


def test_known_artwork_counts_in_the_log_by_what_the_bundle_left_open():
    """Where it starts from how far all levels differ, what was seen counts for half as much again.

    Then true levels follow with a slope of .8.
    """
    rng = np.random.default_rng(9)
    product = square = 0.0
    for _ in range(20):
        true, known = artworks(rng, 150, False, spread=0.2, slope=1.0, noise=0.14, predicted=0.15)
        found = Foresight.of(evidence(known))
        levels, _ = found.known_levels(known.foreseen, known.seen, known.noise)
        product, square = product + levels @ true, square + levels @ levels
    assert product / square == pytest.approx(1, abs=0.1)
