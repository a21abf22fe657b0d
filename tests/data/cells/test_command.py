"""Each loop learns from the cells that it is to learn from."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.cells.command import cells
from data.errors import BadInput

FILE = """salt: one
experiments:
  eyes:
    control: live
    who: anna
    why: new eyes
    cells:
      live: {share: 0.5}
      new: {share: 0.3, train: own}
      hold: {share: 0.2, policy: unpersonalised, train: no}
"""


def test_examples_are_parted_by_who_learns_from_them(tmp_path):
    (tmp_path / "e.yaml").write_text(FILE)
    labels = ["eyes:live", None, "eyes:new", "eyes:hold", "old:cell", "eyes:new;eps:more"]
    table = pa.table({"cell": pa.array(labels), "reward": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
    for day, rows in ("2026-01-01", table.slice(0, 4)), ("2026-01-02", table.slice(4)):
        folder = tmp_path / "examples" / f"day={day}"
        folder.mkdir(parents=True)
        pq.write_table(rows, folder / "examples.parquet")  # as `python -m data join` names them
    said = cells(tmp_path / "e.yaml", None, ["m1"], tmp_path / "examples", tmp_path / "out")
    assert said.rows == {"shared": 3, "eyes/new": 2, "left out": 1}
    shared = pq.read_table(tmp_path / "out" / "shared")
    assert shared["reward"].to_pylist() == [0.0, 1.0, 4.0]
    days = sorted(file.parent.name for file in (tmp_path / "out" / "shared").rglob("*.parquet"))
    assert days == ["day=2026-01-01", "day=2026-01-02"]
    own = pq.read_table(tmp_path / "out" / "eyes" / "new")
    assert own["reward"].to_pylist() == [2.0, 5.0]
    assert said.cells["m1"] in ("eyes:live", "eyes:new", "eyes:hold")
    assert said.experiments["eyes"] == {"live": 0.5, "new": 0.3, "hold": 0.2}
    with pytest.raises(BadInput, match="go together"):
        cells(tmp_path / "e.yaml", examples=tmp_path / "examples")


def test_bundles_and_rules_that_are_not_there_are_named(tmp_path):
    bundle, rules = tmp_path / "bundles" / "current", tmp_path / "rules.yaml"
    new = f"new: {{share: 0.3, bundle: {bundle}, rules: {rules}}}"
    text = FILE.replace("new: {share: 0.3, train: own}", new)
    assert text != FILE
    (tmp_path / "e.yaml").write_text(text)
    assert cells(tmp_path / "e.yaml").absent == [str(bundle), str(rules)]
    bundle.mkdir(parents=True)
    assert cells(tmp_path / "e.yaml").absent == [str(rules)]
