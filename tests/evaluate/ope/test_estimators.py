"""What the estimators promise, on logs whose truth is known."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import estimate
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED
from evaluate.ope.feedback import Feedback
from evaluate.ope.slope import slope

EVERY = [PLAIN[n]() if n in PLAIN else TUNED[n](DEFAULTS[n]) for n in NAMES]


@st.composite
def ragged(draw):
    """Feedback with varying candidate sets."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = generator.integers(1, 6, draw(st.integers(1, 30)))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    target = generator.exponential(size=offsets[-1])
    target /= np.repeat(np.add.reduceat(target, offsets[:-1]), sizes)
    return Feedback(
        offsets=offsets,
        logged=offsets[:-1] + generator.integers(0, sizes),
        reward=generator.random(len(sizes)),
        propensity=generator.uniform(0.1, 1, len(sizes)),
        target=target,
        estimated=generator.random(offsets[-1]),
        group=np.arange(len(sizes)),
    )


def value(estimator, feedback):
    return float(estimator.value(estimator.terms(feedback).sum(0)))


@settings(deadline=None)
@given(ragged())
def test_limits_of_the_hyperparameters_are_the_plain_estimators(feedback):
    plain = {n: value(PLAIN[n](), feedback) for n in PLAIN}
    assert value(TUNED["ips_clipped"](1e9), feedback) == pytest.approx(plain["ips"])
    assert value(TUNED["dr_clipped"](1e9), feedback) == pytest.approx(plain["dr"])
    assert value(TUNED["switch_dr"](1e9), feedback) == pytest.approx(plain["dr"])
    assert value(TUNED["switch_dr"](0.0), feedback) == pytest.approx(plain["dm"])
    assert value(TUNED["dros"](1e12), feedback) == pytest.approx(plain["dr"])
    assert value(TUNED["dros"](0.0), feedback) == pytest.approx(plain["dm"])
    assert value(TUNED["sg_ips"](0.0), feedback) == pytest.approx(plain["ips"])
    assert value(TUNED["sg_dr"](0.0), feedback) == pytest.approx(plain["dr"])


@settings(deadline=None)
@given(ragged())
def test_self_normalised_estimates_stay_within_the_rewards(feedback):
    for name in ("snips", "replay"):
        found = value(PLAIN[name](), feedback)
        assert feedback.reward.min() - 1e-9 <= found <= feedback.reward.max() + 1e-9


@settings(deadline=None)
@given(ragged())
def test_sums_of_parts_are_sums_of_the_whole(feedback):
    half = len(feedback) // 2
    for estimator in EVERY:
        terms = estimator.terms(feedback)
        np.testing.assert_allclose(terms[:half].sum(0) + terms[half:].sum(0), terms.sum(0))


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8), st.integers(0, 99))
def test_slope_takes_the_most_biased_of_which_nothing_shows(values, seed):
    noise = np.random.default_rng(seed).normal(0, 0.01, (len(values), 50))
    at = slope(np.array(values), noise)
    clear = 4 * np.sqrt((noise**2).sum())  # more than any error of a difference
    assert (np.abs(values[at] - np.array(values[at:])) <= clear).all()
    assert slope(np.zeros(len(values)), noise) == 0


def test_slope_sees_a_bias_within_both_widths_if_it_is_clear_in_the_difference():
    """Both move alike with every profile, so their difference is known far better than either."""
    shared = np.random.default_rng(0).normal(0, 1, 400)
    nearly = np.stack([shared, shared + 1e-3 * np.roll(shared, 1)])
    assert slope(np.array([0.2, 0.9]), nearly) == 1
    assert slope(np.array([0.2, 0.9]), np.stack([shared, -shared])) == 0


def logged_table(decisions, seed, profiles=None, truth=(0.1, 0.3, 0.5), epsilon=0.3):
    """A log of an ε-greedy policy (greedy on action 1), and a target that likes action 2."""
    generator = np.random.default_rng(seed)
    logging = np.full(3, epsilon / 3) + (1 - epsilon) * np.eye(3)[1]
    action = generator.choice(3, decisions, p=logging)
    target = [0.1, 0.1, 0.8]
    columns = {
        "decision_id": [str(i) for i in range(decisions)],
        "candidates": [["a", "b", "c"]] * decisions,
        "action": [["a", "b", "c"][a] for a in action],
        "reward": (generator.random(decisions) < np.array(truth)[action]).astype(float),
        "propensity": logging[action],
        "target_probabilities": [target] * decisions,
    }
    if profiles:
        columns["profile_id"] = [f"p{i % profiles}" for i in range(decisions)]
    return pa.table(columns), float(np.dot(target, truth))


def test_intervals_hold_the_truth_and_bets_cost_width():
    held = 0
    for seed in range(20):
        table, truth = logged_table(1000, seed)
        made = estimate(table, ["snips", "dr", "ips"], bootstrap=Bootstrap(200))
        held += (made["dr"].low < truth < made["dr"].high) + (
            made["snips"].low < truth < made["snips"].high
        )
    assert held >= 35
    table, truth = logged_table(5000, 1)
    wide = estimate(table, ["ips"], interval="betting")["ips"]
    narrow = estimate(table, ["ips"])["ips"]
    assert (wide.interval, narrow.interval) == ("betting", "bootstrap")
    assert wide.low < narrow.low < truth < narrow.high < wide.high


def test_decisions_of_one_profile_are_not_counted_as_independent():
    generator = np.random.default_rng(5)
    profiles, each = 60, 50
    taste = generator.random(profiles).repeat(each)
    table = pa.table(
        {
            "decision_id": [str(i) for i in range(profiles * each)],
            "candidates": [["a"]] * (profiles * each),
            "action": ["a"] * (profiles * each),
            "reward": taste,
            "propensity": np.ones(profiles * each),
            "target_probabilities": [[1.0]] * (profiles * each),
        }
    )
    names = pa.array([f"p{i // each}" for i in range(profiles * each)])
    apart = estimate(table, ["ips"])["ips"]
    together = estimate(table.append_column("profile_id", names), ["ips"])["ips"]
    assert together.high - together.low > 5 * (apart.high - apart.low)


def test_no_decision_judges_itself():
    """Every profile earns once; a mean that saw its own reward would echo it."""
    rows = 200
    reward = np.random.default_rng(0).integers(0, 2, rows).astype(float)
    table = pa.table(
        {
            "decision_id": [str(i) for i in range(rows)],
            "candidates": [[f"a{i}", "b"] for i in range(rows)],
            "action": [f"a{i}" for i in range(rows)],
            "reward": reward,
            "propensity": np.full(rows, 0.5),
            "target_probabilities": [[1.0, 0.0]] * rows,
        }
    )
    found = estimate(table, ["dm", "snips"])
    other = estimate(table.set_column(3, "reward", pa.array(1 - reward)), ["dm"])
    assert found["dm"].value == pytest.approx(reward.mean(), abs=1e-9)
    assert other["dm"].value == pytest.approx(1 - reward.mean(), abs=1e-9)


@pytest.mark.parametrize("names", [["ips", "dr"], ["snips"]])
def test_the_words_say_when_not_to_believe(names):
    table, _ = logged_table(3000, 0, epsilon=0.3)
    assert all(e.believable for e in estimate(table, names).values())
    inflated = table.set_column(4, "propensity", pa.array(np.asarray(table["propensity"]) * 0.7))
    for e in estimate(inflated, names).values():
        assert any("propensities" in w for w in e.warnings)
    few, _ = logged_table(20, 0)
    for e in estimate(few, names).values():
        assert any("effective sample size" in w for w in e.warnings)


def test_missing_support_is_measured():
    """The log draws evenly from two of three candidates; a quarter of the target is the third."""
    rows = 4000
    table = pa.table(
        {
            "decision_id": [str(i) for i in range(rows)],
            "candidates": [["a", "b", "c"]] * rows,
            "action": ["a", "b"] * (rows // 2),
            "reward": np.ones(rows),
            "propensity": np.full(rows, 0.5),
            "target_probabilities": [[0.5, 0.25, 0.25]] * rows,
        }
    )
    result = estimate(table, ["ips"])["ips"]
    assert result.share_without_support == pytest.approx(0.25)
    assert not result.believable


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_the_same_seed_gives_the_same_interval(seed):
    table, _ = logged_table(300, 3, profiles=50)
    bootstrap = Bootstrap(seed=seed)
    assert estimate(table, ["dr"], bootstrap=bootstrap) == estimate(
        table, ["dr"], bootstrap=bootstrap
    )


def test_a_clipped_estimate_admits_what_it_cut():
    table, _ = logged_table(5000, 0)
    found = estimate(table, ["ips_clipped", "ips"], {"ips_clipped": 2.0})
    assert any("weight was cut" in w for w in found["ips_clipped"].warnings)
    assert found["ips"].believable
    chosen = estimate(table, ["ips_clipped"], {"ips_clipped": "slope"})["ips_clipped"]
    assert chosen.parameter > 5
    assert chosen.value == pytest.approx(found["ips"].value, rel=0.05)
    assert chosen.interval == found["ips_clipped"].interval == "none"
    assert np.isnan([chosen.low, chosen.high]).all()
    assert any("chosen on this log" in w for w in chosen.warnings)
