"""Metrics beside the reward: gate, experiments and monitor print them, and guards refuse."""

from datetime import UTC, datetime, timedelta
from shutil import copytree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.records import METRICS
from evaluate.experiments.experiment import experiment, show
from evaluate.gate.publish_gate import publish_gate
from evaluate.monitor.monitor import monitor
from evaluate.report.findings import judge_bundle
from evaluate.report.page import write_report

GUARDED = """
rewards:
  taken: {sql: "1.0 * played", guard: -1%}
  missed: {sql: "1.0 * played", guard: +1%}
  watched: {sql: minutes}
"""


def with_metrics(table, **metrics):
    rows = list(zip(*(np.asarray(column).tolist() for column in metrics.values()), strict=True))
    maps = [list(zip(metrics, row, strict=True)) for row in rows]
    return table.append_column("metrics", pa.array(maps, METRICS))


@pytest.fixture(scope="module")
def guarded(story, tmp_path_factory):
    """The story's catalogue with guards, and its examples with metrics."""
    folder = tmp_path_factory.mktemp("guarded")
    copytree(story.root / "catalogue", folder / "catalogue")
    (folder / "catalogue" / "schema.yaml").write_text(GUARDED)
    reward = story.examples["reward"].to_numpy()
    rows = with_metrics(story.examples, taken=reward, missed=1 - reward, watched=60 * reward)
    (folder / "examples").mkdir()
    pq.write_table(rows, folder / "examples" / "e.parquet")
    return folder, rows


def test_a_guard_refuses_what_is_shown_to_break_it(guarded, planted, good):
    folder, rows = guarded
    catalogue, bad = Catalogue.read(folder / "catalogue"), planted([[-1.0]] * 4)
    better = publish_gate(good, bad, rows, catalogue)
    metrics = better.numbers["metrics"]
    assert better.verdict == "passed"
    assert {name: one["verdict"] for name, one in metrics.items()} == {
        "taken": "passed",
        "missed": "passed",
        "watched": None,
    }
    for name, one in metrics.items():
        assert one["difference"]["low"] < one["difference"]["value"] < one["difference"]["high"]
        assert (one["difference"]["value"] < 0) == (name == "missed")
    # With a margin of the reward that allows anything, the guards alone refuse.
    worse = publish_gate(bad, good, rows, catalogue, margin=0.9)
    assert worse.verdict == "refused"
    assert worse.reason.startswith("missed ") or worse.reason.startswith("taken ")
    assert "no more than 1% below, is broken" in worse.reason
    assert "no more than 1% above, is broken" in worse.reason
    assert "watched" in worse.reason


def test_reports_say_metrics_of_a_bundle_beside_random_artwork(guarded, good, tmp_path):
    folder, rows = guarded
    catalogue = Catalogue.read(folder / "catalogue")
    found = judge_bundle(rows, catalogue, good)
    assert [words.split(" ")[0] for words in found.metrics] == ["missed", "taken", "watched"]
    assert "the guard, no more than 1% below, holds" in found.metrics[1]
    assert "under random artwork" in found.metrics[2]
    write_report(found, catalogue, tmp_path / "report.html")
    assert found.metrics[2][1:] in (tmp_path / "report.html").read_text()


def test_a_log_without_metrics_says_nothing_of_them(guarded, planted, good):
    folder, rows = guarded
    plain = rows.drop_columns(["metrics"])
    result = publish_gate(good, None, plain, Catalogue.read(folder / "catalogue"))
    assert "metrics" not in result.numbers


def test_experiments_print_metrics_and_warn_of_broken_guards(tmp_path, capsys):
    g, members = np.random.default_rng(4), 4000
    cell = np.array(["control", "treatment"])[np.arange(members) % 2]
    left = g.random(members) < np.where(cell == "treatment", 0.3, 0.1)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    table = pa.table(
        {
            "profile_id": [f"p{n}" for n in range(members)],
            "cell": cell,
            "time": [first + timedelta(hours=n % 48) for n in range(members)],
            "reward": (g.random(members) < 0.2).astype(float),
        }
    )
    table = with_metrics(table, left=left.astype(float), calm=1.0 - left)
    pq.write_table(table, tmp_path / "e.parquet")
    (tmp_path / "schema.yaml").write_text(
        "rewards:\n  left: {sql: minutes, guard: +10%}\n  calm: {sql: minutes}\n"
    )
    result = experiment(str(tmp_path / "e.parquet"), catalogue=str(tmp_path))
    assert result.state == "warn"
    [words] = result.warnings
    assert "left is 0.292 against 0.1045" in words
    assert "no more than 10% above" in words
    metrics = result.metrics["treatment"]
    assert (metrics["left"].broken, metrics["calm"].broken) == (True, False)
    assert metrics["calm"].look.high < 0 < metrics["left"].look.low
    show(result)
    assert "calm" in capsys.readouterr().out


def test_the_monitor_prints_metrics_and_warns_beyond_their_guards(story, guarded, tmp_path):
    folder, rows = guarded
    live = np.arange(len(rows)) % 2 == 0
    at = rows.schema.get_field_index("policy")
    policy = pa.array(np.where(live, "thompson", "uniform"))
    rows = rows.set_column(at, "policy", policy)
    pq.write_table(rows, tmp_path / "e.parquet")
    found = monitor(
        str(story.log), str(tmp_path / "e.parquet"), catalogue=str(folder / "catalogue")
    )
    checks = {c.name: c for c in found.checks if c.name.startswith("metric_")}
    assert checks.keys() == {"metric_taken", "metric_missed", "metric_watched"}
    assert all(c.state == "ok" for c in checks.values())
    assert "the guard is no more than 1% below" in checks["metric_taken"].words
    drawn = rows["propensity"].to_numpy()
    reward = rows["reward"].to_numpy()
    # The logging policy favoured what loses: its weight is on what was not taken.
    tilted = np.clip(np.where(reward > 0, drawn / 2, np.minimum(2 * drawn, 0.99)), 1e-3, 0.99)
    at = rows.schema.get_field_index("propensity")
    pq.write_table(rows.set_column(at, "propensity", pa.array(tilted)), tmp_path / "e.parquet")
    found = monitor(
        str(story.log), str(tmp_path / "e.parquet"), catalogue=str(folder / "catalogue")
    )
    states = {c.name: c.state for c in found.checks if c.name.startswith("metric_")}
    assert states == {"metric_taken": "alert", "metric_missed": "alert", "metric_watched": "ok"}
