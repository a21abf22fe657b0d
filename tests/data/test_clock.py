"""The machine's time, or the one that a simulation sets."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
READ = "from data import clock; print(clock.now_us(), clock.now(), clock.today())"


def read(**environment):
    ran = subprocess.run(
        [sys.executable, "-c", READ],
        env=os.environ | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout.split(), ran.stderr


def test_without_a_simulation_it_is_now():
    before = time.time_ns() // 1000
    [told, seconds, today], _ = read()
    assert before <= int(told) <= time.time_ns() // 1000
    assert abs(float(seconds) * 1e6 - int(told)) < 60_000_000
    assert today == str(datetime.fromtimestamp(int(told) / 1e6, UTC).date())


def test_a_simulation_turns_the_clock_of_other_processes(tmp_path):
    from data.clock import turn

    file = tmp_path / "clock"
    for moment in (datetime(2026, 1, 2, 23, 59, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)):
        microseconds = round(moment.timestamp() * 1e6)
        turn(file, microseconds)
        [told, _, today], _ = read(MARQUEE_CLOCK=str(file))
        assert int(told) == microseconds
        assert today == str(moment.date())


def test_a_clock_that_is_not_there_is_refused(tmp_path):
    told, complaint = read(MARQUEE_CLOCK=str(tmp_path / "none"))
    assert told == []
    assert "is no clock" in complaint
