"""Feedback of obp becomes examples, of arrays and of a CSV alike."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.check.path import check_path
from data.errors import BadInput
from data.importers.obp_feedback import obp_feedback
from data.schema import read_schema

ROUNDS, ACTIONS = 40, 5


def feedback(**other: np.ndarray) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    usual = {
        "n_rounds": np.array(ROUNDS),
        "n_actions": np.array(ACTIONS),
        "action": np.arange(ROUNDS) % ACTIONS,
        "reward": rng.integers(0, 2, ROUNDS),
        "pscore": rng.uniform(0.1, 0.9, ROUNDS),
        "context": rng.normal(size=(ROUNDS, 2)),
        "position": np.arange(ROUNDS) % 3,
        "action_context": rng.normal(size=(ACTIONS, 4)),
    }
    return {name: value for name, value in (usual | other).items() if value is not None}


def imported(tmp_path, said, **options):
    np.savez(tmp_path / "feedback.npz", **said)
    result = obp_feedback(tmp_path / "feedback.npz", tmp_path / "out", **options)
    return result, pq.read_table(tmp_path / "out" / "examples" / "part-0.parquet")


def test_a_round_becomes_an_example(tmp_path):
    said = feedback()
    result, table = imported(tmp_path, said, days=4)
    assert (result.rounds, result.actions) == (ROUNDS, ACTIONS)
    assert check_path(tmp_path / "out" / "examples", tmp_path / "out" / "catalogue") == []
    assert table["propensity"].to_pylist() == said["pscore"].tolist()
    assert table["reward"].to_pylist() == said["reward"].tolist()
    assert table["action"].to_pylist() == [f"action-{at}" for at in said["action"]]
    facts = table["facts"].to_pylist()
    assert [one["column"] for one in facts] == said["position"].tolist()
    contexts = [dict(one["own"])["context"]["numbers"] for one in facts]
    assert contexts == said["context"].tolist()
    schema = read_schema(tmp_path / "out" / "catalogue")
    assert schema.to_json() == {"facts": {"context": {"kind": "vector"}}}
    days = [moment.date().day for moment in table["time"].to_pylist()]
    assert np.bincount(days)[1:].tolist() == [10] * 4
    described = Catalogue.read(tmp_path / "out" / "catalogue").embeddings
    np.testing.assert_array_equal(described, said["action_context"].astype(np.float32))


def test_a_csv_says_the_same(tmp_path):
    said = feedback(action_context=None, position=None)
    _, table = imported(tmp_path, said)
    columns = {name: said[name] for name in ("action", "reward", "pscore")}
    columns |= {f"context_{k}": said["context"][:, k] for k in range(2)}
    csv.write_csv(pa.table(columns), tmp_path / "feedback.csv")
    obp_feedback(tmp_path / "feedback.csv", tmp_path / "other")
    assert pq.read_table(tmp_path / "other" / "examples" / "part-0.parquet").equals(table)


WRONG = {
    "has no pscore": {"pscore": None},
    r"pscore, row 2 is 0.0; it must be above 0": {"pscore": np.array([0.5, 0.5, 0.0] + [0.5] * 37)},
    r"pscore is \[40, 3\]; give one number a round": {"pscore": np.full((ROUNDS, 3), 0.2)},
    r"action, row 0 is 7; it must be 0 … 4": {"action": np.full(ROUNDS, 7)},
    r"context is \[40\]; give a row a round": {"context": np.zeros(ROUNDS)},
    r"action_context is \[2, 2\]; give a row an action": {"action_context": np.zeros((2, 2))},
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_feedback_is_refused_by_name_and_row(tmp_path, words):
    with pytest.raises(BadInput, match=words):
        imported(tmp_path, feedback(**WRONG[words]))
    assert not (tmp_path / "out").exists()


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK no")
    with pytest.raises(BadInput, match=r"is no \.npz of plain arrays"):
        obp_feedback(tmp_path / "x.npz", tmp_path / "out")
