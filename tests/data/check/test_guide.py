"""The guide to data, docs/data.md: its lines make what passes, and it names every column."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data.check.path import check_path
from data.join.join import join
from data.records import ARTWORKS, DECISIONS, EVENTS, EXAMPLES, TITLES

ROOT = Path(__file__).parents[3]


def test_the_guide_makes_a_catalogue_and_a_log_that_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    guide = (ROOT / "docs" / "data.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(block, {})
    assert check_path("my_catalogue") == []
    assert check_path("my_log", "my_catalogue") == []
    done = join("my_log", "my_catalogue", "my_examples", now=datetime(2026, 2, 1, tzinfo=UTC))
    assert (done.examples, done.reward_sum) == (100, 34)
    assert check_path("my_examples", "my_catalogue") == []


def test_the_guide_explains_every_column():
    guide = (ROOT / "docs" / "data.md").read_text()
    facts = [field.name for field in DECISIONS.field("facts").type]
    for schema in (TITLES, ARTWORKS, DECISIONS, EVENTS, EXAMPLES):
        for name in (*schema.names, *facts):
            assert f"`{name}`" in guide
