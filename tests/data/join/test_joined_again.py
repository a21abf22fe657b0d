"""What a second join does, and what it leaves: days that open, close and empty, and its report."""

import fcntl
import os
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from data.join.join import join
from data.join.open_engine import EngineSettings
from data.join.state import day_batches, sole_writer
from tests.data.join.test_join import (
    MUCH_LATER,
    NOON,
    decision,
    examples,
    hours,
    log,
    shown,
    watched,
)

TWO = ([decision(), decision("e", title_id=8)], [shown(), shown(NOON + hours(2), "e", title_id=8)])


def again(folder, now=MUCH_LATER, **how):
    report = join(folder, None, folder / "out", now=now, **how)
    return report, [row["decision_id"] for row in examples(folder / "out")]


def test_windows_close_one_by_one_though_nothing_new_is_logged(tmp_path):
    log(tmp_path, *TWO)
    for now, waiting, there in (
        (hours(47), 2, []),
        (hours(48), 1, ["d"]),
        (hours(50) - timedelta(microseconds=1), 1, ["d"]),
        (hours(50), 0, ["d", "e"]),
    ):
        report, names = again(tmp_path, NOON + now)
        assert (report.waiting, report.examples, names) == (waiting, len(there), there)


def test_at_an_earlier_time_windows_are_open_again(tmp_path):
    log(tmp_path, *TWO)
    again(tmp_path)
    report, names = again(tmp_path, NOON + hours(49))
    assert (report.waiting, names) == (1, ["d"])
    assert report.now == (NOON + hours(49)).isoformat()


def test_a_day_without_an_example_left_has_no_file(tmp_path):
    log(tmp_path, [decision(), decision("e", NOON + hours(24))], [shown()])
    log(tmp_path, [], [shown(NOON + hours(24), "e")], part="b")
    assert again(tmp_path)[1] == ["d", "e"]
    log(tmp_path, [decision(action="y")], part="c")  # an id of two artworks says nothing
    report, names = again(tmp_path)
    assert names == ["e"]
    assert (report.days, report.examples, report.joined_days) == (1, 1, ["2026-01-01"])
    assert report.set_aside == {"an id that names two things": 1}


def test_examples_of_days_that_no_log_has_are_cleared_away_by_the_first_join_alone(tmp_path):
    log(tmp_path, *TWO)
    for day in ("2020-02-02", "2026-01-01"):
        (tmp_path / "out" / f"day={day}").mkdir(parents=True)
        (tmp_path / "out" / f"day={day}" / "examples.parquet").write_bytes(b"of another log")
    assert again(tmp_path)[1] == ["d", "e"]
    assert [f.name for f in (tmp_path / "out").glob("day=*")] == ["day=2026-01-01"]
    kept = tmp_path / "out/day=2020-02-02"
    kept.mkdir()
    again(tmp_path)
    assert kept.is_dir()


def test_rebuilding_joins_every_day_again(tmp_path):
    log(tmp_path, *TWO)
    again(tmp_path)
    file = tmp_path / "out/day=2026-01-01/examples.parquet"
    before, written = file.read_bytes(), file.stat().st_mtime_ns
    os.utime(file, ns=(0, 0))
    assert again(tmp_path, rebuild=True)[0].joined_days == ["2026-01-01"]
    assert file.read_bytes() == before
    assert file.stat().st_mtime_ns >= written


def test_a_file_that_was_written_anew_is_read_anew(tmp_path):
    log(tmp_path, *TWO)
    again(tmp_path)
    log(tmp_path, TWO[0], [*TWO[1], watched(30.0)])
    report, _ = again(tmp_path)
    assert (report.reward_sum, report.joined_days) == (1, ["2026-01-01"])


def test_the_report_says_what_there_is_over_all_days(tmp_path):
    days = [NOON, NOON + hours(24), NOON + hours(24 * 30)]
    names = "def"
    rows = [decision(name, at) for name, at in zip(names, days, strict=True)]
    seen = [shown(at, name) for name, at in zip(names, days, strict=True)]
    log(tmp_path, rows, [*seen, watched(30.0), watched(40.0, days[1], "e")])
    report, there = again(tmp_path, days[2] + hours(1), reward="minutes")
    assert there == ["d", "e"]
    assert (report.days, report.examples, report.waiting, report.reward_sum) == (2, 2, 1, 70)
    assert (report.engine, report.reward) == ("duckdb", "minutes")
    assert report.out == str(tmp_path / "out")
    assert report.joined_days == ["2026-01-01", "2026-01-02", "2026-01-31"]
    assert report.nothing_because is None


def test_the_clock_of_a_log_without_events_is_its_latest_decision(tmp_path):
    log(tmp_path, [decision(), decision("e", NOON + hours(3))])
    report = join(tmp_path, None, tmp_path / "out")
    assert report.now == (NOON + hours(3)).isoformat()
    assert "no impression events" in report.nothing_because


def test_a_log_whose_files_are_gone_is_not_joined_again_in_another_way(tmp_path):
    log(tmp_path, *TWO)
    log(tmp_path, [decision("f", NOON + hours(24))], part="b")
    again(tmp_path)
    for kind in ("decisions", "events"):
        (tmp_path / kind / "a.parquet").unlink()
    said = (
        rf"^the examples in {tmp_path}/out were made with other settings, and 2 of the log files "
        r"they came from are gone \(decisions/a\.parquet, …\); give --out another folder$"
    )
    with pytest.raises(BadInput, match=said):
        again(tmp_path, reward="play")
    assert again(tmp_path)[1] == ["d", "e"]


def test_no_other_join_writes_meanwhile(tmp_path):
    (tmp_path / ".staging").mkdir()
    (tmp_path / ".staging/half").write_bytes(b"of a join that was killed")
    with (tmp_path / ".lock").open("w") as other:
        with sole_writer(tmp_path) as staging:
            assert staging.parent == tmp_path
            assert list(staging.iterdir()) == []
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert not staging.exists()
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("name", ["it's", "a [1] * ?", "día"])
def test_a_log_may_lie_in_a_folder_of_any_name(name, tmp_path):
    log(tmp_path / name, *TWO)
    log(tmp_path / name, [], [watched(30.0)], part="part 'b'")
    report, names = again(tmp_path / name)
    assert (report.reward_sum, names) == (1, ["d", "e"])


DAYS = st.dictionaries(st.integers(0, 30), st.integers(1, 50), min_size=1)


@given(counts=DAYS, limit=st.integers(1, 100))
def test_batches_are_adjacent_days_and_as_large_as_allowed(counts, limit):
    batches = list(day_batches(set(counts), counts, limit))
    assert [day for batch in batches for day in batch] == sorted(counts)
    for batch in batches:
        assert batch == list(range(batch[0], batch[-1] + 1))
        assert len(batch) == 1 or sum(counts[day] for day in batch) <= limit
    for one, after in pairwise(batches):
        apart = after[0] > one[-1] + 1
        assert apart or sum(counts[day] for day in (*one, after[0])) > limit


def test_days_are_the_same_however_many_are_joined_at_once(tmp_path):
    made = {}
    for most in (1, 10**6):
        folder = tmp_path / str(most)
        rows = [decision(f"d{n}", NOON + hours(20 * n)) for n in range(5)]
        seen = [shown(NOON + hours(20 * n), f"d{n}") for n in range(5)]
        log(folder, rows, [*seen, watched(30.0, NOON + hours(45), None)])
        again(folder, engine=EngineSettings(batch_decisions=most))
        made[most] = {f.parent.name: f.read_bytes() for f in (folder / "out").rglob("*.parquet")}
    assert len(made[1]) == 4
    assert made[1] == made[10**6]
