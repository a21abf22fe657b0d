"""Files of rows: any order and format gives the same weights, and a wrong line is named."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from evaluate.slate.estimate import estimate_slates
from evaluate.slate.read_slates import read_slates

GOLDEN = Path(__file__).parents[2] / "golden" / "slate"
GOOD = {
    "slate_id": ["a", "a", "a", "b", "b"],
    "position": [0, 1, 2, 0, 1],
    "reward": [1.0, 0.0, 0.0, 0.0, 1.0],
    "action": [0, 1, 0, 1, 1],
    "profile_id": ["p", "p", "p", "q", "q"],
    "logged_position": [0.5, 0.25, 0.5, 0.5, 0.75],
    "target_position": [0.9, 0.5, 0.2, 0.1, 0.5],
    "target_position_0": [0.9, 0.5, 0.2, 0.9, 0.5],
    "target_position_1": [0.1, 0.5, 0.8, 0.1, 0.5],
}


def written(place: Path, **columns) -> Path:
    table = {name: values for name, values in (GOOD | columns).items() if values is not None}
    pq.write_table(pa.table(table), place / "rows.parquet")
    return place / "rows.parquet"


def same(one, other):
    for name in ("length", "reward", "slate", "position", "prefix", "pair"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    for mine, others in zip(one.model[:4], other.model[:4], strict=True):
        np.testing.assert_allclose(mine, others, rtol=0, atol=1e-12)


def test_csv_says_what_parquet_says(tmp_path):
    table = pq.read_table(GOLDEN / "chain.parquet").slice(0, 500)
    csv.write_csv(table, tmp_path / "rows.csv")
    pq.write_table(table, tmp_path / "rows.parquet")
    same(read_slates(tmp_path / "rows.csv")[0], read_slates(tmp_path / "rows.parquet")[0])


def test_lines_may_come_in_any_order(tmp_path):
    table = pq.read_table(GOLDEN / "chain.parquet").slice(0, 500)
    order = np.random.default_rng(0).permutation(500)
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table.take(order), tmp_path / "b.parquet")
    one, _ = read_slates(tmp_path / "a.parquet")
    other, _ = read_slates(tmp_path / "b.parquet")
    ids = table["slate_id"].to_numpy()
    first = np.unique(ids[order], return_index=True)[1]
    rank = np.argsort(np.argsort(first))
    for name in ("reward", "position", "prefix", "pair", "slate"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name)[rank], name)


def test_what_choices_read_is_seen_in_their_probabilities():
    assert (read_slates(GOLDEN / "chain.parquet")[0].logged) == "alone"
    assert (read_slates(GOLDEN / "chain.parquet")[0].target) == "neighbour"
    assert (read_slates(GOLDEN / "cascade.parquet")[0].logged) == "whole"


def test_independent_slots_need_their_own_probabilities_alone(tmp_path):
    slates, clustered = read_slates(written(tmp_path), independent=True)
    weight = np.array([[1.8, 2.0, 0.4], [0.2, 2 / 3, 0]])
    np.testing.assert_allclose(slates.position, weight)
    np.testing.assert_allclose(slates.slate, [1.8 * 2 * 0.4, 0.2 * 2 / 3])
    np.testing.assert_allclose(slates.prefix[0], [1.8, 3.6, 1.44])
    np.testing.assert_allclose(slates.pair, [[3.6, 0.8, 0], [0.2 * 2 / 3, 0, 0]])
    assert clustered
    assert slates.logged == slates.target == "alone"
    bare, _ = read_slates(written(tmp_path))
    assert bare.slate is None
    assert bare.pair is None


def test_a_prediction_of_whole_rows_is_the_model_of_windows(tmp_path):
    whole = {"estimated_slate": [1.0] * 3 + [0.5] * 2, "estimated_slate_target": [0.9] * 5}
    slates, _ = read_slates(written(tmp_path, **whole))
    assert [each.shape for each in slates.model.whole] == [(2,), (2,)]
    whole["estimated_slate"][1] = 0.9
    with pytest.raises(BadInput, match=r"row 1 .*estimated_slate 0\.9; it is a finite prediction"):
        read_slates(written(tmp_path, **whole))


def test_a_prediction_that_is_needed_must_be_there(tmp_path):
    given = {"estimated_reward_0": [0.5, 0.1, None, 0.4, 0.2], "estimated_reward_1": [0.3] * 5}
    with pytest.raises(BadInput, match=r"row 2 .*estimated_reward lacks a value"):
        read_slates(written(tmp_path, **given))
    # Neither shown nor possible: nobody asks for it.
    never = {"target_position_0": [0.9, 0.5, 0.0, 0.9, 0.5], "action": [0, 1, 1, 1, 1]}
    never["target_position_1"] = [0.1, 0.5, 1.0, 0.1, 0.5]
    assert np.isfinite(read_slates(written(tmp_path, **given, **never))[0].model.own).all()


def test_after_what_the_target_never_does_it_has_no_choice(tmp_path):
    table = pq.read_table(GOLDEN / "cascade.parquet").slice(0, 10).to_pylist()
    for line in table:
        if line["slate_id"] == 0:
            line |= {"target_slate": 0.0, "target_prefix": 0.0}
            if line["position"] == 0:
                line["target_position"] = 0.0
            else:
                line |= {f"target_given_prefix_{k}": None for k in range(6)}
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "rows.parquet")
    slates, _ = read_slates(tmp_path / "rows.parquet")
    assert (slates.prefix[0] == 0).all()
    assert np.isfinite(slates.model.rest_target).all()
    table[2]["target_prefix"] = table[1]["target_prefix"] = 0.1
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "rows.parquet")
    with pytest.raises(BadInput, match=r"row 2 .*sum to 0; give probabilities of all actions"):
        read_slates(tmp_path / "rows.parquet")


def test_rows_of_one_profile_are_one_group_wherever_they_stand(tmp_path):
    slates, _ = read_slates(written(tmp_path, profile_id=["p"] * 5))
    assert slates.group[0] == slates.group[1]
    slates, clustered = read_slates(written(tmp_path, profile_id=None))
    assert slates.group[0] != slates.group[1]
    assert not clustered


@pytest.mark.filterwarnings("error")
def test_a_target_that_never_does_what_was_logged_is_told_without_a_warning(tmp_path):
    by_action = {"action": None, "target_position_0": None, "target_position_1": None}
    of_one = {"slate_id": list("abcde"), "position": [0] * 5, "profile_id": None}
    file = written(tmp_path, target_position=[0.0] * 5, **by_action, **of_one)
    slates, _ = read_slates(file)
    found = estimate_slates(slates)
    assert np.isnan(found["sniips"].value)
    assert found["sniips"].verdict == "do not use"


BAD = [
    ({"reward": [1.0, float("inf"), 0, 0, 0]}, "row 1 .*position 1.*reward inf; give a finite"),
    ({"reward": ["much", "a", "b", "c", "d"]}, "column reward: its type string does not become"),
    ({"reward": None}, "column reward: the column is missing"),
    ({"position": [0, 1, 3, 0, 1]}, "row 2 .*position 3; the positions of a row are 0, 1, 2"),
    ({"position": [0, 1, 1, 0, 1]}, "row 2 .*position 1; the positions"),
    ({"position": [1, 2, 3, 1, 2]}, "row 2 .*position 3; the positions"),
    ({"position": [0, 1, None, 0, 1]}, "column position, row 2: null"),
    ({"logged_position": [0.5, 0.0, 0.5, 0.5, 0.75]}, "row 1 .*logged_position 0; .*above 0"),
    ({"logged_position": [0.5, 1.5, 0.5, 0.5, 0.75]}, "row 1 .*logged_position 1.5; "),
    ({"target_position": [0.9, -0.5, 0.2, 0.1, 0.5]}, "row 1 .*target_position -0.5; .*within"),
    ({"target_position": None}, "no weight can be computed; give logged_X and target_X"),
    ({"action": None}, "column action is missing"),
    ({"action": [0, 2, 0, 1, 1]}, "row 1 .*action 2; actions are counted from 0, and there are 2"),
    ({"target_position_1": [0.1, 0.5, 0.8, 0.1, 0.6]}, "row 4 .*sum to 1.1; give probabilities"),
    ({"target_position_0": None}, "column target_position_0 is missing"),
    (
        {"logged_slate": [0.1, 0.1, 0.2, 0.4, 0.4], "target_slate": [0.1] * 5},
        "row 2 .*logged_slate 0.2; it is the probability of the whole row",
    ),
    (
        {"logged_prefix": [0.5, 0.2, 0.1, 0.3, 0.2], "target_prefix": [0.9, 0.2, 0.1, 0.1, 0.1]},
        "row 3 .*logged_prefix 0.3; of the first slot it must be logged_position",
    ),
    ({"profile_id": ["p", "p", None, "q", "q"]}, "column profile_id, row 2: null"),
    ({"profile_id": ["p", "p", "q", "q", "q"]}, "row 2 .*profile_id q; a row has one"),
    ({"context": ["u", "u", "u", "u", "v"]}, "row 4 .*context v; a row has one"),
]


@pytest.mark.parametrize(("columns", "message"), BAD)
def test_a_wrong_line_is_named(columns, message, tmp_path):
    with pytest.raises(BadInput, match=message) as refused:
        read_slates(written(tmp_path, **columns))
    assert str(tmp_path) in str(refused.value)


def test_a_csv_that_cannot_be_read_is_refused_without_a_word_of_maps(tmp_path):
    for name, text, message in (
        ("a.csv", "slate_id,position,reward\na,0,1\nb,0\n", "row 1: the line has 2 values"),
        ("b.csv", "slate_id,position,reward\nä,0,1\n", "invalid UTF8 data; mend it$"),
        ("c.csv", "slate_id,positiön,reward\na,0,1\n", "not in utf8 .*; write it in UTF-8$"),
    ):
        (tmp_path / name).write_bytes(text.encode("latin-1"))
        with pytest.raises(BadInput, match=message):
            read_slates(tmp_path / name)


def test_slots_that_are_not_independent_are_not_taken_for_it(tmp_path):
    slate = [0.2] * 3 + [0.375] * 2
    rows = written(tmp_path, logged_slate=slate, target_slate=[0.05] * 5)
    with pytest.raises(BadInput, match="logged_slate is not the product"):
        read_slates(rows, independent=True)
    with pytest.raises(BadInput, match="--independent needs logged_position"):
        read_slates(
            written(tmp_path, logged_position=None, logged_slate=slate, target_slate=[0.05] * 5),
            independent=True,
        )
