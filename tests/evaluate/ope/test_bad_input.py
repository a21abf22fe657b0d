"""Feedback that cannot be judged is refused by file, row and remedy, with exit code 2."""

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


BAD = [
    ({"propensity": [0.5, 0.0, 1.0]}, "row 1 .*propensity 0; .*log it when choosing"),
    ({"propensity": [0.5, float("nan"), 1.0]}, "row 1 .*propensity nan"),
    ({"propensity": [0.5, 0.5, 1.5]}, "row 2 .*propensity 1.5"),
    ({"propensity": [0.5, None, 1.0]}, "row 1 .*propensity is null"),
    ({"propensity": [0.5, -0.1, 1.0]}, "row 1 .*propensity -0.1"),
    ({"reward": [0.5, float("inf"), 1.0]}, "row 1 .*reward inf"),
    ({"action": ["x", "q", "z"]}, "row 1 .*action 'q' is not among its candidates"),
    ({"candidates": [["x", "x"], ["x", "y", "z"], ["z"]]}, "row 0 .*more than once"),
    ({"candidates": [["x", "y"], ["x", "y"], ["z"]]}, "row 1 .*has 3 values for 2 candidates"),
    ({"candidates": [["x", "y"], [], ["z"]]}, "row 1 .*candidates is empty"),
    ({"candidates": [["x", "y"], ["x", None, "z"], ["z"]]}, "row 1 .*decision_id b.* holds a null"),
    (
        {"target_probabilities": [[0.5, 0.5], [0.2, 0.3, 0.4], [1.0]]},
        "row 1 .*target_probabilities sum to 0.9",
    ),
    (
        {"target_probabilities": [[0.5, 0.5], [-0.5, 1.0, 0.5], [1.0]]},
        r"row 1 .*outside \[0, 1\]",
    ),
    ({"decision_id": ["a", "b", "a"]}, "row 2: decision_id a repeats row 0"),
    (
        {"estimated_rewards": [[0.5], [0.2, 0.3, 0.4], [1.0]]},
        "row 0 .*estimated_rewards has 1 values for 2 candidates",
    ),
    (
        {"estimated_rewards": [[0.5, float("nan")], [0.2, 0.3, 0.4], [1.0]]},
        "row 0 .*estimated_rewards .*not finite",
    ),
    ({"propensity": ["high", "low", "low"]}, "propensity is string; give numbers"),
    ({"candidates": ["x", "y", "z"]}, "candidates is string; it must be a list"),
]


@pytest.mark.parametrize(("columns", "message"), BAD)
def test_a_bad_row_is_named(columns, message):
    with pytest.raises(BadInput, match=message):
        estimate(changed(**columns))


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
