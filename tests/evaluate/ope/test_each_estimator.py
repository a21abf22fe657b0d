"""What each estimator is, by its formula in a loop; how it is asked for, and what cannot be."""

import math

import numpy as np
import pytest

from data.errors import BadInput
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED, USUAL
from evaluate.ope.estimators.by_name import GRIDS, estimators_by_name
from evaluate.ope.feedback import Feedback, dense_feedback
from evaluate.ope.feedback_sums import FeedbackSums

ROWS, SIZE = 40, 3
KEPT = {
    "ips_clipped": lambda w, x: min(w, x),
    "dr_clipped": lambda w, x: min(w, x),
    "switch_dr": lambda w, x: w if w <= x else 0.0,
    "dros": lambda w, x: x * w / (w * w + x),
    "sg_ips": lambda w, x: w / (1 - x + x * w),
    "sg_dr": lambda w, x: w / (1 - x + x * w),
}
AT = {"ips_clipped": 1.5, "dr_clipped": 1.5, "switch_dr": 1.6, "dros": 2.0}


def log(target=None, estimated=True) -> Feedback:
    rng = np.random.default_rng(0)
    drawn = rng.dirichlet(np.ones(SIZE), ROWS)
    return dense_feedback(
        rng.integers(0, SIZE, ROWS),
        rng.random(ROWS),
        rng.uniform(0.2, 0.6, ROWS),
        drawn if target is None else target,
        rng.random((ROWS, SIZE)) if estimated else None,
    )


def rows_of(feedback):
    """w, target's probability, reward, q̂ of what was logged and q̂(π), row by row."""
    for row in range(ROWS):
        flat = slice(row * SIZE, (row + 1) * SIZE)
        chance = feedback.target[feedback.logged[row]]
        modelled = sum(
            p * q for p, q in zip(feedback.target[flat], feedback.estimated[flat], strict=True)
        )
        logged = feedback.estimated[feedback.logged[row]]
        yield chance / feedback.propensity[row], chance, feedback.reward[row], logged, modelled


def by_formula(name, feedback, parameter):
    rows = list(rows_of(feedback))
    if name == "replay":
        return sum(p * r for _, p, r, _, _ in rows) / sum(p for _, p, *_ in rows)
    if name == "snips":
        return sum(w * r for w, _, r, _, _ in rows) / sum(w for w, *_ in rows)
    if name == "sndr":
        lean = sum(w * (r - q) for w, _, r, q, _ in rows) / sum(w for w, *_ in rows)
        return sum(m for *_, m in rows) / ROWS + lean
    if name == "dm":
        return sum(m for *_, m in rows) / ROWS
    kept = KEPT.get(name, lambda w, _: w)
    if name in ("ips", "ips_clipped", "sg_ips"):
        return sum(kept(w, parameter) * r for w, _, r, _, _ in rows) / ROWS
    return sum(m + kept(w, parameter) * (r - q) for w, _, r, q, m in rows) / ROWS


@pytest.mark.parametrize("name", NAMES)
def test_it_is_its_formula_and_says_what_it_cut(name):
    parameter = AT.get(name, DEFAULTS.get(name))
    estimator = PLAIN[name]() if name in PLAIN else TUNED[name](parameter)
    assert (estimator.name, estimator.parameter) == (name, parameter)
    assert estimator.needs_model == (name == "dm" or "dr" in name)
    feedback = log()
    terms = estimator.terms(feedback)
    value = by_formula(name, feedback, parameter)
    assert float(estimator.value(terms.sum(0))) == pytest.approx(value)
    both = estimator.value(np.stack([terms.sum(0), terms[:ROWS].sum(0) * 2]))
    assert both == pytest.approx([value, value])  # a mean or a ratio: twice as much is the same
    weights = [w for w, *_ in rows_of(feedback)]
    left = sum(KEPT[name](w, parameter) for w in weights) if name in KEPT else sum(weights)
    removed = FeedbackSums.of([feedback], [estimator]).removed(0)
    assert removed == pytest.approx(1 - left / sum(weights), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_matches_weighted_means_are_unknown_and_the_rest_is_the_models(name):
    """The target shows what was never shown."""
    plain = log()
    target = np.ones((ROWS, SIZE))
    target.ravel()[plain.logged] = 0
    feedback = log(target / target.sum(1, keepdims=True))
    estimator = PLAIN[name]() if name in PLAIN else TUNED[name](DEFAULTS[name])
    value = float(estimator.value(estimator.terms(feedback).sum(0)))
    if name in ("replay", "snips", "sndr"):
        assert math.isnan(value)
    else:
        modelled = sum(m for *_, m in rows_of(feedback)) / ROWS
        assert value == pytest.approx(modelled if estimator.needs_model else 0.0)


def test_an_estimator_without_the_model_that_it_needs_says_so():
    for name in NAMES:
        estimator = PLAIN[name]() if name in PLAIN else TUNED[name](DEFAULTS[name])
        if estimator.needs_model:
            with pytest.raises(ValueError, match="give estimated_rewards or let `estimate` fit"):
                estimator.terms(log(estimated=False))
        else:
            assert np.isfinite(estimator.terms(log(estimated=False))).all()


def test_estimators_are_asked_for_by_name_with_their_usual_parameter_or_another_or_a_grid():
    made = estimators_by_name(NAMES, {})
    assert [one.name for one in made] == list(NAMES)
    assert {one.name: one.parameter for one in made if one.name in TUNED} == DEFAULTS
    [one] = estimators_by_name(["dros"], {"dros": 7})
    assert one.parameter == 7.0
    for name, grid in GRIDS.items():
        many = estimators_by_name(["ips", name], {name: "slope"})
        assert [each.parameter for each in many] == [None, *map(float, grid)]
        assert {each.name for each in many[1:]} == {name}
    assert set(USUAL) < set(NAMES) == {*PLAIN, *TUNED}


@pytest.mark.parametrize(
    ("names", "lambdas", "words"),
    [
        (["ips", "magic", "luck"], {}, r"^estimators: no magic, luck; choose among replay, ips,"),
        (["ips"], {"ips": 1, "dm": 2}, r"^λ given for ips, dm; only ips_clipped, .* have one$"),
        (["dros"], {"dros": -0.5}, r"^λ of dros is -0.5; it must be 0 or more$"),
        (["dros"], {"dros": math.nan}, r"^λ of dros is nan; it must be 0 or more$"),
        (["sg_dr"], {"sg_dr": 1.5}, r"^λ of sg_dr is 1.5; it must be between 0 and 1$"),
        (["sg_ips"], {"sg_ips": -1}, r"^λ of sg_ips is -1.0; it must be between 0 and 1$"),
    ],
)
def test_what_no_estimator_can_be_asked_for_is_refused(names, lambdas, words):
    with pytest.raises(BadInput, match=words):
        estimators_by_name(names, lambdas)


@pytest.mark.parametrize("name", TUNED)
def test_at_the_ends_of_its_parameters_range_a_target_that_never_agrees_is_still_judged(name):
    target = np.tile([0.0, 0.5, 0.5], (ROWS, 1))  # a third of the log has no weight
    feedback = log(target)
    for value in (0.0, 1.0 if name.startswith("sg_") else 1e9):
        [one] = estimators_by_name([name], {name: value})
        assert one.parameter == value
        assert np.isfinite(one.value(one.terms(feedback).sum(0)))
        assert 0 <= FeedbackSums.of([feedback], [one]).removed(0) <= 1
