"""`python -m bench rows`: what it measures of joint choices is what the product promises."""

import pytest

from bench.rows.coverage import coverage, gains
from bench.rows.policies import policy_row
from bench.rows.rows import EFFECT, rows, show
from bench.rows.stage import RowStage
from data.errors import BadInput


@pytest.fixture(scope="module")
def stage():
    return RowStage.make(30, 10, 1)


@pytest.mark.parametrize("competition", [False, True])
def test_joint_choices_close_most_of_the_gap_and_lose_nothing_without_one(stage, competition):
    found = policy_row(stage, stage.rows(EFFECT, competition), 10_000, 2)
    assert found.closed >= 0.6
    assert found.even < found.independent < found.orchestrated <= found.oracle
    assert found.independent < found.thompson
    none = policy_row(stage, stage.rows(0.0, competition), 10_000, 2)
    assert none.gain >= -0.005


def test_estimates_a_title_at_a_time_miss_what_windows_hold(stage):
    world = stage.rows(EFFECT, True)
    found = {one.estimator: one for one in gains(stage, world, 20_000, 3)}
    assert found["pi2_dr"].on_line > 0
    assert found["pi2_dr"].held
    assert not found["iips_dr"].held
    covered = {(one.target, one.estimator): one for one in coverage(stage, world, 3, 2000, 4)}
    assert covered["independent", "iips_dr"].coverage == 0
    assert covered["independent", "iips_dr"].bias > 0.1
    assert covered["independent", "pi2_dr"].coverage >= 2 / 3
    assert sum(covered["independent", "slope"].chosen.values()) == pytest.approx(1)


def test_it_prints_a_table_a_part(capsys):
    show(rows(quick=True))
    said = capsys.readouterr().out
    assert all(word in said for word in ("closed", "coverage", "on-line"))
    with pytest.raises(BadInput, match="--parts nothing: choose among policies"):
        rows(parts="nothing")
