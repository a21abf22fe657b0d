"""What Marquee would have earned beside a caller: against the truth, and only where it varies."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.cells.shadow import shadow as measured
from data.errors import BadInput
from evaluate.shadow.shadow import shadow

A, B = ["a", "b"], ["c"]


def test_given_propensities_hold_the_truth_and_frequencies_mislead_where_tastes_decide():
    given, tastes, frequent, misled = measured(runs=20, members=800)
    for one in (given, tastes, frequent):
        assert one.held >= 0.85
        assert abs(one.bias) < one.half / 2
    assert given.switch >= 0.8
    assert tastes.switch == 0  # Marquee earns less there
    assert misled.held < 0.2  # as the page says
    assert frequent.switch == misled.switch == 0  # so nobody is told to switch by them


@pytest.fixture
def log(tmp_path):
    """Two artworks of a title drawn evenly, of which Marquee would always show the better."""
    rows = [
        {
            "decision_id": f"d{at}",
            "profile_id": f"p{at % 100}",
            "title_id": 7,
            "candidates": A,
            "action": A[at % 2],
            "propensity": 0.5,
            "probabilities": [0.1, 0.9],
            "reward": float((at % 2 == 1 and at % 3 > 0) or at % 10 == 0),
            "bundle": "b1",
            "level": "shown",
        }
        for at in range(1_200)
    ]
    rows += [
        {**rows[0], "decision_id": "one", "candidates": B, "action": "c", "probabilities": [1.0]}
    ]
    rows += [{**rows[0], "decision_id": "drawn", "level": "personalised"}]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table.drop_columns("reward"), tmp_path / "decisions.parquet")
    pq.write_table(table.drop_columns("probabilities"), tmp_path / "examples.parquet")
    return tmp_path


def test_rows_of_a_log_are_weighed(log):
    said = shadow(log / "decisions.parquet", log / "examples.parquet")
    assert (said.rows, said.varied, said.members, said.bundles) == (1_200, 1_200, 100, ["b1"])
    assert said.agreement == pytest.approx(0.5)
    assert said.same_best == pytest.approx(0.5)
    worth = {"a": 0.2, "b": 2 / 3}
    assert said.beside.present == pytest.approx(sum(worth.values()) / 2)
    assert said.beside.other == pytest.approx(0.1 * worth["a"] + 0.9 * worth["b"])
    assert said.verdict == "switch"


def test_nothing_is_said_where_it_does_not_vary(log):
    table = pq.read_table(log / "examples.parquet")
    certain = table.set_column(
        table.schema.get_field_index("propensity"), "propensity", pa.array([1.0] * len(table))
    )
    pq.write_table(certain, log / "certain.parquet")
    said = shadow(log / "decisions.parquet", log / "certain.parquet")
    assert (said.verdict, said.beside, said.varied) == ("unknown", None, 0)
    by_title = shadow(log / "decisions.parquet", log / "certain.parquet", "by-title")
    assert by_title.beside.other == pytest.approx(0.62)
    assert by_title.verdict == "unknown"
    with pytest.raises(BadInput, match="no Parquet file"):
        shadow(log / "nowhere", log / "certain.parquet")
