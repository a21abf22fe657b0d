"""Examples are read from a folder or joined from a log, of the days that are asked for."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from data.errors import BadInput
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


def test_only_rows_that_an_expression_holds_for_count(story, capsys):
    folder, known = story.root / "examples", story.catalogue
    every = read_examples(folder, known)
    home = np.array([facts["surface"] == "home" for facts in every["facts"].to_pylist()])
    assert 0 < home.sum() < len(home)
    late = np.array([moment.day > 1 for moment in every["time"].to_pylist()])
    where = "facts.surface = 'home' AND time >= '2026-01-02'"
    assert read_examples(folder, known, where=where).equals(every.filter(pa.array(home & late)))
    assert "note" not in capsys.readouterr().err
    read_examples(folder, known, where="reward = 0 -- all that failed")
    assert "--where asks for reward, which follows from the draw" in capsys.readouterr().err
    for wrong, words in (
        ("facts.shoe = 1", "cannot be computed"),
        ("title_id) OR (", "cannot be computed"),
        ("title_id = -1", "no row is such"),
        ("title_id IN (SELECT * FROM read_csv('/etc/hostname'))", "cannot be computed"),
    ):
        with pytest.raises(BadInput, match=words):
            read_examples(folder, known, where=wrong)
