"""Repeated ids are found however the hashes were kept."""

import numpy as np
import pyarrow as pa
import pytest

from data.duplicate_ids import HELD, DuplicateIds
from data.errors import BadInput
from evaluate.ope.estimate import estimate
from evaluate.ope.feedback_file import FeedbackSource


def table(ids):
    rows = len(ids)
    return pa.table(
        {
            "decision_id": ids,
            "candidates": [["a"]] * rows,
            "action": ["a"] * rows,
            "reward": [1.0] * rows,
            "propensity": [1.0] * rows,
            "target_probabilities": [[1.0]] * rows,
        }
    )


def test_a_repeat_is_found_after_hashes_went_to_disk():
    hashes = np.random.default_rng(0).integers(0, 2**64, HELD + 10, dtype=np.uint64)
    with DuplicateIds() as seen:
        seen.add(hashes)
        seen.add(hashes[:1])
        with pytest.raises(BadInput, match="row 1: decision_id x repeats row 0"):
            seen.refuse(FeedbackSource.open(table(["x", "x"])))


def test_equal_hashes_of_different_ids_are_no_repeat():
    with DuplicateIds() as seen:
        seen.add(np.array([7, 7], dtype=np.uint64))
        seen.refuse(FeedbackSource.open(table(["x", "y"])))


def test_whole_numbers_are_ids_too():
    assert estimate(table([1, 2, 3]), ["ips"])["ips"].value == 1
    with pytest.raises(BadInput, match="decision_id 2 repeats"):
        estimate(table([1, 2, 2]), ["ips"])
