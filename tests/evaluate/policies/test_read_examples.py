"""Examples are read from a folder or joined from a log, of the days that are asked for."""

from datetime import UTC, datetime

import numpy as np

from evaluate.policies.read_examples import read_examples


def test_a_log_is_joined_where_it_has_no_examples(story):
    joined = read_examples(story.log, story.catalogue)
    ready = read_examples(story.root / "examples", story.catalogue)
    assert joined.sort_by("decision_id").equals(ready.sort_by("decision_id"))


def test_only_the_days_asked_for_count(story):
    days = np.array([moment.day for moment in story.examples["time"].to_pylist()])
    read = read_examples(story.root / "examples", story.catalogue, "2026-01-02", "2026-01-03")
    assert len(read) == (days == 2).sum()
    assert min(read["time"].to_pylist()) >= datetime(2026, 1, 2, tzinfo=UTC)
