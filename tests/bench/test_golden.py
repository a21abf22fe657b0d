"""`python -m bench golden`: other people's values, by our own estimators, on any problem's size."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bench.golden.golden import golden
from data.errors import BadInput

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
NOT_OURS = {
    *("logged_policy", "target_policy", "reward_structure", "exact_expectation", "sizes"),
    *("true_value", "true_value_target", "true_value_logged", "true_value_on_file_contexts"),
    *("true_value_target_on_file_contexts", "slates", "positions", "actions", "contexts"),
    *("older_items", "items", "observation_days"),
}
"""True values, sizes, and what a problem was made of."""


def farthest(made, expected) -> float:
    """The largest difference of two records of numbers."""
    if isinstance(expected, dict):
        return max(
            (farthest(made[k], each) for k, each in expected.items() if k not in NOT_OURS),
            default=0.0,
        )
    return float(np.abs(np.asarray(made) - np.asarray(expected)).max())


def expected(kind: str):
    return json.loads((GOLDEN / kind / "expected.json").read_text())


@pytest.mark.parametrize(
    ("kind", "limit"), [("ope", 1e-9), ("slate", 1e-9), ("lope", 1e-9), ("progressive", 1e-8)]
)
def test_every_value_is_that_of_others(kind, limit):
    assert farthest(golden(GOLDEN / kind), expected(kind)) < limit


def test_the_command_prints_them_in_the_shape_of_what_is_expected():
    done = subprocess.run(
        [*(sys.executable, "-m", "bench", "golden", str(GOLDEN / "lope"), "--json")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert farthest(json.loads(done.stdout), expected("lope")) < 1e-9


def test_a_folder_of_folders_has_each_under_its_name():
    assert list(golden(GOLDEN)) == ["lope", "ope", "progressive", "slate"]


def test_lambdas_are_those_that_names_ask_for(tmp_path):
    problem = GOLDEN / "ope" / "problem.npz"
    (tmp_path / "problem.npz").write_bytes(problem.read_bytes())
    names = ["ips_clipped_lambda_2.5", "sg_dr_lambda_0.3", "true_value"]
    (tmp_path / "expected.json").write_text(json.dumps({"stochastic": dict.fromkeys(names, 0)}))
    made = golden(tmp_path)["stochastic"]
    with np.load(problem) as held:
        rows = np.arange(len(held["action"]))
        weight = held["evaluation_probabilities"][rows, held["action"]] / held["pscore"]
        shown = held["estimated_rewards"][rows, held["action"]]
        mean = (held["evaluation_probabilities"] * held["estimated_rewards"]).sum(1)
        shrunk = weight / (0.7 + 0.3 * weight)
        assert made == pytest.approx(
            {
                "ips_clipped_lambda_2.5": (np.minimum(weight, 2.5) * held["reward"]).mean(),
                "sg_dr_lambda_0.3": (mean + shrunk * (held["reward"] - shown)).mean(),
            },
            abs=1e-12,
        )


def test_without_expected_values_the_usual_ones_are_given(tmp_path):
    for kind in ("ope", "progressive", "slate"):
        (tmp_path / kind).mkdir()
        for file in (GOLDEN / kind).iterdir():
            if file.name != "expected.json":
                (tmp_path / kind / file.name).write_bytes(file.read_bytes())
        assert farthest(golden(tmp_path / kind), expected(kind)) < 1e-8


def rows_of_lengths(lengths: list[int]) -> list[dict[str, float]]:
    """Lines of rows whose probabilities obey nothing but their own last and first."""
    g = np.random.default_rng(3)
    lines = []
    for row, length in enumerate(lengths):
        chances = {}
        for owner in ("logged", "target"):
            single = g.uniform(0.2, 0.9, length)
            prefix = single[0] * np.cumprod([1, *g.uniform(0.3, 0.9, length - 1)])
            chances[owner] = single, prefix, g.uniform(0.1, 0.5, length)
        for at in range(length):
            line = {"slate_id": row, "position": at, "reward": g.normal(), "action": 0}
            for owner, (single, prefix, pair) in chances.items():
                line |= {
                    f"{owner}_slate": prefix[-1],
                    f"{owner}_position": single[at],
                    f"{owner}_prefix": prefix[at],
                    f"{owner}_pair": pair[at] if at < length - 1 else None,
                }
            share = g.uniform(0.1, 0.9)
            line |= {"target_given_prefix_0": share, "target_given_prefix_1": 1 - share}
            lines.append(line | {"q_hat_0": g.normal(), "q_hat_1": g.normal()})
    g.shuffle(lines)
    return lines


def by_hand(lines: list[dict[str, float]]) -> dict[str, float]:
    """The same estimates, row by row as their formulas are written."""
    sums = dict.fromkeys(("sips", "iips", "rips", "cascade_dr", "pi", "pi2"), 0.0)
    rows: dict[float, list] = {}
    for line in sorted(lines, key=lambda line: line["position"]):
        rows.setdefault(line["slate_id"], []).append(line)
    slate_weights = []
    for row in rows.values():
        w = {
            part: [line[f"target_{part}"] / line[f"logged_{part}"] for line in row[:end]]
            for part, end in (("position", None), ("prefix", None), ("pair", -1), ("slate", None))
        }
        reward = sum(line["reward"] for line in row)
        slate_weights.append(w["slate"][0])
        sums["sips"] += w["slate"][0] * reward
        sums["pi"] += (sum(w["position"]) - (len(row) - 1)) * reward
        sums["pi2"] += (sum(w["pair"]) - sum(w["position"][1:-1])) * reward
        for at, line in enumerate(row):
            sums["iips"] += w["position"][at] * line["reward"]
            sums["rips"] += w["prefix"][at] * line["reward"]
            before = w["prefix"][at - 1] if at else 1
            share = line["target_given_prefix_0"]
            mean = share * line["q_hat_0"] + (1 - share) * line["q_hat_1"]
            sums["cascade_dr"] += w["prefix"][at] * (line["reward"] - line["q_hat_0"])
            sums["cascade_dr"] += before * mean
    means = {name: total / len(rows) for name, total in sums.items()}
    means["snsips"] = means["sips"] / np.mean(slate_weights)
    for name, part in (("sniips", "position"), ("snrips", "prefix")):
        means[name] = 0.0
        for at in {line["position"] for line in lines}:
            here = [line for line in lines if line["position"] == at]
            weights = [line[f"target_{part}"] / line[f"logged_{part}"] for line in here]
            rewards = [w * line["reward"] for w, line in zip(weights, here, strict=True)]
            means[name] += sum(rewards) / np.mean(weights) / len(rows)
    return means


@pytest.mark.parametrize("lengths", [[3] * 40, [2, 3, 7, 4, 2, 5] * 20], ids=["alike", "mixed"])
def test_rows_of_any_length_are_weighed_as_the_formulas_say(lengths, tmp_path):
    lines = rows_of_lengths(lengths)
    pq.write_table(pa.Table.from_pylist(lines), tmp_path / "odd.parquet")
    assert golden(tmp_path)["odd"] == pytest.approx(by_hand(lines), abs=1e-9)


def test_a_folder_without_a_problem_is_refused(tmp_path):
    np.savez(tmp_path / "problem.npz", action=np.zeros(3))
    with pytest.raises(BadInput, match=r"problem\.npz: its arrays are of no known kind"):
        golden(tmp_path)
    (tmp_path / "problem.npz").write_text("hello")
    with pytest.raises(BadInput, match=r"problem\.npz is no whole \.npz"):
        golden(tmp_path)
