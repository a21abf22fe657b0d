"""Examples that cannot be judged are refused by row."""

import pytest

from data.errors import BadInput
from evaluate.policies.judge import policy_values
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
