"""`python -m bench rows`: what it measures of joint choices is what the product promises."""

import pytest

from bench.rows.bias import biases
from bench.rows.coverage import coverage, gains
from bench.rows.few import few_rows
from bench.rows.maps import map_rows
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


def test_few_artworks_keep_the_more_the_more_there_are_and_most_if_they_suit_others(stage):
    found = few_rows(stage, stage.rows(EFFECT, False), 10_000, 2)
    for name in ("likeliest_left", "suited_left"):
        shares = [getattr(row, name) for row in found]
        assert shares == sorted(shares)
        assert 0 < shares[0] < shares[-1] <= 1.001
    assert all(row.suited >= row.likeliest for row in found)
    few = {row.kept: row for row in few_rows(stage, stage.rows(0.0, False), 10_000, 2)}
    assert few[2].likeliest == pytest.approx(few[5].likeliest, rel=5e-3)


def test_maps_of_a_few_keep_most_of_what_live_gains_and_lose_nothing_without_neighbours(stage):
    for row in map_rows(stage, stage.rows(EFFECT, False), 10_000, 2):
        assert row.map_closed >= 0.6
        assert row.map_closed >= 0.85 * row.live_closed
        assert row.voted_closed < 0.5 * row.map_closed
    for row in map_rows(stage, stage.rows(0.0, False), 10_000, 2):
        assert row.mapped >= row.alone * (1 - 0.005)


def test_estimates_a_title_at_a_time_miss_what_windows_hold(stage):
    world = stage.rows(EFFECT, True)
    found = {one.estimator: one for one in gains(stage, world, 20_000, 3)}
    widths = {name: (one.high - one.low) / 2 for name, one in found.items()}
    apart = {name: abs(one.off_line - one.on_line) for name, one in found.items()}
    assert found["pi2_dr"].on_line > 0
    assert apart["pi2_dr"] < 2 * widths["pi2_dr"]
    assert apart["iips_dr"] > 2 * widths["iips_dr"]
    covered = {(one.target, one.estimator): one for one in coverage(stage, world, 3, 2000, 4)}
    assert covered["independent", "iips_dr"].coverage == 0
    assert covered["independent", "iips_dr"].bias > 0.1
    assert covered["independent", "pi2_dr"].coverage >= 2 / 3
    assert sum(covered["independent", "slope"].chosen.values()) == pytest.approx(1)


def test_windows_have_the_bias_that_theory_gives_them(stage):
    apart = biases(stage, stage.rows(0.0, False), 2000, 5)
    for one in apart:
        assert [one.title, one.pi, one.pi2, one.pi3] == pytest.approx([0] * 4, abs=1e-9)
    beside = {one.target: one for one in biases(stage, stage.rows(EFFECT, False), 2000, 5)}
    joint = beside["orchestrated"]
    # A slot's take depends on both of its neighbours: three are enough, two nearly.
    assert joint.pi3 == pytest.approx(0, abs=1e-9)
    assert abs(joint.pi2) < 0.02 < -joint.pi
    compete = {one.target: one for one in biases(stage, stage.rows(0.0, True), 2000, 5)}
    alone = compete["independent"]
    assert alone.title > 0.15 > alone.pi > alone.pi2 > alone.pi3 > 0


def test_it_prints_a_table_a_part(capsys):
    show(rows(quick=True))
    said = capsys.readouterr().out
    assert all(word in said for word in ("closed", "chosen", "on-line", "suited", "(aim 0.93)"))
    with pytest.raises(BadInput, match="--parts nothing: choose among policies"):
        rows(parts="nothing")
