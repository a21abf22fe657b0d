"""The gate lets equals and betters pass, and refuses what is worse or cannot be told."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from evaluate.ope.paired_bootstrap import PairedGain, Range
from evaluate.policies.gate import gate, gate_result, publish_gate, status
from tests.evaluate.columns import changed


@pytest.fixture(scope="module")
def bundles(planted, good):
    """Of one that shows what members take most, the same again, and its opposite."""
    return {"good": good, "again": planted([[2.0]] * 4), "bad": planted([[-1.0]] * 4)}


def gated(story, candidate, live, **options):
    return publish_gate(candidate, live, story.examples, story.catalogue, **options)


def test_a_worse_bundle_is_refused_and_a_better_passes(story, bundles):
    worse = gated(story, bundles["bad"], bundles["good"])
    assert not worse.passed
    assert worse.numbers["candidate"]["low"] < worse.numbers["live"]["low"]
    assert gated(story, bundles["good"], bundles["bad"]).passed


def test_an_equal_bundle_passes_without_any_margin(story, bundles):
    verdict = gated(story, bundles["again"], bundles["good"], margin=0.0)
    assert verdict.passed
    assert verdict.numbers["difference"] == {"value": 0, "low": 0, "high": 0}


def test_the_first_bundle_passes(story, bundles):
    assert gated(story, bundles["bad"], None).passed


def test_a_log_that_tells_nothing_lets_nothing_pass(story, bundles):
    one = story.examples.slice(0, 1)
    assert not publish_gate(bundles["good"], bundles["bad"], one, story.catalogue).passed


def test_a_margin_out_of_range_is_named(story, bundles):
    with pytest.raises(BadInput, match=r"margin 1\.5"):
        gated(story, bundles["good"], bundles["bad"], margin=1.5)


def ranges(low, value, high):
    return Range(value, low, high)


@given(
    value=st.floats(0.01, 0.5),
    half=st.floats(0.001, 0.1),
    behind=st.floats(0, 0.3),
    margin=st.floats(0, 0.5),
)
def test_the_rule_is_on_lower_bounds(value, half, behind, margin):
    live = ranges(value - half, value, value + half)
    candidate = ranges(*(end - behind for end in (value - half, value, value + half)))
    unsure = ranges(-1.0, -behind, 1.0)
    gain = PairedGain(candidate, live, unsure, relative=unsure)
    verdict = gate_result(gain, margin, 100, (50.0, 50.0))
    fallen, allowed = live.low - candidate.low, margin * live.value
    if abs(fallen - allowed) > 1e-9:
        assert verdict.passed == (fallen < allowed)


def test_what_is_surely_worse_is_refused_however_well_it_is_known():
    live, candidate = ranges(0.08, 0.12, 0.16), ranges(0.099, 0.1, 0.101)
    difference = ranges(-0.03, -0.02, -0.01)
    surely = PairedGain(candidate, live, difference, relative=difference)
    verdict = gate_result(surely, 0.05, 100, (50.0, 50.0))
    assert not verdict.passed
    assert "worse" in verdict.reason
    perhaps = surely._replace(difference=ranges(-0.03, -0.02, -0.001))
    assert gate_result(perhaps, 0.05, 100, (50.0, 50.0)).passed


def test_the_command_ends_with_1_when_it_refuses(story, bundles):
    good, bad = bundles["good"], bundles["bad"]
    log = str(story.root / "examples")
    refused, passed = gate(bad, log, good), gate(good, log, bad)
    assert (status(refused), status(passed)) == (1, 0)
    assert (refused["passed"], passed["passed"]) == (False, True)
    assert refused["candidate_bundle"] == passed["live_bundle"] == Path(bad).name
    assert refused["difference"]["high"] < 0 < passed["difference"]["low"]


def test_it_says_by_which_estimate_it_decided_and_how_far_to_trust_it(story, bundles):
    result = gated(story, bundles["good"], bundles["bad"])
    assert result.numbers["estimator"] == "dr"
    verdicts = result.numbers["verdicts"]
    assert verdicts["candidate"]["verdict"] == verdicts["live"]["verdict"] == "trust"
    assert "decided by dr: trust for the candidate, trust for the live" in result.reason
    few = publish_gate(
        bundles["good"], bundles["good"], story.examples.slice(0, 60), story.catalogue
    )
    assert few.numbers["verdicts"]["candidate"]["verdict"] != "trust"
    assert few.numbers["verdicts"]["candidate"]["reason"] in few.reason


def test_what_no_reward_speaks_for_does_not_pass_on_a_model_alone(story, bundles):
    """Nobody ever took anything: both are worth nothing, for all that the log tells."""
    nothing = changed(story.examples, "reward", np.zeros(len(story.examples)))
    refused = publish_gate(bundles["good"], bundles["bad"], nothing, story.catalogue)
    assert not refused.passed
    assert "no reward of the log" in refused.reason
    assert publish_gate(bundles["good"], bundles["again"], nothing, story.catalogue).passed
