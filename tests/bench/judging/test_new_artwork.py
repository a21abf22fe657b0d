"""What is measured of new artwork: honest claims keep their promise, inflated ones break it."""

import numpy as np
import pytest

from bench.judging.claims import Claim, claim_rows
from bench.judging.cold_start import SHARE, World, drawn_takes


def claims(factor):
    rng = np.random.default_rng(1)
    said = rng.gamma(4.0, 0.25, 900)
    true = said + 0.1 * rng.standard_normal(900)
    half = np.full(900, 0.196)
    return Claim("worth", factor * said, true, said - factor * half, said + factor * half)


def broken(claim):
    rows = claim_rows("some", claim, np.arange(900) // 3, "a world")
    return {row.what for row in rows if not row.kept}


def test_honest_claims_are_kept():
    assert not broken(claims(1.0))


@pytest.mark.parametrize(("factor", "bound"), [(0.5, "0.8"), (2.0, "1.25")])
def test_claims_that_are_off_by_a_factor_break_in_the_mean_and_at_the_top(factor, bound):
    rows = claim_rows("some", claims(factor), np.arange(900) // 3, "a world")
    means = [row for row in rows if "mean said less" in row.what and not row.kept]
    assert {row.what for row in means} == {f"worth: mean said less {bound} of mean true"}
    assert len(means) == 2


def test_intervals_that_are_too_narrow_break():
    assert "worth: 95% interval holds the truth" in broken(claims(0.5))


def test_what_nothing_was_said_of_does_not_count():
    claim = claims(2.0)
    silent = claim._replace(said=np.where(np.arange(900) < 895, np.nan, claim.said))
    assert claim_rows("some", silent, np.arange(900) // 3, "a world") == []
    half = claim._replace(said=np.where(np.arange(900) < 450, np.nan, claim.said))
    assert {row.runs for row in claim_rows("some", half, np.arange(900) // 3, "a")} == {450, 45}


def test_the_world_of_cold_start_has_the_share_that_it_says():
    takes, subjects = drawn_takes(World(4000, 300, 3000, 0.5, 1))
    gains = {name: (takes[name] - takes["random"]).mean() for name in ("greedy", "oracle")}
    assert gains["greedy"] / gains["oracle"] == pytest.approx(SHARE, rel=0.05)
    np.testing.assert_allclose(subjects.sum(1), 1)
