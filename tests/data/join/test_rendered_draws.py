"""The draws that impressions name are found in the runs, as a roll would have expanded them."""

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from bandit.draws import DrawRules, Epochs
from data.check.path import check_path
from data.errors import BadInput
from data.join.rendered_draws import STATE, file_rendered
from data.log import append_table, roll
from data.log.expand_runs import expand
from data.log.precompute_runs import FolderRuns, RunHeader, run_bytes
from data.records import EVENTS, FACTS
from serve.maps.lmdb_store import LmdbStore
from tests.serve.precompute.test_precompute import run

TITLES, STARTS = [3, 5, 9], [0, 2, 3, 6]
ARTWORKS = [f"a{i}" for i in range(6)]
TIME = 1_767_268_800_000_000


@pytest.fixture
def log(tmp_path):
    """Runs of three days; on the later ones some titles only."""
    rng = np.random.default_rng(0)
    for day in range(3):
        names = [f"p{i}" for i in range(40)]
        made = np.ones((40, 3), bool) if day == 0 else rng.random((40, 3)) < 0.4
        header = RunHeader(
            time_us=TIME + day * 86_400_000_000,
            day=20_454 + day,
            rules=DrawRules("b1", "thompson", 0.05, 7, 16, Epochs(3, 0.5)),
            layout="abcd",
            title_ids=TITLES,
            artwork_ids=ARTWORKS,
            starts=STARTS,
            chances=rng.random(30).tolist(),
        )
        run = run_bytes(
            header,
            pa.array(names),
            pa.array([{"country": "FR"}] * 40, FACTS),
            np.arange(40) + day,
            np.where(made, 0, -1),
            np.stack([rng.integers(0, n, 40) for n in np.diff(STARTS)], 1),
            rng.integers(0, 30, (40, 3, 3)).astype(np.uint16),
        )
        FolderRuns(tmp_path).write_run(f"precompute-{day}-000000.parquet", run)
    return tmp_path


def every_row(log):
    runs = sorted((log / "runs").glob("*.parquet"))
    return pa.concat_tables([table for run in runs for table in expand(run)]).to_pylist()


def impress(log, rows, name="events", later_us=3_600_000_000):
    events = [
        dict.fromkeys(EVENTS.names)
        | {"schema_version": 2, "event_id": f"{name}{i}", "kind": "impression"}
        | {"time": row["time"].timestamp() * 1e6 + later_us, "decision_id": row["decision_id"]}
        | {"received": row["time"].timestamp() * 1e6 + later_us}
        | {"profile_id": row["profile_id"], "title_id": row["title_id"]}
        for i, row in enumerate(rows)
    ]
    append_table(log, "events", pa.Table.from_pylist(events, EVENTS), name)


def events_of(log):
    return sorted((log / "events").rglob("*.parquet"))


def filed(log):
    table = ds.dataset(log / "decisions", format="parquet", partitioning=None).to_table()
    return {row["decision_id"]: row for row in table.to_pylist()}


def test_exactly_what_impressions_name_becomes_rows(log):
    rows = every_row(log)
    some = [rows[i] for i in np.random.default_rng(1).choice(len(rows), 25, replace=False)]
    impress(log, some + some[:5])
    assert file_rendered(log, events_of(log)) == 25
    assert filed(log) == {row["decision_id"]: row for row in some}


def test_later_events_and_later_runs_are_looked_up_once(log):
    rows = every_row(log)
    hidden = log / "runs" / "precompute-1-000000.parquet"
    hidden.rename(log / "later")
    impress(log, rows[:10], "one")
    impress(log, [row for row in rows if row["time"].day == 2][:4], "of-the-later-run")
    assert file_rendered(log, events_of(log)) == 10
    assert file_rendered(log, events_of(log)) == 0
    (log / "later").rename(hidden)
    assert file_rendered(log, events_of(log)) == 4
    impress(log, rows[10:12], "two")
    assert file_rendered(log, events_of(log)) == 2
    assert len(filed(log)) == 16


@pytest.mark.parametrize("note", [b"", b"[]", b'{"runs": 5}', b'{"runs": [], "events": 7}'])
def test_a_damaged_note_of_what_was_looked_up_files_nothing_twice(note, log):
    rows = every_row(log)[:9]
    impress(log, rows)
    assert file_rendered(log, events_of(log)) == 9
    (log / "runs" / STATE).write_bytes(note)
    assert file_rendered(log, events_of(log)) == 0
    assert len(filed(log)) == 9


def test_an_impression_may_seem_to_precede_its_run_by_an_hour(log):
    rows = [row for row in every_row(log) if row["time"].day == 1]
    impress(log, rows[:3], "too early", -3_600_000_001)
    assert file_rendered(log, events_of(log)) == 0
    impress(log, rows[3:5], "early", -3_600_000_000)
    assert file_rendered(log, events_of(log)) == 2


def test_a_run_that_is_cut_short_is_refused_with_the_remedy(log):
    impress(log, every_row(log)[:5])
    file = log / "runs" / "precompute-1-000000.parquet"
    file.write_bytes(file.read_bytes()[:100])
    words = "is no whole run of precompute; `python -m data roll --keep-runs` puts it aside"
    with pytest.raises(BadInput) as refused:
        file_rendered(log, events_of(log))
    assert str(refused.value) == f"{file} {words}"


def test_what_no_run_made_is_left_to_the_join_to_count(log):
    strange = dict(every_row(log)[0], decision_id="0" * 32)
    nobody = dict(strange, profile_id="nobody")
    no_title = dict(strange, title_id=77)
    impress(log, [strange, nobody, no_title])
    assert file_rendered(log, events_of(log)) == 0
    assert not (log / "decisions").exists()


def ids_filed(log):
    table = ds.dataset(log / "decisions", format="parquet", partitioning=None).to_table()
    return table["decision_id"].to_pylist()


def test_a_draw_that_goes_on_is_filed_by_the_first_page_that_shows_it(log):
    rows = every_row(log)
    impress(log, rows[:10], "first")
    assert file_rendered(log, events_of(log)) == 10
    impress(log, rows[5:15], "a day later", 90_000_000_000)
    assert file_rendered(log, events_of(log)) == 5
    assert sorted(ids_filed(log)) == sorted(row["decision_id"] for row in rows[:15])


def test_a_roll_after_a_look_up_files_what_is_left(log):
    rows = every_row(log)
    impress(log, rows[:30])
    file_rendered(log, events_of(log))
    roll(log)
    assert sorted(ids_filed(log)) == sorted(row["decision_id"] for row in rows)


@pytest.fixture
def sound(tmp_path):
    """A log that precompute wrote."""
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    run(store, tmp_path / "sound")
    store.close()
    return tmp_path / "sound"


def test_a_log_with_runs_is_sound_and_impressions_of_nothing_are_seen_in_it(sound):
    rows = every_row(sound)
    impress(sound, rows[:60])
    file_rendered(sound, events_of(sound)[:1])
    assert check_path(sound) == []
    impress(sound, rows[60:120], "not yet filed")
    assert check_path(sound) == [], "the join will look them up"
    strange = [row | {"decision_id": f"{at:032x}"} for at, row in enumerate(rows[:10])]
    impress(sound, strange, "of nothing")
    assert {problem.kind for problem in check_path(sound)} == {"impressions_of_decisions"}


def test_a_run_that_cannot_be_read_is_named(sound):
    impress(sound, every_row(sound)[:5])
    file_rendered(sound, events_of(sound))
    file = next((sound / "runs").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:100])
    [problem] = check_path(sound)
    assert (problem.kind, problem.file) == ("unreadable", str(file))
