"""Experiments: allocation, looks that may be early, and alarms that ring when planted."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from evaluate.experiments.aa import false_positives
from evaluate.experiments.allocation import allocate
from evaluate.experiments.experiment import experiment
from evaluate.experiments.look import Comparison, ExperimentPlan, all_looks
from evaluate.experiments.member_days import MemberDays
from evaluate.experiments.power import Design, days_needed, power, show, variance_after
from evaluate.experiments.take_difference import take_fraction_difference

HALVES = {"control": 0.5, "treatment": 0.5}


def test_allocation_follows_the_shares_and_experiments_are_independent():
    profiles = [f"p{i}" for i in range(20_000)]
    first = np.array(allocate(profiles, "one", {"a": 0.2, "b": 0.8}))
    second = np.array(allocate(profiles, "two", {"a": 0.2, "b": 0.8}))
    assert abs((first == "a").mean() - 0.2) < 0.02
    assert abs(((first == "a") & (second == "a")).mean() - 0.04) < 0.01
    assert allocate(profiles, "one", {"a": 0.2, "b": 0.8}) == list(first)


def test_growing_a_cell_moves_only_its_neighbour():
    profiles = [f"p{i}" for i in range(5_000)]
    before = allocate(profiles, "x", {"a": 0.2, "b": 0.8})
    after = allocate(profiles, "x", {"a": 0.3, "b": 0.7})
    assert all(new == "a" for old, new in zip(before, after, strict=True) if old == "a")


@pytest.mark.parametrize("shares", [{"a": 1.0}, {"a": 0.5, "b": 0.6}, {"a": 0.0, "b": 1.0}])
def test_shares_must_divide_the_members(shares):
    with pytest.raises(ValueError, match="summing to 1"):
        allocate(["p"], "x", shares)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100))
def test_the_pre_period_takes_variance_away_and_no_bias_in(seed):
    g = np.random.default_rng(seed)
    taste = g.beta(2, 8, 2000)
    treated = g.random(2000) < 0.5
    seen = np.full(2000, 200.0)
    takes = g.binomial(200, taste).astype(float)
    before = g.binomial(200, taste) / 200
    plain = take_fraction_difference(takes, seen, treated)
    helped = take_fraction_difference(takes, seen, treated, before)
    assert helped.explained > 0.5
    assert abs(helped.difference) < 5 * np.sqrt(helped.variance)
    assert helped.variance < plain.variance


def test_looking_daily_at_equal_cells_seldom_finds_a_difference():
    result = false_positives(experiments=60, members=300)
    assert result.found <= 0.05
    assert result.found_by_naive_looks > result.found


def write_experiment(path, lift=0.0, lost=0.0, days=8, members=3000, each=12, seed=0):
    """Examples of two cells, the first three days before the experiment."""
    g = np.random.default_rng(seed)
    profiles = [f"p{i}" for i in range(members)]
    cells = np.array(allocate(profiles, "spring", HALVES))
    kept = (cells == "control") | (g.random(members) >= lost)
    taste = g.beta(3, 7, members)
    columns = {"profile_id": [], "cell": [], "time": [], "reward": []}
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day in range(days):
        live = day >= 3
        who = np.repeat(np.flatnonzero(kept), each)
        rate = taste[who] * (1 + lift * (live & (cells[who] == "treatment")))
        columns["profile_id"] += [profiles[w] for w in who]
        columns["cell"] += [cells[w] if live else None for w in who]
        columns["time"] += [start + timedelta(days=day, hours=3)] * len(who)
        columns["reward"] += (g.random(len(who)) < rate).astype(float).tolist()
    pq.write_table(pa.table(columns), path)


def test_a_planted_lift_is_found_and_equal_cells_are_quiet(tmp_path):
    path = tmp_path / "examples.parquet"
    write_experiment(path, lift=0.08)
    found = experiment(str(path), start="2026-01-04", shares=HALVES)
    cell = found.cells["treatment"]
    assert found.state == "ok"
    assert cell.found
    assert cell.first_found == next(k.day for k in cell.looks if k.low > 0 or k.high < 0)
    assert 0.04 < cell.lift < 0.12
    assert cell.explained > 0.2
    assert len(cell.looks) == 5
    write_experiment(path)
    quiet = experiment(str(path), start="2026-01-04", shares=HALVES)
    assert quiet.state == "ok"
    assert not any(k.low > 0 or k.high < 0 for k in quiet.cells["treatment"].looks)


def test_a_planted_sample_ratio_mismatch_alerts(tmp_path):
    path = tmp_path / "examples.parquet"
    write_experiment(path, lost=0.2, days=5)
    options = ["--start", "2026-01-04", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "evaluate", "experiment", str(path), *options],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["state"] == "alert"
    assert "sample ratio mismatch" in found["warnings"][0]


def test_bad_input_says_what_to_do(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        experiment(str(tmp_path / "none"))
    path = tmp_path / "examples.parquet"
    write_experiment(path, days=4, members=50)
    with pytest.raises(BadInput, match="--control"):
        experiment(str(path), control="nobody")
    with pytest.raises(BadInput, match="YYYY-MM-DD"):
        experiment(str(path), start="yesterday")
    with pytest.raises(BadInput, match="summing to 1"):
        experiment(str(path), shares={"control": 0.9, "treatment": 0.9})
    with pytest.raises(BadInput, match="evaluate power"):
        experiment(str(path), looks=5)


def test_power_needs_more_days_for_less_lift_and_for_looking_daily():
    large = days_needed(Design(0.1, 0.04, 20_000, 5.0, 0.03))
    small = days_needed(Design(0.1, 0.02, 20_000, 5.0, 0.03), looks=5)
    assert large.fixed < small.fixed <= small.planned < small.always_valid
    members_differ = days_needed(Design(0.3, 0.052, 1500, 12.0, 0.138), looks=4)
    assert members_differ.planned in range(4, 8)  # the last looks bring little that is new
    hopeless = days_needed(Design(0.1, 0.001, 100, 5.0, 0.03), looks=5)
    assert (hopeless.fixed, hopeless.planned, hopeless.always_valid) == (None, None, None)


def test_power_plans_nothing_that_experiment_would_not_read(capsys):
    """Cells too small for a look are refused, and a level of its own is handed on."""
    with pytest.raises(BadInput, match="at least 30 a cell"):
        power(0.17, lift=1.0, members=59)
    show(power(0.17, lift=0.13, members=500, looks=5))
    assert "--confidence" not in capsys.readouterr().out
    show(power(0.17, lift=0.13, members=750, looks=5, alpha=0.01, cells=3))
    assert "--confidence 0.99" in capsys.readouterr().out


def test_power_is_of_the_variance_that_experiment_reads():
    """Members who come unevenly, and a treatment cell that takes more."""
    g, errors = np.random.default_rng(11), []
    design = Design(0.2, 0.3, 400, 5.0, 0.08, uneven=0.5**0.5)
    weight = 0.2 * 0.8 / 0.08**2 - 1
    for _ in range(40):
        treated = np.arange(800) < 400
        taste = g.beta(0.2 * weight, 0.8 * weight, 800) * (1 + 0.3 * treated)
        seen = g.poisson(g.gamma(2, 2.5, 800) * 10).astype(float)
        takes = g.binomial(seen.astype(int), np.minimum(taste, 1)).astype(float)
        here = seen > 0
        errors.append(take_fraction_difference(takes[here], seen[here], treated[here]).variance)
    assert np.mean(errors) == pytest.approx(variance_after(design, 10), rel=0.06)


def test_what_power_plans_experiment_reads(tmp_path):
    """A lift of which power says when it is found, read with what power prints."""
    plan = days_needed(Design(0.3, 0.058, 1500, 3.0, 0.138), looks=4)
    assert plan.planned in range(4, 20)
    path = tmp_path / "examples.parquet"
    write_experiment(path, lift=0.058, days=3 + plan.planned + 1, each=3)
    options = {"tau": plan.tau, "looks": 4, "days": plan.planned}
    found = experiment(str(path), start="2026-01-04", shares=HALVES, **options)
    cell = found.cells["treatment"]
    assert cell.found
    assert cell.tau == plan.tau
    last = cell.planned[-1]
    assert last.day == f"2026-01-{3 + plan.planned:02}"  # none after the planned end
    at_the_end = next(look for look in cell.looks if look.day == last.day)
    assert last.high - last.low < 0.8 * (at_the_end.high - at_the_end.low)
    assert any("planned looks" in words for words in found.notes)


def test_small_cells_get_no_look_and_busy_members_are_capped(tmp_path):
    path = tmp_path / "examples.parquet"
    write_experiment(path, days=5, members=50)
    small = experiment(str(path), start="2026-01-04", shares=HALVES)
    assert not small.cells
    assert any("fewer than 30 members" in words for words in small.notes)
    write_experiment(path, days=5, members=200)
    table = pq.read_table(path)
    busy = table.filter(pa.compute.equal(table["profile_id"], "p3"))
    pq.write_table(pa.concat_tables([table, *[busy] * 60]), path)
    ruled = experiment(str(path), start="2026-01-04", shares=HALVES)
    assert ruled.cells["treatment"].capped >= 1
    assert any("99th percentile" in words for words in ruled.notes)


def test_the_error_holds_where_a_few_members_own_the_impressions():
    """Equal cells of 20, Pareto use: without leverage one in seven is called different."""
    g, wrong = np.random.default_rng(5), []
    for _ in range(600):
        taste = g.beta(6.5, 32, 40)
        seen = g.poisson(np.minimum(g.pareto(1.3, 40) + 1, 400) * 20).astype(float) + 1
        takes = g.binomial(seen.astype(int), taste).astype(float)
        d = take_fraction_difference(takes, seen, np.arange(40) < 20)
        wrong.append(abs(d.difference) > 1.96 * np.sqrt(d.variance))
    assert np.mean(wrong) < 0.1


def test_one_member_who_is_the_cell_does_not_look_certain():
    seen = np.full(80, 10.0)
    takes = np.tile([2.0, 3.0], 40)
    seen[0], takes[0] = 5000.0, 1500.0
    d = take_fraction_difference(takes, seen, np.arange(80) < 40)
    assert d.capped == 1
    assert abs(d.difference) < 0.05


def rare_days(rng, of_treated=1.0, days=10, members=400):
    """A tenth of the members in the treatment cell, who see one page a day and take 1%."""
    treated = np.arange(members) < members // 10
    rate = np.where(treated, of_treated * 0.01, 0.01)
    seen = rng.poisson(1, (days, members)).astype(float)
    day, who = np.nonzero(seen)
    return MemberDays(
        np.array([f"p{at}" for at in who], object),
        np.where(treated, "new", "control").astype(object)[who],
        np.array([str(date(2026, 1, 1) + timedelta(days=int(at))) for at in day], object),
        rng.binomial(seen.astype(int), rate)[day, who].astype(float),
        seen[day, who],
    )


def looks_at(rows):
    members = rows.cell_of(None)
    return all_looks(rows, members, Comparison("control", "new", None, ExperimentPlan()))


def test_a_small_cell_that_happens_to_have_no_takes_yet_is_not_called_different():
    """Its own variance would be next to nothing: 15 of these 40 were called different."""
    rng = np.random.default_rng(8)
    found = [
        any(k.excludes_zero for k in looks_at(rare_days(rng, days=30)).daily) for _ in range(40)
    ]
    assert sum(found) <= 4
    gone = looks_at(rare_days(rng, of_treated=0.0, days=60))
    assert gone.too_small > 3
    assert gone.daily[-1].high < 0


def test_nothing_is_looked_at_before_ten_takes_are_due(tmp_path):
    write_experiment(tmp_path / "examples.parquet", days=5, members=200)
    nobody = pq.read_table(tmp_path / "examples.parquet")
    at = nobody.schema.get_field_index("reward")
    none = pa.array(np.zeros(len(nobody)))
    pq.write_table(nobody.set_column(at, "reward", none), tmp_path / "none.parquet")
    result = experiment(str(tmp_path / "none.parquet"), start="2026-01-04")
    assert not result.cells
    assert "fewer than 10 takes were due" in result.notes[0]
