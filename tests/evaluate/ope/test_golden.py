"""Every estimator agrees with obp 0.5.7 to 1e-9, from Parquet, through the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "ope"


@pytest.fixture(scope="module")
def problem():
    with np.load(GOLDEN / "problem.npz") as file:
        return {name: file[name] for name in file}


def feedback_table(problem, target: str) -> pa.Table:
    n, k = problem["evaluation_probabilities"].shape
    names = [f"artwork-{a}" for a in range(k)]
    return pa.table(
        {
            "decision_id": [f"{i:032x}" for i in range(n)],
            "candidates": [names] * n,
            "action": [names[a] for a in problem["action"]],
            "reward": problem["reward"],
            "propensity": problem["pscore"],
            "target_probabilities": problem[target].tolist(),
            "estimated_rewards": problem["estimated_rewards"].tolist(),
        }
    )


@pytest.mark.parametrize(
    ("kind", "target"),
    [("stochastic", "evaluation_probabilities"), ("greedy", "greedy_probabilities")],
)
def test_the_command_agrees_with_obp(problem, tmp_path, kind, target):
    path = tmp_path / "feedback.parquet"
    pq.write_table(feedback_table(problem, target), path)
    options = "--estimators all --ips-clip 5 --dr-clip 5 --switch-dr-lambda 3 --dros-lambda 10"
    options += " --sg-ips-lambda 0.05 --sg-dr-lambda 0.05 --json"
    done = subprocess.run(
        [*(sys.executable, "-m", "evaluate", "estimate", str(path)), *options.split()],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    expected = json.loads((GOLDEN / "expected.json").read_text())[kind]
    truth = expected.pop("true_value")
    for name, value in expected.items():
        key = name.split("_lambda_")[0]
        assert result[key]["value"] == pytest.approx(value, abs=1e-9), name
        if result[key]["interval"] != "none":
            assert result[key]["low"] < result[key]["value"] < result[key]["high"]
    assert result["snips"]["low"] < truth < result["snips"]["high"]
    assert result["dr"]["ess"] > 100
