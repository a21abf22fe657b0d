"""`python -m evaluate kinds`: intervals hold the exact worth; files that are wrong are refused."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from evaluate.kinds.command import kinds, show
from evaluate.kinds.estimate import judge_kinds
from evaluate.kinds.kind_file import KindDecisions
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.feedback import GROUPS
from simulate.kinds.command import kinds as simulated

ROW = {
    "profile_id": "p",
    "reward": 1.0,
    "kinds": ["artwork", "synopsis"],
    "sizes": [2, 2],
    "action": [0, 1],
    "logged": [0.25] * 4,
    "target": [0.1, 0.2, 0.3, 0.4],
}


def log(seed: int, count: int = 2400) -> tuple[list[KindDecisions], float, dict[str, float]]:
    """Decisions of three kinds, a third without the last; worth of the target, and of kinds."""
    g = np.random.default_rng(seed)
    fixed = np.random.default_rng(0)  # one world and target in all logs
    sizes = (3, 2, 2)
    value = 0.3 + 0.1 * fixed.normal(size=(3, 2, 1)) + 0.05 * fixed.normal(size=(1, 2, 2))
    target = fixed.dirichlet(np.ones(12)).reshape(sizes)
    parts, worth, added = [], 0.0, {"b": 0.0, "c": 0.0}
    for names, v, pi, many in (
        (("a", "b", "c"), value, target, 2 * count // 3),
        (("a", "b"), value.mean(2), target.sum(2), count - 2 * count // 3),
    ):
        mu = np.full(v.shape, 1 / v.size)
        flat = g.choice(v.size, many)
        action = np.stack(np.unravel_index(flat, v.shape), 1)
        reward = (g.random(many) < v[tuple(action.T)]).astype(float)
        wide = (np.broadcast_to(each, (many, *v.shape)) for each in (mu, pi))
        parts.append(KindDecisions(names, action, *wide, reward, g.integers(0, GROUPS, many)))
        worth += many / count * (pi * v).sum()
        for kind in names[1:]:
            axis = names.index(kind)
            as_logged = pi.sum(axis, keepdims=True) / v.shape[axis]
            share = many / count if kind == "b" else 1.0
            added[kind] += share * ((pi - as_logged) * v).sum()
    return parts, worth, added


def test_intervals_hold_what_the_target_earns_and_what_each_kind_adds():
    held = {"ips": 0, "pi2": 0, "b": 0, "c": 0}
    for seed in range(40):
        parts, worth, added = log(seed)
        report = judge_kinds(parts, Bootstrap(200, seed))
        for name in ("ips", "pi2"):
            held[name] += report.target[name].low <= worth <= report.target[name].high
        for kind, truth in added.items():
            held[kind] += report.adds[kind].low <= truth <= report.adds[kind].high
    assert report.shown == {"a": 2400, "b": 2400, "c": 1600}
    assert min(held.values()) >= 34, held  # of 40; 95% would miss two
    assert report.target["pi2"].ess > report.target["ips"].ess


def test_a_combination_that_no_log_shows_is_known_by_its_pairs_alone(capsys):
    g, pairs = np.random.default_rng(0), np.indices((2, 2, 2))
    value = 0.2 + 0.3 * pairs[0] * pairs[1] + 0.2 * pairs[1] * pairs[2]
    mu = np.full((2, 2, 2), 1 / 7)
    mu[1, 1, 1] = 0.0
    action = np.stack(np.unravel_index(g.choice(8, 3000, p=mu.ravel()), mu.shape), 1)
    wide = (np.broadcast_to(one, (3000, 2, 2, 2)) for one in (mu, np.full(mu.shape, 1 / 8)))
    reward = (g.random(3000) < value[tuple(action.T)]).astype(float)
    part = KindDecisions(("a", "b", "c"), action, *wide, reward, g.integers(0, GROUPS, 3000))
    report = judge_kinds([part], Bootstrap(200, 0))
    assert np.isnan(report.target["ips"].value)
    assert report.target["pi2"].low <= value.mean() <= report.target["pi2"].high
    show(report)
    assert "not known" in capsys.readouterr().out


def test_a_simulated_log_is_judged_right_by_the_command(tmp_path, capsys):
    made = simulated(rounds=3000, titles=4, visits=50, log=tmp_path / "log.parquet")
    report = kinds(tmp_path / "log.parquet", resamples=200)
    assert report.target["pi2"].low <= made.log.target <= report.target["pi2"].high
    assert report.target["pi2"].value > report.logged.value
    show(report)
    said = capsys.readouterr().out
    assert all(word in said for word in ("pi2", "trailer", "3,000"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reward": float("nan")}, "reward nan; give a finite number"),
        ({"kinds": ["artwork", "artwork"]}, "name each kind that was shown once"),
        ({"kinds": []}, "name each kind"),
        ({"sizes": [2]}, "give each kind's candidates"),
        ({"sizes": [0, 2]}, "1 or more"),
        ({"action": [0, 2]}, "count candidates from 0"),
        ({"action": [0]}, "action has 1 values; give 2"),
        ({"target": [0.5] * 4}, "target sums to 2"),
        ({"target": [0.5] * 3}, "target has 3 values; give 4"),
        ({"logged": [0.5, 0.0, 0.5, 0.0]}, "what was shown could not be"),
        ({"logged": [0.0, 0.5, 0.0, 0.5]}, "never did"),
        ({"profile_id": None}, "profile_id"),
    ],
)
def test_a_wrong_row_is_named_with_its_remedy(tmp_path, changes, words):
    file = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist([ROW, ROW | changes]), file)
    with pytest.raises(BadInput, match=words) as refused:
        kinds(file)
    assert str(file) in str(refused.value)


def test_files_that_are_none_are_refused_with_exit_code_2(tmp_path):
    file = tmp_path / "log.parquet"
    with pytest.raises(BadInput, match="no such file"):
        kinds(file)
    pq.write_table(pa.Table.from_pylist([ROW]).slice(0, 0), file)
    with pytest.raises(BadInput, match="has no rows"):
        kinds(file)
    done = subprocess.run(
        [sys.executable, "-m", "evaluate", "kinds", str(file)], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "has no rows" in done.stderr
