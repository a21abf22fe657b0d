"""Logs with anomalies, and the join judged by what their maker knows."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.join.join import join
from data.join.open_engine import EngineSettings
from simulate.anomalies.anomalous_log import ANOMALIES, write_anomalous_log

ROOT = Path(__file__).parents[3]


def truth_of(path):
    table = pq.read_table(path)
    return dict(zip(table["decision_id"].to_pylist(), table["reward"].to_pylist(), strict=True))


def examples_of(folder):
    table = pq.read_table(folder)
    assert len(set(table["decision_id"].to_pylist())) == table.num_rows
    return dict(zip(table["decision_id"].to_pylist(), table["reward"].to_pylist(), strict=True))


@pytest.mark.parametrize("anomalies", ["none", *ANOMALIES])
def test_each_anomaly_joins_to_its_truth(anomalies, tmp_path):
    truth = tmp_path / "truth.parquet"
    made = write_anomalous_log(300, 11, tmp_path / "log", truth, anomalies)
    join(tmp_path / "log", None, tmp_path / "examples")
    assert examples_of(tmp_path / "examples") == truth_of(truth)
    assert made["examples"] > 0


@pytest.mark.parametrize("seed", [1, 2])
def test_all_together_join_to_their_truth_whatever_the_batches(seed, tmp_path):
    truth = tmp_path / "truth.parquet"
    write_anomalous_log(2000, seed, tmp_path / "log", truth)
    for limit in (1, 10**6):
        join(
            tmp_path / "log",
            None,
            tmp_path / f"{limit}",
            engine=EngineSettings(batch_decisions=limit),
        )
        assert examples_of(tmp_path / f"{limit}") == truth_of(truth)


def test_the_same_seed_writes_the_same_log(tmp_path):
    for name in ("one", "two"):
        write_anomalous_log(200, 5, tmp_path / name, tmp_path / f"{name}.parquet")
    for file in sorted((tmp_path / "one").rglob("*.parquet")):
        other = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert pq.ParquetFile(file).read().equals(pq.ParquetFile(other).read())
    assert truth_of(tmp_path / "one.parquet") == truth_of(tmp_path / "two.parquet")


def test_a_log_that_arrives_in_parts_ends_in_the_same_examples(tmp_path):
    log = tmp_path / "log"
    write_anomalous_log(45_000, 3, log, tmp_path / "truth.parquet")
    later = sorted((log / "events").glob("*.parquet"))[1:]
    later += sorted((log / "decisions").glob("*.parquet"))[1:]
    for file in later:
        file.rename(file.with_suffix(".later"))
    for file in later:
        join(log, None, tmp_path / "examples")
        file.with_suffix(".later").rename(file)
    join(log, None, tmp_path / "examples")
    assert examples_of(tmp_path / "examples") == truth_of(tmp_path / "truth.parquet")


@pytest.mark.parametrize(
    ("decisions", "anomalies", "complaint"),
    [(0, "all", "--decisions 0 makes no log"), (5, "late,loud", "no anomaly 'loud'")],
)
def test_what_makes_no_log_is_refused(decisions, anomalies, complaint, tmp_path):
    with pytest.raises(BadInput, match=complaint):
        write_anomalous_log(decisions, 1, tmp_path, None, anomalies)


def test_a_log_is_never_written_over_another(tmp_path):
    write_anomalous_log(5, 1, tmp_path, None)
    with pytest.raises(BadInput, match="not empty"):
        write_anomalous_log(5, 2, tmp_path, None)


def test_the_documented_commands_end_in_the_truth(tmp_path):
    log, truth, out = (str(tmp_path / name) for name in ("log", "truth.parquet", "examples"))
    made = ["simulate", "log", "--anomalies", "all", "--decisions", "300", "--seed", "8", "--out"]
    for command in ([*made, log, "--truth", truth], ["data", "join", "--log", log, "--out", out]):
        ran = subprocess.run(
            [sys.executable, "-m", *command, "--json"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        json.loads(ran.stdout)
    assert examples_of(out) == truth_of(truth)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--anomalies", "all", "--catalogue", "there"], "leave out --catalogue there"),
        ([], "--catalogue is missing"),
        (["--catalogue", "there", "--truth", "truth.parquet"], "goes with --anomalies"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, complaint, tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "simulate", "log", "--out", str(tmp_path / "log"), *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert ran.returncode == 2
    assert complaint in ran.stderr
    assert list(tmp_path.iterdir()) == []
