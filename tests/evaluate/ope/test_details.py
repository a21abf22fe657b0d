"""Sums, intervals and gains against their formulas written out in loops; logs at their edges."""

import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from data.errors import BadInput
from evaluate.ope.betting import CAUTION, LEARNT_IN, Bets
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.diagnostics import diagnose, diagnostic_terms
from evaluate.ope.estimate import estimate
from evaluate.ope.estimators import ips
from evaluate.ope.feedback import dense_feedback
from evaluate.ope.feedback_sums import FeedbackSums
from evaluate.ope.fraction_intervals import Matched, resampling_fails
from evaluate.ope.intervals import influence, studentised_interval
from evaluate.ope.paired_bootstrap import paired_gains
from evaluate.ope.support import Support
from tests.evaluate.ope.test_bad_input import changed

MANY = Matched(0.5, 500.0, 250.0, 250.0)


def drawn(rows, rng, sizes=2, reward=None):
    """A log of a uniform policy, judged for one that leans to the first candidate."""
    logged = rng.integers(0, sizes, rows)
    target = np.full((rows, sizes), 0.2 / (sizes - 1))
    target[:, 0] = 0.8
    earned = rng.random(rows) < 0.3 if reward is None else reward
    return dense_feedback(
        logged, np.asarray(earned, float), np.full(rows, 1 / sizes), target, group=np.arange(rows)
    )


def test_sums_over_batches_are_those_of_the_whole_log():
    rng = np.random.default_rng(0)
    parts = [drawn(50, rng), drawn(50, rng)]
    sums = FeedbackSums.of(parts, [ips()]).sums
    singly = [FeedbackSums.of([part], [ips()]).sums for part in parts]
    assert np.allclose(sums, singly[0] + singly[1])


@pytest.mark.parametrize("groups", [2, 3, 50])
def test_the_error_of_the_mean_weight_is_that_of_a_ratio_of_sums(groups):
    rng = np.random.default_rng(groups)
    sums = np.zeros((groups, 8))
    sums[:, 0] = rng.integers(1, 5, groups)
    sums[:, 1] = rng.random(groups) * 4
    sums[:, 2] = 1
    mean = sums[:, 1].sum() / sums[:, 0].sum()
    squared = sum((w - mean * n) ** 2 for n, w in sums[:, :2])
    error = math.sqrt(squared * groups / (groups - 1)) / sums[:, 0].sum()
    assert diagnose(sums, 4.0).mean_weight_error == pytest.approx(error)


def test_a_log_is_uniform_where_all_draws_were_even_among_equally_many():
    rng = np.random.default_rng(1)
    even = drawn(40, rng, 4)
    uneven = replace(even, propensity=np.where(np.arange(40) == 7, 0.3, 0.25))
    halves = drawn(40, rng, 2)
    never = replace(even, propensity=np.full(40, 0.3))
    cases = [([even], 1), ([halves], 1), ([uneven], 0), ([never], 0), ([even, halves], 0)]
    for log, uniform in cases:
        sums = sum(
            np.stack([np.bincount(f.group, t, 40) for t in diagnostic_terms(f).T], 1) for f in log
        )
        assert diagnose(sums, 4.0).uniform == uniform


def table(rows, rng, target, **columns):
    """A log of two candidates, drawn evenly, judged for a target that shows x so often."""
    return pa.table(
        {
            "decision_id": [f"d{n}" for n in range(rows)],
            "candidates": [["x", "y"]] * rows,
            "action": rng.choice(["x", "y"], rows).tolist(),
            "reward": np.zeros(rows),
            "propensity": np.full(rows, 0.5),
            "target_probabilities": [[target, 1 - target]] * rows,
        }
        | columns
    )


def test_an_interval_knows_the_profiles_that_never_match():
    """All that varies is who matches: groups that do not are groups all the same."""
    rng = np.random.default_rng(2)
    rows = 1500
    log = table(rows, rng, 1.0, reward=np.ones(rows), profile_id=[f"p{n}" for n in range(rows)])
    found = estimate(log, ["ips"])["ips"]
    assert found.high - found.low > 0  # rewards of 1 alone: misses are few, and binomial
    minutes = table(
        *(rows, rng, 1.0), reward=np.full(rows, 5.0), profile_id=[f"p{n}" for n in range(rows)]
    )
    found = estimate(minutes, ["ips"], bootstrap=Bootstrap(2000))["ips"]
    # Weight is 2 or 0 with half a chance each: deviation 1, times 5, over the root of the rows.
    width = 2 * 1.96 * 5 / math.sqrt(rows)
    assert found.high - found.low == pytest.approx(width, rel=0.1)


def test_rewards_that_are_never_negative_have_no_negative_end():
    rng = np.random.default_rng(3)
    reward = np.zeros(60)
    reward[:12] = rng.gamma(0.2, 200, 12)
    for least in (0.0, 0.5):
        log = table(60, rng, 0.7, reward=reward + least)
        assert estimate(log, ["ips"])["ips"].low >= 0


def test_rows_of_one_profile_are_one_unit_and_rows_without_profile_one_each():
    rng = np.random.default_rng(4)
    rows = 12_000
    alone = estimate(table(rows, rng, 0.5), ["snips"])["snips"]
    assert alone.high == pytest.approx(-math.log(0.025) / rows, rel=0.01)
    few = estimate(table(rows, rng, 0.5, profile_id=[f"p{n % 40}" for n in range(rows)]), ["snips"])
    assert few["snips"].high == pytest.approx(-math.log(0.025) / 40, rel=0.1)


def test_a_gain_is_in_units_and_as_a_share_and_none_over_nothing():
    rng = np.random.default_rng(5)
    log = drawn(2000, rng)
    other = replace(log, target=1 - log.target)
    [gain] = paired_gains(ips(), log, other)
    assert gain.difference.value == pytest.approx(gain.value.value - gain.over.value)
    assert gain.relative.value == pytest.approx(gain.value.value / gain.over.value - 1)
    [none] = paired_gains(ips(), log, log)
    assert none.difference == (0.0, 0.0, 0.0)
    nothing = replace(log, reward=np.zeros(2000))
    [over_nothing] = paired_gains(ips(), nothing, nothing)
    assert math.isnan(over_nothing.relative.value)


def test_influence_is_a_gradient_though_sums_are_of_unequal_size():
    rng = np.random.default_rng(6)
    sums = np.stack([rng.random(30) * 1e7, rng.random(30)], 1)
    whole = sums.sum(0)
    expected = sums[:, 0] / whole[1] - sums[:, 1] * whole[0] / whole[1] ** 2
    found = influence(sums, lambda s: s[..., 0] / s[..., 1])
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_a_studentised_interval_is_what_its_sources_say():
    rng = np.random.default_rng(7)
    groups, confidence = 60, 0.9
    own = rng.exponential(size=groups)
    own -= own.mean()
    picks = rng.integers(0, groups, (400, groups))
    sums, squares = own[picks].sum(1), (own[picks] ** 2).sum(1)
    values = 10 + sums
    low, high = studentised_interval(10.0, values, own, sums, squares, confidence)
    error = math.sqrt(groups / (groups - 1) * sum(own**2))
    t = sorted(
        (10 + s - 10) / math.sqrt(groups / (groups - 1) * (q - s * s / groups))
        for s, q in zip(sums, squares, strict=True)
    )
    wide = np.quantile(t, [0.05, 0.95])
    # Widened by the tail of a t law with as many degrees of freedom as groups carry the influence.
    factor = (10 - low) / (wide[1] * error)
    assert (high - 10) / (-wide[0] * error) == pytest.approx(factor)
    share = np.square(own / np.abs(own).max())
    freedom = share.sum() ** 2 / (share**2).sum() - 1
    tail = (1 - confidence) / 2
    assert factor == pytest.approx(stats.t.ppf(tail, freedom) / stats.norm.ppf(tail))


def wealth(bets, value, needed):
    """What bets that the value is greater earn of 1, unit by unit."""
    units, size = len(bets.reward), max(bets.decisions)
    likely = bets.possible * value * sum(n * n for n in bets.decisions) / units
    earned = []
    for against, most, spread in (
        (bets.weight, size * bets.possible, likely * (1 - value)),
        (bets.decisions, size, likely),
    ):
        stake, before = 1.0, 0.0
        for at, (r, a) in enumerate(zip(bets.reward, against, strict=True)):
            x = r - value * a
            prior = 1 + LEARNT_IN * units
            variance = (prior * spread + before) / (prior + at)
            bet = min(math.sqrt(2 * needed / (units * variance)), CAUTION / (value * most))
            stake *= 1 + bet * x
            before += x * x
        earned.append(stake)
    return sum(earned) / 2


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_bets_are_what_their_definition_says(confidence):
    rng = np.random.default_rng(8)
    decisions = rng.integers(1, 4, 400).astype(float)
    weight = decisions * rng.choice([0.5, 1.5], 400)
    bets = Bets(decisions, weight, weight * (rng.random(400) < 0.2), 4.0)
    low, _ = bets.interval(confidence)
    needed = math.log(2 / (1 - confidence))
    assert 0 < low < 0.2
    assert wealth(bets, low - 1e-3, needed) > math.exp(needed) > wealth(bets, low + 1e-3, needed)


def test_bets_on_a_sure_thing_end_at_the_top():
    ones = np.ones(5000)
    low, high = Bets(ones, ones, ones, 1.0).interval()
    assert 0.99 < low <= high == pytest.approx(1.0)


def test_an_interval_in_which_nothing_varies_is_no_use():
    assert resampling_fails(0.5, 0.5, MANY)
    assert not resampling_fails(0.4, 0.6, MANY)
    nobody = Matched.of(np.zeros(3), np.zeros(3), 0.0)
    assert (nobody.takes, nobody.misses, nobody.size) == (0, 0, 0)


def test_a_summary_of_support_says_how_many_rows_and_why():
    some = Support(100, 90, {"level default": 10}, 5)
    assert some.record() == {
        "rows": 100,
        "drawn": 90,
        "left_out": {"level default": 10},
        "unconditional": 5,
        "words": some.words(),
    }
    assert some.words()[0] == (
        "10.0% of the log (10 of 100 rows) is left out (10.0% level default): estimates speak of"
        " the other pages that were decided at random, and if those left out differ, so may their"
        " value"
    )


def test_support_names_artworks_that_cannot_be_shown():
    some = Support(100, 90, {"level default": 10})
    assert some.and_offering(0, ["a"]) is some
    more = some.and_offering(20, ["d", "c", "b", "a"])
    reason = "offering a, b, c and 1 more, whose image cannot be had"
    assert (more.rows, more.left_out) == (120, {"level default": 10, reason: 20})
    old = Support(100, 100, {}, 40).words()
    assert old == [
        "40 of 100 rows are a bundle's choices of schema 1: where those were precomputed they were"
        " kept or renewed depending on what was drawn, so their propensities are not conditional"
        " ones, and estimates may be off by more than their intervals say"
    ]


def test_refusals_name_columns_and_kinds():
    with pytest.raises(BadInput, match="column reward, propensity is missing"):
        estimate(changed().drop(["reward", "propensity"]), ["ips"])
    bets = (
        r"^--interval betting: rewards reach from 0 to 3, and bets need them within \[0, 1\];"
        r" divide them by the largest that is possible, or use bootstrap$"
    )
    with pytest.raises(BadInput, match=bets):
        estimate(changed(reward=[3.0, 0.0, 1.0]), ["ips"], interval="betting")
    certain = {"candidates": [["x", "y"]] * 3, "action": ["x", "y", "x"], "propensity": [1.0] * 3}
    sure = certain | {"target_probabilities": [[0.5, 0.5]] * 3}
    with pytest.raises(BadInput, match="nothing is known of any other policy; log choices of"):
        estimate(changed(**sure), ["ips"])


def test_actions_of_another_type_than_candidates_are_theirs():
    log = changed().set_column(2, "action", pa.array(["x", "y", "z"], pa.large_string()))
    assert estimate(log, ["ips"])["ips"].value == estimate(changed(), ["ips"])["ips"].value
