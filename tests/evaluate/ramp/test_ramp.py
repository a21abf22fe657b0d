"""Ramps: a harmful cell is stopped, a good one grows, and the state lasts."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.cells.written import read_experiments
from data.errors import BadInput
from evaluate.experiments.experiment import experiment
from evaluate.ramp.ramp import ramp, status

FILE = """
salt: one
experiments:
  eyes:
    control: live
    who: anna
    why: new eyes
    cells: {live: {share: 0.45}, new: {share: 0.45, bundle: b}, hold: {share: 0.1}}
    ramp: {cell: new, steps: [0.2, 0.5, 1]}
"""
DAY = datetime(2026, 3, 1, tzinfo=UTC)
MEMBERS = [f"m{at}" for at in range(2_000)]


@pytest.fixture
def file(tmp_path):
    written = tmp_path / "experiments.yaml"
    written.write_text(FILE)
    return written


def log_a_day(file, log, at, lift, seed=0):
    """Examples of a day by the cells of that day, as the service labels them."""
    found = read_experiments(file)
    one = found.named("eyes")
    cells = found.cells_of_all(MEMBERS, one)
    g = np.random.default_rng([seed, at])
    chance = np.where(np.array(cells) == "new", 0.2 * (1 + lift), 0.2)
    taken = g.random((5, len(MEMBERS))) < chance
    log.mkdir(exist_ok=True)
    table = pa.table(
        {
            "profile_id": MEMBERS * 5,
            "cell": [f"{one.label(cell)};draw:more" for cell in cells] * 5,
            "time": pa.array(
                [DAY + timedelta(days=at)] * 5 * len(MEMBERS), pa.timestamp("us", "UTC")
            ),
            "reward": taken.astype(float).ravel(),
        }
    )
    pq.write_table(table, log / f"{at:02d}.parquet")


def nights(file, log, lift, count):
    for at in range(count):
        log_a_day(file, log, at, lift)
        tomorrow = str((DAY + timedelta(days=at + 1)).date())
        [one] = ramp(str(log), file, day=tomorrow)
        if status([one]) or one.phase == "done":
            return at, one
    return count, one


def begin(file, tmp_path):
    log_a_day(file, tmp_path / "log", 0, 0.0)
    [one] = ramp(str(tmp_path / "log"), file, day=str(DAY.date()))
    assert (one.verdict, one.share, one.phase) == ("wait", 0.2, "running")


def test_a_harmful_cell_is_stopped_and_stays_so(file, tmp_path):
    begin(file, tmp_path)
    _, one = nights(file, tmp_path / "log", -0.4, 20)
    assert (one.verdict, one.share, one.phase) == ("stop", 0.0, "stopped")
    assert one.lost > 0
    assert one.high < 0
    assert "new" not in read_experiments(file).cells_of_all(
        MEMBERS, read_experiments(file).named("eyes")
    )
    [again] = ramp(str(tmp_path / "log"), file)
    assert (again.share, again.phase, status([again])) == (0.0, "stopped", 0)
    kept = json.loads((tmp_path / "experiments.ramp.json").read_text())["eyes"]
    assert "stopped at" in kept["history"][-1]


def test_a_good_cell_comes_to_the_last_step_and_the_hold_out_stays(file, tmp_path):
    begin(file, tmp_path)
    before = read_experiments(file)
    held = before.cells_of_all(MEMBERS, before.named("eyes"))
    at, one = nights(file, tmp_path / "log", 0.3, 20)
    assert (one.share, one.phase) == (1.0, "done")
    assert at >= 3  # two steps of two days each
    after = read_experiments(file)
    now = after.cells_of_all(MEMBERS, after.named("eyes"))
    assert set(now) == {"new", "hold"}
    assert [c == "hold" for c in held] == [c == "hold" for c in now]


def test_a_dry_look_changes_nothing_and_a_hand_stops(file, tmp_path):
    begin(file, tmp_path)
    kept = (tmp_path / "experiments.ramp.json").read_text()
    [one] = ramp(str(tmp_path / "log"), file, name="eyes", stop=True, dry=True)
    assert (one.verdict, one.share) == ("stop", 0.0)
    assert (tmp_path / "experiments.ramp.json").read_text() == kept
    ramp(str(tmp_path / "log"), file, name="eyes", stop=True)
    assert read_experiments(file).steps == {"eyes": 0.0}
    with pytest.raises(BadInput, match="name one of them"):
        ramp(str(tmp_path / "log"), file, name="other")
    (tmp_path / "experiments.ramp.json").write_text("{")
    with pytest.raises(BadInput, match="is no state of ramps"):
        ramp(str(tmp_path / "log"), file)


def test_an_experiment_is_read_by_its_file(file, tmp_path):
    log_a_day(file, tmp_path / "log", 0, 0.5)
    read = experiment(str(tmp_path / "log"), experiments=file)
    assert set(read.cells) == {"new", "hold"}
    assert read.mismatch_p > 0.001
    assert read.cells["new"].found
    assert not read.cells["hold"].found
    with pytest.raises(BadInput, match="has experiments \\['eyes'\\]"):
        experiment(str(tmp_path / "log"), experiments=file, name="eye")
