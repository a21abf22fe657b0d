"""Feedback that cannot be judged is refused by file, row and remedy, with exit code 2."""

import math
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from evaluate.ope.estimate import estimate

GOOD = {
    "decision_id": ["a", "b", "c"],
    "candidates": [["x", "y"], ["x", "y", "z"], ["z"]],
    "action": ["x", "y", "z"],
    "reward": [1.0, 0.0, 1.0],
    "propensity": [0.5, 0.25, 1.0],
    "target_probabilities": [[0.5, 0.5], [0.2, 0.3, 0.5], [1.0]],
}


def changed(**columns) -> pa.Table:
    return pa.table({**GOOD, **columns})


PROPENSITY = (
    "it is the probability with which the action was chosen, above 0 and at most 1: log it when"
    " choosing, or drop the row"
)
OFFERED = "log the candidates that were offered, or drop the row"
EACH = "give one value a candidate"
SUM = "divide by their sum, one probability a candidate"
ROW_1 = "row 1 (decision_id b): "
BAD = [
    ({"propensity": [0.5, 0.0, 1.0]}, f"{ROW_1}propensity 0; {PROPENSITY}"),
    ({"propensity": [0.5, math.nan, 1.0]}, f"{ROW_1}propensity nan; {PROPENSITY}"),
    ({"propensity": [0.5, 0.5, 1.5]}, f"row 2 (decision_id c): propensity 1.5; {PROPENSITY}"),
    ({"propensity": [0.5, -0.1, 1.0]}, f"{ROW_1}propensity -0.1; {PROPENSITY}"),
    ({"propensity": [0.5, None, 1.0]}, f"{ROW_1}propensity is null; fill it in or drop the row"),
    ({"reward": [0.5, math.inf, 1.0]}, f"{ROW_1}reward inf; give a finite number"),
    (
        {"action": ["x", "q", "z"]},
        f"{ROW_1}action 'q' is not among its candidates; {OFFERED}",
    ),
    (
        {"candidates": [["x", "x"], ["x", "y", "z"], ["z"]]},
        "row 0 (decision_id a): action 'x' stands more than once among its candidates; list each"
        " candidate once",
    ),
    (
        {"candidates": [["x", "y"], ["x", "y"], ["z"]]},
        f"{ROW_1}target_probabilities has 3 values for 2 candidates; {EACH}",
    ),
    (
        {"candidates": [["x", "y"], [], ["z"]]},
        f"{ROW_1}candidates is empty; give every decision its candidates, or drop it",
    ),
    (
        {"candidates": [["x", "y"], ["x", None, "z"], ["z"]]},
        f"{ROW_1}candidates holds a null; give a value for every candidate",
    ),
    (
        {"target_probabilities": [[0.5, 0.5], [0.2, 0.3, 0.4], [1.0]]},
        f"{ROW_1}target_probabilities sum to 0.9; {SUM}",
    ),
    (
        {"target_probabilities": [[0.5, 0.5], [0.2, 0.3, 0.5], [1.0001]]},
        "row 2 (decision_id c): target_probabilities holds a value outside [0, 1]; give"
        " probabilities",
    ),
    (
        {"target_probabilities": [[0.5, 0.5], [-0.5, 1.0, 0.5], [1.0]]},
        f"{ROW_1}target_probabilities holds a value outside [0, 1]; give probabilities",
    ),
    (
        {"decision_id": ["a", "b", "a"]},
        "row 2: decision_id a repeats row 0; keep one row a decision",
    ),
    (
        {"estimated_rewards": [[0.5], [0.2, 0.3, 0.4], [1.0]]},
        f"row 0 (decision_id a): estimated_rewards has 1 values for 2 candidates; {EACH}",
    ),
    (
        {"estimated_rewards": [[0.5, math.nan], [0.2, 0.3, 0.4], [1.0]]},
        "row 0 (decision_id a): estimated_rewards holds a value that is not finite; check the"
        " model",
    ),
    (
        {"probabilities": [[0.5, 0.5], [0.5, 0.5], None]},
        f"{ROW_1}probabilities has 2 values for 3 candidates; {EACH}",
    ),
    ({"propensity": ["high", "low", "low"]}, "propensity is string; give numbers"),
    (
        {"target_probabilities": [["a", "b"], ["a", "b", "c"], ["a"]]},
        "target_probabilities holds string; give numbers",
    ),
    (
        {"candidates": ["x", "y", "z"]},
        "candidates is string; it must be a list, one value a candidate",
    ),
    (
        {"action": [0.5, 1.5, 2.5], "candidates": [[b"x", b"y"], [b"x", b"y", b"z"], [b"z"]]},
        "action is double and candidates are lists of binary; write both with one type",
    ),
    ({"rule": [1, 0, 0]}, "rule is int64; give true or false"),
]


@pytest.mark.parametrize(("columns", "message"), BAD)
def test_a_bad_row_is_named_with_what_is_wrong_and_the_remedy(columns, message):
    with pytest.raises(BadInput) as refused:
        estimate(changed(**columns))
    assert str(refused.value) == f"feedback table: {message}"


def test_sums_that_rounding_leaves_are_taken():
    target = [[0.500004, 0.500004], [0.2, 0.3, 0.499992], [1.000009]]
    assert estimate(changed(target_probabilities=target), ["ips"])["ips"].decisions == 3
    with pytest.raises(BadInput, match=r"target_probabilities sum to 1\.000016;"):
        estimate(changed(target_probabilities=[[0.500008] * 2, *target[1:]]), ["ips"])


def test_a_later_batch_names_its_own_row():
    rows = 70_000
    table = pa.table(
        {
            "decision_id": [str(i) for i in range(rows)],
            "candidates": [["x", "y"]] * rows,
            "action": ["x"] * rows,
            "reward": [1.0] * rows,
            "propensity": [0.5] * (rows - 1) + [0.0],
            "target_probabilities": [[0.5, 0.5]] * rows,
        }
    )
    with pytest.raises(BadInput, match="row 69999 "):
        estimate(table)


def test_a_missing_column_an_empty_table_and_a_wrong_name_are_refused():
    with pytest.raises(BadInput, match="column propensity is missing"):
        estimate(changed().drop(["propensity"]))
    with pytest.raises(BadInput, match="no rows"):
        estimate(changed().slice(0, 0))
    with pytest.raises(BadInput, match="no magic; choose among replay"):
        estimate(changed(), ["magic"])
    with pytest.raises(BadInput, match="λ of sg_ips is 2"):
        estimate(changed(), ["sg_ips"], {"sg_ips": 2.0})


def test_columns_that_no_feedback_has_are_refused_by_name():
    twice = changed().append_column("reward", pa.array([1.0, 0.0, 1.0]))
    with pytest.raises(BadInput, match="column reward is there 2 times; keep one"):
        estimate(twice)
    nested = {
        "decision_id": [["a"], ["b"], ["c"]],
        "profile_id": [{"a": 1}] * 3,
        "level": [["personalised"]] * 3,
        "action": [["x"], ["y"], ["z"]],
    }
    for name, values in nested.items():
        with pytest.raises(BadInput, match=rf"{name} is .*; give text or whole numbers$"):
            estimate(changed(**{name: values}))
    lists = {"candidates": [[["x"], ["y"]], [["x"], ["y"], ["z"]], [["z"]]]}
    with pytest.raises(BadInput, match="feedback table"):
        estimate(changed(**lists))


def test_text_that_is_none_is_refused_wherever_it_stands():
    buffers = [
        None,
        pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"),
        pa.py_buffer(b"\xff\xfe\xfd"),
    ]
    text = pa.Array.from_buffers(pa.string(), 3, buffers)
    for name in ("decision_id", "action", "level", "profile_id"):
        with pytest.raises(BadInput, match=r"from row 0 on .*UTF8.*; write it again$"):
            estimate(changed(**{name: text}))


def test_the_command_exits_2_with_the_message_alone(tmp_path):
    path = tmp_path / "feedback.parquet"
    pq.write_table(changed(propensity=[0.5, 0.0, 1.0]), path)
    bad = tmp_path / "notes.parquet"
    bad.write_text("not parquet")
    for file, words in (
        (path, "row 1"),
        (bad, "not a whole Parquet file"),
        (tmp_path, "no such file"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "evaluate", "estimate", str(file), "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert words in done.stderr
        assert str(file) in done.stderr
        assert "Traceback" not in done.stderr
