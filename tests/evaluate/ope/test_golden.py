"""Every estimator agrees with obp 0.5.7 to 1e-9, in memory and through the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import estimate
from evaluate.ope.estimators import NAMES

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


LAMBDAS = {
    "ips_clipped": 5.0,
    "dr_clipped": 5.0,
    "switch_dr": 3.0,
    "dros": 10.0,
    "sg_ips": 0.05,
    "sg_dr": 0.05,
}
KINDS = {"stochastic": "evaluation_probabilities", "greedy": "greedy_probabilities"}
EXPECTED = json.loads((GOLDEN / "expected.json").read_text())


@pytest.mark.parametrize("kind", KINDS)
def test_every_estimator_agrees_with_obp(problem, kind):
    found = estimate(feedback_table(problem, KINDS[kind]), NAMES, LAMBDAS, bootstrap=Bootstrap(200))
    expected = dict(EXPECTED[kind])
    truth = expected.pop("true_value")
    for name, value in expected.items():
        one = found[name.split("_lambda_")[0]]
        assert one.value == pytest.approx(value, abs=1e-9), name
        if one.interval != "none":
            assert one.low < one.value < one.high
    assert found["snips"].low < truth < found["snips"].high
    assert found["dr"].ess > 100
    assert {name: one.parameter for name, one in found.items() if one.parameter} == LAMBDAS


def test_the_command_says_the_same(problem, tmp_path):
    path = tmp_path / "feedback.parquet"
    pq.write_table(feedback_table(problem, KINDS["greedy"]), path)
    options = "--estimators all --ips-clip 5 --dr-clip 5 --switch-dr-lambda 3 --dros-lambda 10"
    options += " --sg-ips-lambda 0.05 --sg-dr-lambda 0.05 --json"
    done = subprocess.run(
        [*(sys.executable, "-m", "evaluate", "estimate", str(path)), *options.split()],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    for name, value in EXPECTED["greedy"].items():
        if name != "true_value":
            key = name.split("_lambda_")[0]
            assert result[key]["value"] == pytest.approx(value, abs=1e-9), name
