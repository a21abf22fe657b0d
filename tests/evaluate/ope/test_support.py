"""Only rows whose action was drawn are weighed; the others are counted by reason."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.command import estimate as command
from evaluate.ope.estimate import estimate
from evaluate.ope.feedback_file import FeedbackSource

TRUTH, LOGGING, TARGET = np.array([0.1, 0.3, 0.5]), [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]
NAMES = ["a", "b", "c"]
QUICK = Bootstrap(100)


def logged(rows, seed, fallbacks=0.0, level="unpersonalised"):
    """A log in which some pages fell back to the best artwork for everybody, whatever was drawn."""
    rng = np.random.default_rng(seed)
    action = rng.choice(3, rows, p=LOGGING)
    propensity = np.array(LOGGING)[action]
    fallback = rng.random(rows) < fallbacks
    action[fallback], propensity[fallback] = 2, 1.0
    return pa.table(
        {
            "decision_id": [str(i) for i in range(rows)],
            "candidates": [NAMES] * rows,
            "action": np.array(NAMES)[action],
            "reward": (rng.random(rows) < TRUTH[action]).astype(float),
            "propensity": propensity,
            "target_probabilities": [TARGET] * rows,
            "level": np.where(fallback, level, "personalised"),
        }
    )


def test_fallbacks_on_a_fifth_of_pages_leave_estimates_unbiased():
    truth = float(np.dot(TARGET, TRUTH))
    names = ["ips", "snips", "dr"]
    logs = [estimate(logged(2000, seed, 0.2), names, bootstrap=QUICK) for seed in range(60)]
    for name in names:
        values = np.array([log[name].value for log in logs])
        assert abs(values.mean() - truth) < 3.5 * values.std() / np.sqrt(len(values))
        held = [log[name].low <= truth <= log[name].high for log in logs]
        assert np.mean(held) > 0.85
        assert logs[0][name].share_without_support == 0


def test_what_is_left_out_is_counted_by_reason_and_said():
    table = logged(1000, 0, 0.2)
    count = table["level"].to_pylist().count("unpersonalised")
    support = estimate(table, ["ips"], bootstrap=QUICK)["ips"].support
    assert support.left_out == {"level unpersonalised": count}
    assert support.rows == 1000
    assert support.share_left_out == count / 1000
    assert "pages that were decided at random" in support.words()[0]
    rules = logged(1000, 0, 0.2, level="personalised")
    support = estimate(rules, ["ips"], bootstrap=QUICK)["ips"].support
    assert support.left_out == {"propensity 1 of several candidates": count}
    without = estimate(logged(1000, 0), ["ips"], bootstrap=QUICK)["ips"].support
    assert without.words() == []


def test_what_is_left_of_a_batch_is_all_of_it():
    [batch] = FeedbackSource.open(logged(100, 0, 0.3)).batches()
    kept = batch.with_support()
    assert len(kept.feedback) == len(kept.id_hashes) == int(batch.drawn.sum()) < 100
    assert kept.with_support() is kept
    assert kept.drawn is None


def test_resamples_and_their_seed_are_asked_for():
    assert Bootstrap.of_options(100, 7) == Bootstrap(100, 7)
    with pytest.raises(BadInput, match=r"^--resamples 99: too few for a 95% interval; give 100 or"):
        Bootstrap.of_options(99)
    with pytest.raises(BadInput, match=r"^--seed -1: give 0 or more"):
        Bootstrap.of_options(100, -1)


def test_what_a_rule_pins_is_left_out_though_its_probabilities_are_logged():
    table = logged(1000, 0, 0.2, level="pinned")
    pinned = np.array(table["level"].to_pylist()) == "pinned"
    at = [NAMES.index(action) for action in table["action"].to_pylist()]
    known = [np.eye(3)[i].tolist() if p else LOGGING for i, p in zip(at, pinned, strict=True)]
    with_rules = table.append_column("probabilities", pa.array(known))
    support = estimate(with_rules, ["ips"], bootstrap=QUICK)["ips"].support
    assert support.left_out == {"level pinned": int(pinned.sum())}
    assert support.drawn == 1000 - pinned.sum()


def test_a_level_column_is_not_needed():
    table = logged(1000, 0, 0.2).drop_columns("level")
    with_levels = estimate(logged(1000, 0, 0.2), ["ips"], bootstrap=QUICK)["ips"]
    assert estimate(table, ["ips"], bootstrap=QUICK)["ips"].value == with_levels.value


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(["personalised", "unpersonalised", "default"]), st.floats(0, 1))
def test_a_log_of_one_fixed_choice_is_refused_with_what_to_log(level, alone):
    table = logged(50, 1, 1.0, level)
    rows = int(49 * alone)  # rows of one candidate say nothing of others either
    columns = {
        "candidates": [["c"]] * rows + [NAMES] * (50 - rows),
        "target_probabilities": [[1.0]] * rows + [TARGET] * (50 - rows),
    }
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values))
    with pytest.raises(BadInput, match="log choices of a policy that explores"):
        estimate(table, ["ips"])


def test_logged_probabilities_speak_for_a_level_that_is_not_personalised():
    table = logged(1000, 0, 0.0)
    table = table.set_column(6, "level", pa.array(["unpersonalised"] * 1000))
    with pytest.raises(BadInput, match="level unpersonalised"):
        estimate(table, ["ips"])
    known = [LOGGING] * 900 + [None] * 50 + [[0.5, 0.5, 0.0]] * 50
    result = estimate(table.append_column("probabilities", pa.array(known)), ["ips"])["ips"]
    assert result.support.drawn == result.decisions == 900
    assert result.support.left_out["level unpersonalised"] >= 50


def test_a_candidate_that_could_not_be_drawn_takes_its_row_away():
    table = logged(100, 0)
    chances = [LOGGING] * 99 + [[0.5, 0.5, 0.0]]
    result = estimate(table.append_column("probabilities", pa.array(chances)), ["ips"])["ips"]
    assert result.support.left_out == {"a candidate that could not be drawn": 1}
    short = pa.array([[0.5, 0.5]] * 100)
    with pytest.raises(BadInput, match=r"row 0 .*probabilities has 2 values for 3 candidates"):
        estimate(table.append_column("probabilities", short), ["ips"])


def test_rows_of_one_candidate_have_weight_1_for_every_policy():
    rows = 100
    table = pa.table(
        {
            "decision_id": [str(i) for i in range(rows)],
            "candidates": [["a"]] * rows,
            "action": ["a"] * rows,
            "reward": np.arange(rows) % 2 * 1.0,
            "propensity": np.ones(rows),
            "target_probabilities": [[1.0]] * rows,
            "level": ["default"] * rows,
        }
    )
    result = estimate(table, ["ips"])["ips"]
    assert result.value == 0.5
    assert result.decisions == rows
    assert result.ess == rows


def test_rows_without_support_still_teach_the_model_of_the_reward():
    table = logged(400, 3, 0.5)
    reward = np.asarray(table["reward"]).copy()
    fallback = np.asarray(table["level"]) == "unpersonalised"
    reward[fallback] = 1.0
    taught = table.set_column(3, "reward", pa.array(reward))
    before, after = (estimate(t, ["dm", "ips"], bootstrap=QUICK) for t in (table, taught))
    assert after["ips"].value == before["ips"].value
    assert after["dm"].value > before["dm"].value


def test_rows_marked_as_a_rules_are_left_out_whatever_else_they_say():
    table = logged(1000, 0)
    rule = np.arange(1000) % 4 == 0
    result = estimate(table.append_column("rule", pa.array(rule)), ["ips"], bootstrap=QUICK)["ips"]
    drawn = estimate(table.filter(pa.array(~rule)), ["ips"], bootstrap=QUICK)["ips"]
    assert result.value == drawn.value
    assert result.support.left_out == {"chosen by a rule": 250}
    with pytest.raises(BadInput, match="rule is int64; give true or false"):
        estimate(table.append_column("rule", pa.array([1] * 1000)), ["ips"])


def test_only_rows_that_an_expression_holds_for_are_weighed(tmp_path):
    table = logged(1000, 0)
    pq.write_table(table, tmp_path / "feedback.parquet")
    part = command(str(tmp_path / "feedback.parquet"), "ips", resamples=100, where="action <> 'a'")
    whole = estimate(
        table.filter(pa.array([a != "a" for a in table["action"].to_pylist()])), ["ips"]
    )
    assert part["ips"].value == whole["ips"].value
