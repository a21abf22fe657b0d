"""Somebody is taken out of everything that the product wrote, and nobody else is."""

import json
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.log import EventLog
from data.log.expand_runs import expand
from data.log.precompute_runs import run_files
from data.privacy.pseudonym import Pseudonyms
from serve.maps.lmdb_store import LmdbStore
from tests.data.log.log_rows import event
from tests.serve.precompute.test_precompute import run
from tests.serve.world import make_facts

SALT = "a salt of some length"


@pytest.fixture
def everywhere(tmp_path):
    """Logs rolled and not, a run, a table, examples and maps of twenty profiles."""
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    run(store, tmp_path / "log")
    store.close()
    facts = make_facts(20)
    with EventLog(tmp_path / "log") as log:
        for at, name in enumerate(facts["profile_id"].to_pylist()):
            log.append("events", [event(f"e{at}", profile_id=name)])
        log.append("events", [event("bad", profile_id="profile-0003", minutes="many")])
    pq.write_table(facts, tmp_path / "profiles.parquet")
    day = tmp_path / "examples" / "day=2026-01-01"
    day.mkdir(parents=True)
    pq.write_table(
        pa.table({"profile_id": ["profile-0003", "profile-0004"], "reward": [1.0, 0.0]}),
        day / "examples.parquet",
    )
    return tmp_path


def forget(where, profile, salt="", store="{}"):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "data", "forget", profile, "--log", where / "log"),
            *("--examples", where / "examples", "--profiles", where / "profiles.parquet"),
            *("--store", store.format(where / "maps"), "--json"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MARQUEE_PROFILE_SALT": salt},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def everybody(where):
    """Place → whose rows it holds."""
    store = LmdbStore(where / "maps", size=1 << 26)
    maps = set(store.profiles())
    store.close()
    runs = [table for file in run_files(where / "log") for table in expand(file)]
    tables = {
        "table": pq.read_table(where / "profiles.parquet"),
        "events": pq.read_table(where / "log" / "events", partitioning=None),
        "examples": pq.read_table(where / "examples", partitioning=None),
        "runs": pa.concat_tables(runs),
    }
    return {"maps": maps} | {
        place: set(table["profile_id"].to_pylist()) for place, table in tables.items()
    }


def bytes_that_name(where, name):
    """Files whose bytes hold a name; Parquet packs some, so this is no proof that others do not."""
    files = [file for file in where.rglob("*") if file.is_file() and "maps" not in file.parts]
    return [file for file in files if name.encode() in file.read_bytes()]


def test_who_is_forgotten_is_nowhere_and_everybody_else_where_they_were(everywhere):
    forget(everywhere, "nobody at all")  # rolls the log
    before = everybody(everywhere)
    assert all("profile-0003" in there for there in before.values())
    report = forget(everywhere, "profile-0003", store="lmdb:{}")
    after = everybody(everywhere)
    assert after == {place: there - {"profile-0003"} for place, there in before.items()}
    assert (report["example_rows"], report["table_rows"], report["maps"]) == (1, 1, True)
    assert report["log_rows"] == 1 + 1 + 1, "an event, one that was rejected, a run's row"
    assert not bytes_that_name(everywhere, "profile-0003")
    again = forget(everywhere, "profile-0003")
    assert again["files"] == 0


def test_many_at_once_and_under_their_names(everywhere, tmp_path):
    names = Pseudonyms(SALT)
    day = everywhere / "examples" / "day=2026-01-02"
    day.mkdir()
    rows = pa.table({"profile_id": [names.of("profile-0001"), names.of("profile-0009")]})
    pq.write_table(rows, day / "examples.parquet")
    (tmp_path / "ids.txt").write_text("profile-0001\nprofile-0002\n\n")
    forget(everywhere, f"@{tmp_path / 'ids.txt'}", SALT)
    left = everybody(everywhere)
    gone = {"profile-0001", "profile-0002", names.of("profile-0001")}
    assert not any(gone & there for there in left.values())
    assert names.of("profile-0009") in left["examples"]


def test_a_file_that_cannot_be_read_is_named(everywhere):
    file = everywhere / "examples" / "day=2026-01-01" / "torn.parquet"
    file.write_bytes(b"PAR1 and no more")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "data", "forget", "profile-0003", "--log", "null"),
            *("--profiles", "null", "--store", "null", "--examples", everywhere / "examples"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "torn.parquet" in done.stderr
    assert "Traceback" not in done.stderr
