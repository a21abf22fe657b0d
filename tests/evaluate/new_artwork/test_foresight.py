"""How far predictions for new artwork are believed: as far as artwork that training missed says."""

import numpy as np
import pytest

from evaluate.new_artwork.contrasts import SlopeSums
from evaluate.new_artwork.evidence import ArtworkEvidence, NewArtworkEvidence
from evaluate.new_artwork.foresight import KNOWN, PERSONAL, SLOPE, Foresight, posterior, spread_of

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


def evidence(*parts, personal=NOTHING):
    return NewArtworkEvidence(ArtworkEvidence.joined(parts), personal, NOTHING)


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
    assert found.personal == PERSONAL
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
