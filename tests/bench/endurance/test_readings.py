"""What a long run is judged by: growth as a line through its minutes, disk by kind."""

import numpy as np
import pytest

from bench.endurance.readings import disk, growth
from bench.endurance.soak import soak
from data.errors import BadInput


def test_growth_is_the_slope_of_the_minutes():
    minutes = list(range(5, 30))
    line = growth(minutes, [100 + 0.5 * minute for minute in minutes])
    assert line.an_hour == pytest.approx(30)
    assert line.over_the_run == pytest.approx(12)
    assert line.standard_error == pytest.approx(0)


def test_the_error_of_a_flat_run_covers_what_noise_made_of_it():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        line = growth(range(25), 1 + 0.05 * rng.normal(size=25))
        covered += abs(line.over_the_run) < 2 * line.standard_error
    assert 0.90 < covered / 300 < 0.98


def test_disk_is_counted_by_the_first_kind_that_a_file_is_of(tmp_path):
    for name in ("log/live/a.log", "log/live.sqlite", "maps/data.mdb", "stray"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 8192)
    sizes, files = disk(tmp_path, ("log/live/", "log/", "maps/"))
    assert files == {"log/live/": 1, "log/": 1, "maps/": 1, "other": 1}
    assert all(size >= 0.008 for size in sizes.values())


def test_a_run_of_its_warm_up_alone_is_refused():
    with pytest.raises(BadInput, match="--minutes 6 --warm-up 5"):
        soak(minutes=6, warm_up=5)
