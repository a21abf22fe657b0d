"""From the log to Parquet by day: once, whatever was killed."""

import sqlite3
from datetime import timedelta

import pytest

from data.errors import BadInput
from data.log import EventLog, roll
from data.log.journal import segments
from data.log.roll import status
from data.records import SCHEMA_VERSION
from tests.data.log.log_rows import NOON, decision, event, page, rolled


def test_what_is_appended_comes_back_from_the_rolled_files_unchanged(tmp_path):
    with EventLog(tmp_path) as log:
        assert log.write("decisions", [decision("d1"), decision("d2")], timeout=10)
        assert log.write("events", [event("e1", thumb=-1), event("e2", minutes=1.5)], timeout=10)
    assert roll(tmp_path)["decisions"] == 2
    first = rolled(tmp_path, "decisions").to_pylist()[0]
    assert first["time"] == NOON
    assert first["seed"] == 2**64 - 1
    assert first["schema_version"] == SCHEMA_VERSION
    assert first["facts"]["watched_genres"] == [("comedy", 3.0)]
    assert first["facts"]["device"] is None
    assert rolled(tmp_path, "events")["minutes"].to_pylist() == [None, 1.5]


def test_files_lie_in_the_day_that_the_server_saw(tmp_path):
    offline = event("e1", time=NOON - timedelta(days=3), received=NOON)
    with EventLog(tmp_path) as log:
        log.append("events", [offline, event("e2", NOON + timedelta(days=1))])
    roll(tmp_path)
    days = sorted(folder.name for folder in (tmp_path / "events").iterdir())
    assert days == ["day=2026-01-01", "day=2026-01-02"]


def test_a_roll_empties_the_log_and_the_next_moves_only_what_is_new(tmp_path):
    with EventLog(tmp_path) as log:
        for i in range(7):
            assert log.write("events", [event(f"e{i}")], timeout=10)
        assert roll(tmp_path, chunk=3)["events"] == 7
        assert roll(tmp_path)["events"] == 0
        assert log.write("events", [event("later")], timeout=10)
    assert roll(tmp_path)["events"] == 1
    assert sorted(rolled(tmp_path, "events")["event_id"].to_pylist()) == sorted(
        [*(f"e{i}" for i in range(7)), "later"]
    )


def test_the_same_record_appended_twice_is_rolled_once(tmp_path):
    with EventLog(tmp_path) as log:
        for _ in range(2):
            log.append("events", [event("e1")])
    roll(tmp_path)
    assert rolled(tmp_path, "events").num_rows == 1


def test_a_record_of_wrong_types_is_set_aside_and_the_rest_is_rolled(tmp_path):
    with EventLog(tmp_path) as log:
        log.append("events", [event("good"), event("bad", minutes="many"), event("fine")])
    assert roll(tmp_path)["rejected"] == 1
    assert rolled(tmp_path, "events")["event_id"].to_pylist() == ["good", "fine"]
    assert b"many" in (tmp_path / "rejected.jsonl").read_bytes()


def test_a_record_of_a_day_that_no_calendar_has_is_set_aside_and_the_rest_is_rolled(tmp_path):
    with EventLog(tmp_path) as log:
        log.append("events", [event("good"), event("late", received=2**62), event("fine")])
        log.append("decisions", [decision("early", time=-(2**62)), decision("d")])
    assert roll(tmp_path)["rejected"] == 2
    assert rolled(tmp_path, "events")["event_id"].to_pylist() == ["good", "fine"]
    assert rolled(tmp_path, "decisions")["decision_id"].to_pylist() == ["d"]


def test_rolling_a_folder_without_a_log_says_what_to_give(tmp_path):
    with pytest.raises(BadInput, match=r"holds no live\.sqlite"):
        roll(tmp_path)


def test_a_page_is_rolled_as_the_rows_that_it_holds(tmp_path):
    with EventLog(tmp_path) as log:
        log.append_pages("decisions", [page("p", 40), page("q", 2, cell="b")]).result(10)
        assert log.write("decisions", [decision("alone")], timeout=10)
        assert log.acknowledged == 43
    assert roll(tmp_path)["decisions"] == 43
    rows = {row["decision_id"]: row for row in rolled(tmp_path, "decisions").to_pylist()}
    assert rows["p-39"]["seed"] == 2**64 - 40
    assert rows["p-2"]["candidates"] == ["x", "y", "z"]
    assert rows["p-2"]["facts"]["watched_genres"] == [("comedy", 3.0)]
    assert (rows["q-1"]["cell"], rows["p-1"]["cell"]) == ("b", None)
    assert rows["p-0"]["probabilities"] is None
    assert rows["alone"]["probabilities"] == [0.5, 0.5]


def test_a_log_of_many_segments_is_rolled_whole_and_its_segments_go(tmp_path):
    with EventLog(tmp_path, segment_bytes=2000) as log:
        for i in range(30):
            assert log.write("events", [event(f"e{i}")], timeout=10)
        big = event("big", profile_id="x" * 5000)
        assert log.write("events", [big], timeout=10)
        assert len(segments(tmp_path)) >= 3
        assert roll(tmp_path)["events"] == 31
        assert len(segments(tmp_path)) == 1  # the one in use
        assert log.write("events", [event("last")], timeout=10)
    assert roll(tmp_path)["events"] == 1
    assert segments(tmp_path) == []
    assert len(rolled(tmp_path, "events")) == 32


def test_what_a_killed_writer_left_half_written_ends_the_segment(tmp_path):
    with EventLog(tmp_path) as log:
        for i in range(5):
            assert log.write("events", [event(f"e{i}")], timeout=10)
    [segment] = segments(tmp_path)
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-7] + b"\0" * 100)
    assert roll(tmp_path)["events"] == 4
    assert rolled(tmp_path, "events")["event_id"].to_pylist() == [f"e{i}" for i in range(4)]


def test_a_roll_that_was_killed_before_it_noted_its_files_writes_the_same_ones(tmp_path):
    with EventLog(tmp_path) as log:
        for i in range(6):
            assert log.write("events", [event(f"e{i}")], timeout=10)
        roll(tmp_path)
        files = sorted((tmp_path / "events").rglob("*.parquet"))
        # As if the last step, which notes how far the segment was rolled, never happened.
        with sqlite3.connect(tmp_path / "live.sqlite") as database:
            [(segment, stop)] = database.execute("SELECT * FROM rolled").fetchall()
            database.execute("DELETE FROM rolled")
            database.execute("INSERT INTO moving VALUES (?, 16, ?)", (segment, stop))
        database.close()
        assert log.write("events", [event("later")], timeout=10)
        roll(tmp_path)
    again = sorted((tmp_path / "events").rglob("*.parquet"))
    assert set(files) < set(again)
    names = rolled(tmp_path, "events")["event_id"].to_pylist()
    assert sorted(names) == sorted([*(f"e{i}" for i in range(6)), "later"])


def damage(path, at):
    """Flip a bit of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_flipped_bit_costs_one_record_and_the_segment_is_kept(share, tmp_path):
    with EventLog(tmp_path) as log:
        for i in range(40):
            assert log.write("events", [event(f"e{i}")], timeout=10)
    [path] = segments(tmp_path)
    damage(path, int(len(path.read_bytes()) * share))
    content = path.read_bytes()
    moved = roll(tmp_path)
    assert (moved["events"], moved["damaged"], status(moved)) == (39, 1, 3)
    assert (tmp_path / "damaged" / path.name).read_bytes() == content
    assert not segments(tmp_path)
    assert status(roll(tmp_path)) == 0


def test_any_number_of_stretches_may_be_damaged(tmp_path):
    with EventLog(tmp_path) as log:
        for i in range(40):
            assert log.write("events", [event(f"e{i}")], timeout=10)
    [path] = segments(tmp_path)
    size = len(path.read_bytes())
    for share in (0.2, 0.4, 0.6):
        damage(path, int(size * share))
    moved = roll(tmp_path, chunk=7)
    assert (moved["events"], moved["damaged"]) == (37, 3)
    names = rolled(tmp_path, "events")["event_id"].to_pylist()
    assert len(set(names)) == 37


def test_the_torn_end_of_a_killed_process_is_no_damage(tmp_path):
    with EventLog(tmp_path) as log:
        for i in range(3):
            assert log.write("events", [event(f"e{i}")], timeout=10)
    [path] = segments(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + bytes(5000))
    moved = roll(tmp_path)
    assert (moved["events"], moved["damaged"]) == (2, 0)
    assert not (tmp_path / "damaged").exists()


def test_what_is_no_input_of_a_roll_is_put_aside_and_the_others_are_rolled(tmp_path):
    with EventLog(tmp_path) as log:
        assert log.write("events", [event("e1")], timeout=10)
    (tmp_path / "live" / "0.log").write_bytes(b"somebody's own notes, longer than a header")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "precompute-1-000000.parquet").write_bytes(b"PAR1 and no more")
    with sqlite3.connect(tmp_path / "live.sqlite") as database:
        database.execute("INSERT INTO moving VALUES ('gone.log', 16, 99)")
    moved = roll(tmp_path)
    assert (moved["events"], moved["damaged"]) == (1, 2)
    kept = {file.name for file in (tmp_path / "damaged").iterdir()}
    assert kept == {"0.log", "precompute-1-000000.parquet"}
