"""A run's compact decisions: expanded they are the rows that were decided, once."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandit.choice import profile_keys
from bandit.draws import (
    FIRST,
    DrawRules,
    Epochs,
    artwork_words,
    candidate_words,
    context_words,
    draw_ids,
    draw_seeds,
    epoch_numbers,
)
from data.log import roll
from data.log.expand_runs import expand
from data.log.precompute_runs import RunFile, RunHeader, retire_runs, run_bytes, run_files
from data.records import DECISIONS, FACTS

TITLES, STARTS = [3, 5, 9], [0, 2, 3, 6]
ARTWORKS = [f"a{i}" for i in range(6)]
RULES = DrawRules("b1", "thompson", 0.05, 7, 16, Epochs(14, 0.5))


def seeds_of(names, slots, prints):
    keys, titles = np.asarray(profile_keys(names)), np.asarray(TITLES)[slots]
    context = context_words(prints, candidate_words(ARTWORKS, STARTS)[slots], RULES.word)
    epochs = epoch_numbers(keys, titles, 20_500, 14)
    return keys, titles, epochs, draw_seeds(keys, titles, epochs, context, 7)


def header(chances):
    return RunHeader(
        time_us=1_767_268_800_000_000,
        day=20_500,
        rules=RULES,
        layout="abcd",
        title_ids=TITLES,
        artwork_ids=ARTWORKS,
        starts=STARTS,
        chances=chances,
    )


def write(path, made, ranks, codes, chances):
    names = [f"p{i}" for i in range(len(made))]
    facts = pa.array(
        [{"country": "FR", "watched_genres": [("drama", float(i))]} for i in range(len(made))],
        FACTS,
    )
    prints = 50 + np.arange(len(made))
    openings = np.where(made, FIRST, -1)
    path.parent.mkdir(exist_ok=True)
    run = run_bytes(header(chances), pa.array(names), facts, prints, openings, ranks, codes)
    path.write_bytes(run)
    return names


@settings(deadline=None, max_examples=40)
@given(data=st.data(), many=st.booleans())
def test_every_decision_comes_back_with_its_own_numbers(data, many, tmp_path_factory):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    profiles = data.draw(st.integers(1, 9))
    made = rng.random((profiles, 3)) < data.draw(st.sampled_from([0.3, 0.8, 1.0]))
    ranks = np.stack([rng.integers(0, count, profiles) for count in np.diff(STARTS)], 1)
    chances = rng.random(400 if many else 30).tolist()
    codes = rng.integers(0, len(chances), (profiles, 3, 3)).astype(np.uint16)
    path = tmp_path_factory.mktemp("runs") / "run.parquet"
    names = write(path, made, ranks, codes, chances)
    tables = list(expand(path, rows=6))
    table = pa.concat_tables(tables) if tables else DECISIONS.empty_table()
    assert table.schema.equals(DECISIONS)
    rows = iter(table.to_pylist())
    for profile, title in np.argwhere(made).tolist():
        row = next(rows)
        rank, first, last = int(ranks[profile, title]), STARTS[title], STARTS[title + 1]
        assert row["profile_id"] == names[profile]
        assert row["title_id"] == TITLES[title]
        assert row["candidates"] == ARTWORKS[first:last]
        assert row["action"] == ARTWORKS[first + rank]
        expected = [chances[code] for code in codes[profile, : last - first, title].tolist()]
        assert row["probabilities"] == expected
        assert row["propensity"] == expected[rank]
        assert row["facts"]["watched_genres"] == [("drama", float(profile))]
        keys, titles, epochs, seeds = seeds_of([names[profile]], [title], np.array([50 + profile]))
        assert row["seed"] == int(seeds[0])
        shown = artwork_words([row["action"]])
        names_of = draw_ids(
            seeds, keys, titles, shown, np.array([row["propensity"]]), RULES.record_word()
        )
        assert [row["decision_id"]] == names_of
        assert (row["epoch"], row["fingerprint"], row["layout"]) == (
            int(epochs[0]),
            50 + profile,
            "abcd",
        )
    assert next(rows, None) is None


def test_a_roll_moves_a_run_into_the_day_it_was_decided_and_takes_it_away(tmp_path):
    made = np.ones((4, 3), bool)
    path = tmp_path / "runs" / "precompute-1-000000.parquet"
    names = write(path, made, np.zeros((4, 3), int), np.zeros((4, 3, 3), np.uint16), [0.5])
    whole = path.read_bytes()
    assert roll(tmp_path)["decisions"] == 12
    assert not path.exists()
    path.write_bytes(whole)  # as if the roll was killed before it took the run away
    roll(tmp_path)
    files = sorted((tmp_path / "decisions").rglob("*.parquet"))
    assert [file.parent.name for file in files] == ["day=2026-01-01"]
    rows = pq.ParquetFile(files[0]).read()
    assert len(rows) == len(set(rows["decision_id"].to_pylist())) == 12
    assert set(rows["profile_id"].to_pylist()) == set(names)


def test_a_run_that_is_still_being_written_is_left_alone(tmp_path):
    made = np.ones((1, 3), bool)
    path = tmp_path / "runs" / "precompute-1-000000.parquet.part"
    write(path, made, np.zeros((1, 3), int), np.zeros((1, 3, 3), np.uint16), [0.5])
    assert roll(tmp_path)["decisions"] == 0
    assert path.exists()


def test_no_decision_at_all_makes_an_empty_run(tmp_path):
    made = np.zeros((2, 3), bool)
    path = tmp_path / "run.parquet"
    write(path, made, np.zeros((2, 3), int), np.zeros((2, 3, 3), np.uint16), [0.5])
    assert list(expand(path)) == []


@pytest.mark.parametrize("name", ["", "ada", "日本"])
def test_names_of_any_length_are_kept(tmp_path, name):
    facts = pa.array([{"country": None}], FACTS)
    run = run_bytes(
        header([1.0]),
        pa.array([name]),
        facts,
        np.array([1]),
        np.zeros((1, 3), int),
        np.zeros((1, 3), int),
        np.zeros((1, 3, 3), np.uint16),
    )
    (tmp_path / "r").write_bytes(run)
    [table] = expand(tmp_path / "r")
    assert table["profile_id"].to_pylist() == [name] * 3


def test_a_roll_that_keeps_runs_leaves_their_bytes_and_writes_no_row_of_theirs(tmp_path):
    path = tmp_path / "runs" / "precompute-1-000000.parquet"
    write(path, np.ones((4, 3), bool), np.zeros((4, 3), int), np.zeros((4, 3, 3), np.uint16), [0.5])
    whole = path.read_bytes()
    assert roll(tmp_path, keep_runs=True)["decisions"] == 0
    assert path.read_bytes() == whole
    assert not (tmp_path / "decisions").exists()
    assert roll(tmp_path)["decisions"] == 12


@pytest.mark.parametrize(("keep_days", "left"), [(3, 1), (2, 0)])
def test_runs_retire_with_the_days_that_they_decided_for(tmp_path, keep_days, left):
    path = tmp_path / "runs" / "precompute-1-000000.parquet"
    write(path, np.ones((4, 3), bool), np.zeros((4, 3), int), np.zeros((4, 3, 3), np.uint16), [0.5])
    today = date(1970, 1, 1) + timedelta(RunFile.read(path).header.day + 2)
    gone = retire_runs(tmp_path, keep_days, today)
    assert len(gone) == 1 - left
    assert len(run_files(tmp_path)) == left
