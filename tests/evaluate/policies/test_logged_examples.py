"""Examples that cannot be judged are refused by row."""

import numpy as np
import pyarrow as pa
import pytest

from data.errors import BadInput
from evaluate.gate.publish_gate import publish_gate
from evaluate.ope.support import NoSupport
from evaluate.policies.judge import policy_values
from evaluate.policies.logged_examples import LoggedExamples
from tests.evaluate.columns import changed


def test_a_candidate_that_the_catalogue_lacks_is_named(story):
    table = story.examples.slice(0, 20)
    lists = table["candidates"].to_pylist()
    lists[7] = ["stranger", *lists[7]]
    table = changed(table, "candidates", lists)
    with pytest.raises(BadInput, match="'stranger'"):
        policy_values(table, story.catalogue, ["random"])


def test_a_propensity_of_zero_is_named_with_its_row(story):
    table = story.examples.slice(0, 20)
    values = table["propensity"].to_pylist()
    values[3] = 0.0
    table = changed(table, "propensity", values)
    with pytest.raises(BadInput, match=r"row 3 .*propensity 0"):
        policy_values(table, story.catalogue, ["random"])


def test_fallbacks_are_left_out_of_weights_and_counted(story):
    table = story.examples.slice(0, 1000)
    fallback = np.arange(1000) % 5 == 0
    levels = np.where(fallback, "default", "personalised")
    propensity = np.where(fallback, 1.0, np.asarray(table["propensity"]))
    mixed = changed(changed(table, "level", levels), "propensity", propensity)
    logged = LoggedExamples.of(mixed, story.catalogue)
    assert logged.support.left_out == {"level default": 200}
    assert logged.examples["decision_id"].to_pylist() == [
        name
        for name, out in zip(table["decision_id"].to_pylist(), fallback, strict=True)
        if not out
    ]
    alone = LoggedExamples.of(table.filter(pa.array(~fallback)), story.catalogue)
    for field in ("offsets", "logged", "reward", "propensity", "target", "group"):
        np.testing.assert_array_equal(
            getattr(logged.feedback, field), getattr(alone.feedback, field)
        )
    np.testing.assert_array_equal(logged.rows, alone.rows)
    assert len(LoggedExamples.every(mixed, story.catalogue)) == 1000


def test_nothing_drawn_is_refused_and_no_bundle_passes_by_it(story, good):
    table = story.examples.slice(0, 200)
    fixed = changed(table, "propensity", np.ones(200))
    with pytest.raises(NoSupport, match="log choices of a policy that explores"):
        LoggedExamples.of(fixed, story.catalogue)
    result = publish_gate(good, good, fixed, story.catalogue)
    assert result.verdict == "undecided"
    assert "none was drawn at random" in result.reason


def test_old_choices_of_a_bundle_are_marked_and_kept(story):
    table = changed(
        story.examples.slice(0, 100), "schema_version", [1] * 30 + [None] * 20 + [2] * 50
    )
    table = changed(table, "bundle", ["b"] * 40 + [None] * 10 + ["b"] * 50)
    logged = LoggedExamples.of(table, story.catalogue)
    assert logged.support.unconditional == 40
    assert len(logged) == 100
    assert "not conditional" in logged.support.words()[0]


def test_what_was_shown_as_the_only_candidate_of_several_is_a_rules_choice(story):
    table = story.examples.slice(0, 1000)
    rule = np.arange(1000) % 10 != 0
    shown, offered = table["action"].to_pylist(), table["candidates"].to_pylist()
    alone = [[a] if out else all for a, all, out in zip(shown, offered, rule, strict=True)]
    propensity = np.where(rule, 1.0, np.asarray(table["propensity"]))
    mixed = changed(changed(table, "candidates", alone), "propensity", propensity)
    unrewarded = changed(mixed, "reward", np.where(rule, 0.0, np.asarray(table["reward"])))
    values = policy_values(unrewarded, story.catalogue, ["random"])["random"]
    drawn = table.filter(pa.array(~rule))
    assert (
        values["ips"].value
        == policy_values(drawn, story.catalogue, ["random"])["random"]["ips"].value
    )
    assert values["ips"].support.left_out == {"chosen by a rule": 900}
    # Of a bundle's rows, rules of rights left one candidate: it binds every policy.
    theirs = LoggedExamples.of(changed(mixed, "bundle", ["b"] * 1000), story.catalogue)
    assert len(theirs) == 1000
    with pytest.raises(NoSupport, match="chosen by a rule"):
        LoggedExamples.of(mixed.filter(pa.array(rule)), story.catalogue)
