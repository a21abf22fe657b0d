"""The same inputs, seed and bundle give the same bytes, whatever machine carries them out.

A live log is as many files as there were processes, each in the order in which pages came, so of
it the records are compared: sorted by id, they are the same.
"""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simulate.posters.subjects import Subjects
from simulate.world.catalogue import Rendering, write_catalogue
from tests.export.world import make_bundle, make_facts
from tests.loop.one_day import stored

ROOT = Path(__file__).parents[2]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")
CORES = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]
MACHINES = {"small": (1, "0", 1), "large": (2, "1", 2), "other": (2, "random", 1)}
"""Name → worker processes, hash seed, threads and cores: DuckDB and ONNX take what there are."""


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """A catalogue, a bundle and members, and what a day of them left on each machine."""
    place = tmp_path_factory.mktemp("day")
    subjects = Subjects.read(ROOT / "sample" / "artwork")
    rendering = Rendering(width=64)
    write_catalogue(subjects, 8, 4, 2, place / "catalogue", arrivals=0, rendering=rendering)
    bundle = make_bundle(place / "bundles")
    (place / "bundles" / "current").symlink_to(bundle.name)
    ids = pa.array([f"profile-{number:02}" for number in range(24)])
    members = pa.table({"profile_id": ids, "facts": make_facts(24)})
    pq.write_table(members, place / "profiles.parquet")
    running = {name: started(place, name) for name in MACHINES}
    said = {name: process.communicate(timeout=240)[1] for name, process in running.items()}
    assert [process.returncode for process in running.values()] == [0, 0, 0], said
    return place


def started(place, name):
    workers, hashes, threads = MACHINES[name]
    environment = {"PYTHONHASHSEED": hashes} | dict.fromkeys(THREADS, str(threads))
    words = [sys.executable, "-m", "tests.loop.one_day", place, place / name, workers]
    pin = ["taskset", "-c", ",".join(map(str, CORES[:threads]))] if len(CORES) > 1 else []
    return subprocess.Popen(
        list(map(str, [*pin, *words])),
        cwd=ROOT,
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def files(folder):
    """Path → content."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*.parquet")}


@pytest.mark.parametrize("name", ["large", "other"])
def test_maps_and_examples_are_the_same_bytes(days, name):
    maps = stored(days / "small" / "maps")
    assert len(maps) > 24
    assert stored(days / name / "maps") == maps
    examples = files(days / "small" / "examples")
    assert sum(pq.read_metadata(f).num_rows for f in (days / "small" / "examples").rglob("*.p*"))
    assert files(days / name / "examples") == examples


@pytest.mark.parametrize("name", ["large", "other"])
def test_the_log_is_the_same_whichever_process_took_which_page(days, name):
    for kind, id in (("decisions", "decision_id"), ("events", "event_id")):
        small, there = (
            pq.read_table(days / machine / "log" / kind).sort_by(id) for machine in ("small", name)
        )
        assert len(small) > 24
        assert there.equals(small)
    runs = files(days / "small" / "log" / "runs")
    assert files(days / name / "log" / "runs") == runs
