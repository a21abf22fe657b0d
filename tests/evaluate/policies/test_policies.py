"""What policies would have earned: against the truth of a simulated log."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.thompson import thompson_probabilities
from data.errors import BadInput
from evaluate.ope.estimators import PLAIN
from evaluate.ope.feedback import dense_feedback
from evaluate.ope.paired_bootstrap import paired_gains
from evaluate.policies.command import bundle as command
from evaluate.policies.judge import judge, policy_values
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities
from evaluate.policies.read_examples import read_examples
from evaluate.policies.segments import segments
from simulate.browsing.log import read_expected
from tests.evaluate.planted import plant


@pytest.fixture(scope="module")
def good(story, tmp_path_factory):
    """Its heads want what members take most."""
    folder = tmp_path_factory.mktemp("good")
    return str(plant(folder, story.catalogue, story.world.members.facts, [[1.0]] * 4))


@pytest.fixture(scope="module")
def torn(story, tmp_path_factory):
    """A quarter of its heads want what members take least."""
    folder = tmp_path_factory.mktemp("torn")
    wants = [[1.0]] * 3 + [[-1.0]]
    return str(plant(folder, story.catalogue, story.world.members.facts, wants, epsilon=0.2))


@pytest.fixture(scope="module")
def found(story, good, torn):
    names = ["random", "unpersonalised", good, torn, f"{torn}:greedy"]
    expected = read_expected(story.log)
    return judge(story.examples, story.catalogue, names, expected=expected)


def test_intervals_hold_the_truth(found):
    for name, true in found.truth.items():
        for estimator in ("replay", "ips", "snips", "dr"):
            made = found.policies[name][estimator]
            half = (made.high - made.low) / 2
            assert made.low - half / 2 < true < made.high + half / 2, (name, estimator)


def test_truth_orders_policies_as_they_were_planted(found, good, torn):
    truth = found.truth
    assert truth["random"] < truth[torn] < truth[f"{torn}:greedy"]
    # The mean over heads wants the same as all heads of the other.
    assert truth[good] == pytest.approx(0.95 * truth[f"{torn}:greedy"] + 0.05 * truth["random"])


def test_lift_is_the_difference_from_random(found, good):
    lift, values = found.lift_over_random[good], found.policies
    difference = values[good]["dr"].value - values["random"]["dr"].value
    assert lift.difference.value == pytest.approx(difference)
    assert lift.difference.low < difference < lift.difference.high
    assert lift.relative.value == pytest.approx(difference / values["random"]["dr"].value)
    assert found.lift_over_random["random"].difference == (0, 0, 0)
    # What both have in common cancels: the difference is known better than either.
    width = lift.difference.high - lift.difference.low
    assert width < lift.value.high - lift.value.low + 1e-9


def test_segments_divide_the_log_and_their_values_add_up(story, found, good):
    total = len(story.examples)
    for parts in found.segments.values():
        assert sum(part.decisions for part in parts.values()) == total
        mean = sum(p.decisions * p.policies[good].value.value for p in parts.values())
        assert mean / total == pytest.approx(found.policies[good]["dr"].value)
    assert set(found.segments) == {"surface", "device", "popularity", "artwork_age"}


def test_popularity_and_age_are_of_titles_and_newest_candidates(story):
    logged = LoggedExamples.of(story.examples, story.catalogue)
    parts = segments(logged)
    popularity = story.catalogue.titles["popularity"].to_numpy()[logged.title_rows]
    by = parts["popularity"]
    assert popularity[by["head"]].min() > popularity[by["middle"]].max()
    assert popularity[by["middle"]].min() > popularity[by["tail"]].max()
    added = dict(
        zip(*(story.catalogue.artworks[c].to_pylist() for c in ("artwork_id", "added_day")),
            strict=True)
    )  # fmt: skip
    rows = logged.examples.select(["time", "candidates"]).to_pylist()
    for row, young in zip(rows[:500], parts["artwork_age"]["older"][:500], strict=True):
        age = (row["time"].date() - max(added[a] for a in row["candidates"])).days
        assert (age >= 28) == young


def test_a_bundles_policy_is_thompson_sampling_over_its_heads(story, torn, tmp_path):
    logged = LoggedExamples.of(story.examples.slice(0, 300), story.catalogue)
    given = PolicyProbabilities(logged, tmp_path)(torn)
    embedding = story.catalogue.embeddings[logged.rows, 0]
    scores = np.array([1.0, 1.0, 1.0, -1.0])[None, :, None] * embedding[:, None]
    wanted = thompson_probabilities(scores, logged.valid, 0.2)[logged.valid]
    np.testing.assert_allclose(given, wanted)


def test_blocks_of_decisions_give_the_same(story, torn, tmp_path, monkeypatch):
    logged = LoggedExamples.of(story.examples.slice(0, 300), story.catalogue)
    whole, takes = (
        PolicyProbabilities(logged, tmp_path)(torn),
        PolicyProbabilities(logged, tmp_path).takes(torn),
    )
    monkeypatch.setattr("evaluate.policies.bundle_scores.BLOCK", 4 * 4 * 7)
    np.testing.assert_allclose(PolicyProbabilities(logged, tmp_path)(torn), whole)
    np.testing.assert_allclose(PolicyProbabilities(logged, tmp_path).takes(torn), takes, rtol=1e-6)


def test_takes_are_of_what_was_shown(story, good, tmp_path):
    logged = LoggedExamples.of(story.examples.slice(0, 300), story.catalogue)
    rows = {a: row for row, a in enumerate(story.catalogue.artwork_ids)}
    shown = [rows[a] for a in story.examples["action"].slice(0, 300).to_pylist()]
    wanted = 1 / (1 + np.exp(2.0 - story.catalogue.embeddings[shown, 0]))
    np.testing.assert_allclose(PolicyProbabilities(logged, tmp_path).takes(good), wanted, rtol=1e-5)


def test_unpersonalised_of_a_bundle_is_its_tables_best(story, good, tmp_path):
    logged = LoggedExamples.of(story.examples.slice(0, 300), story.catalogue)
    chosen = PolicyProbabilities(logged, tmp_path)(f"{good}:unpersonalised")
    # The planted table's takes rise along the file, so the last candidate is the best.
    wanted = np.zeros(len(chosen))
    wanted[logged.feedback.offsets[1:] - 1] = 1
    np.testing.assert_array_equal(chosen, wanted)


def test_no_profile_chooses_what_it_is_judged_by(story, tmp_path):
    """Without any difference between artworks the best on the log earns no more than random."""
    rng = np.random.default_rng(0)
    at = story.examples.schema.get_field_index("reward")
    chance = pa.array((rng.random(len(story.examples)) < 0.1).astype(float))
    noise = story.examples.set_column(at, story.examples.schema.field(at), chance)
    made = policy_values(noise, story.catalogue, ["unpersonalised"], cache=tmp_path)
    dr = made["unpersonalised"]["dr"]
    assert dr.low < 0.1 < dr.high


def test_gains_in_a_part_are_those_of_the_part_alone():
    rng = np.random.default_rng(2)
    n = 600
    target = rng.dirichlet(np.ones(3), n)
    action, reward = rng.integers(0, 3, n), rng.random(n)
    of = dense_feedback(action, reward, np.full(n, 1 / 3), target)
    over = dense_feedback(action, reward, np.full(n, 1 / 3), np.full((n, 3), 1 / 3))
    part = np.arange(n) < 200
    found = paired_gains(PLAIN["snips"](), of, over, (None, part))
    alone = [
        dense_feedback(action[part], reward[part], np.full(200, 1 / 3), t[part])
        for t in (target, np.full((n, 3), 1 / 3))
    ]
    wanted = paired_gains(PLAIN["snips"](), *alone)[0]
    assert found[1].relative.value == pytest.approx(wanted.relative.value)
    assert found[0].relative.value != pytest.approx(wanted.relative.value)


def test_a_log_is_joined_where_it_has_no_examples(story):
    joined = read_examples(story.log, story.catalogue)
    ready = read_examples(story.root / "examples", story.catalogue)
    assert joined.sort_by("decision_id").equals(ready.sort_by("decision_id"))


def test_the_command_prints_one_object(story, good):
    done = subprocess.run(
        [sys.executable, "-m", "evaluate", "bundle", "--log", str(story.root / "examples"),
         "--bundles", f"{good},random", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    said = told["policies"][good]
    assert set(said) == {"replay", "ips", "snips", "dm", "dr"}
    assert said["dr"]["low"] < said["dr"]["value"] < said["dr"]["high"]
    assert told["lift_over_random"][good]["relative"]["value"] > 0


def test_only_the_days_asked_for_count(story):
    days = np.array([moment.day for moment in story.examples["time"].to_pylist()])
    read = read_examples(story.root / "examples", story.catalogue, "2026-01-02", "2026-01-03")
    assert len(read) == (days == 2).sum()
    assert min(read["time"].to_pylist()) >= datetime(2026, 1, 2, tzinfo=UTC)


def test_bad_input_is_named(story, good, tmp_path):
    examples, where = story.root / "examples", str(story.root / "catalogue")
    with pytest.raises(BadInput, match="nowhere"):
        command(str(examples), "nowhere", where, resamples=100)
    with pytest.raises(BadInput, match="2031"):
        command(str(examples), "random", where, since="January 2031")
    with pytest.raises(BadInput, match="no example in the time"):
        command(str(examples), "random", where, since="2031-01-01")
    (tmp_path / "alone").mkdir()
    with pytest.raises(BadInput, match="no catalogue in or beside"):
        command(str(tmp_path / "alone"), "random")
    with pytest.raises(BadInput, match="no Parquet files of joined examples"):
        command(str(tmp_path / "alone"), "random", where)
    with pytest.raises(BadInput, match="estimator 'best'"):
        command(str(examples), "random", where, estimator="best")
    pq.write_table(story.examples.drop_columns(["reward"]), tmp_path / "alone" / "x.parquet")
    with pytest.raises(BadInput, match="no column reward"):
        command(str(tmp_path / "alone"), "random", where)


def test_a_candidate_that_the_catalogue_lacks_is_named(story):
    table = story.examples.slice(0, 20)
    lists = table["candidates"].to_pylist()
    lists[7] = ["stranger", *lists[7]]
    at = table.schema.get_field_index("candidates")
    table = table.set_column(at, table.schema.field(at), pa.array(lists))
    with pytest.raises(BadInput, match="'stranger'"):
        policy_values(table, story.catalogue, ["random"])


def test_a_propensity_of_zero_is_named_with_its_row(story):
    table = story.examples.slice(0, 20)
    values = table["propensity"].to_pylist()
    values[3] = 0.0
    at = table.schema.get_field_index("propensity")
    table = table.set_column(at, table.schema.field(at), pa.array(values))
    with pytest.raises(BadInput, match=r"row 3 .*propensity 0"):
        policy_values(table, story.catalogue, ["random"])
