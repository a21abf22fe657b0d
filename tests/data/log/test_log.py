"""The event log: acknowledged means on disk, refused means said so, rolled means once."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import zlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import BadInput
from data.log import EventLog, PageRecords, append_table, decode, encode, encode_page, retire, roll
from data.log.journal import segments
from data.log.records import packed
from data.records import DECISIONS, EVENTS, SCHEMA_VERSION

ROOT = Path(__file__).parents[3]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def event(name, time=NOON, **said):
    return {
        "event_id": name, "kind": "play", "time": time, "received": time,
        "profile_id": "ada", "title_id": 7, **said,
    }  # fmt: skip


def decision(name, time=NOON, **said):
    return {
        "decision_id": name, "time": time, "profile_id": "ada", "title_id": 7,
        "facts": {"country": "BR", "row": 2, "watched_genres": {"comedy": 3.0}},
        "candidates": ["x", "y"], "action": "x", "propensity": 0.5, "probabilities": [0.5, 0.5],
        "policy": "uniform", "seed": 2**64 - 1, "level": "personalised", **said,
    }  # fmt: skip


def rolled(log_dir, kind):
    files = sorted((Path(log_dir) / kind).rglob("*.parquet"))
    schema = {"decisions": DECISIONS, "events": EVENTS}[kind]
    tables = [pq.ParquetFile(file).read().cast(schema) for file in files]
    return pa.concat_tables(tables) if tables else schema.empty_table()


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


def test_threads_share_commits_and_every_ticket_is_on_disk(tmp_path):
    with EventLog(tmp_path) as log:

        def write(writer):
            for i in range(20):
                assert log.write("events", [event(f"{writer}-{i}")], timeout=30)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert log.acknowledged == 160
    roll(tmp_path)
    assert len(set(rolled(tmp_path, "events")["event_id"].to_pylist())) == 160


WRITER = """
import sys
sys.path.insert(0, {root!r})
from data.log import EventLog
log = EventLog(sys.argv[1])
for i in range(int(sys.argv[3])):
    record = {record}
    record["event_id"] = f"{{sys.argv[2]}}-{{i}}"
    if log.write("events", [record], timeout=30):
        print(record["event_id"], flush=True)
log.close()
"""


def start_writer(log_dir, name, count):
    record = repr({**event(""), "time": 1_767_268_800_000_000, "received": 1_767_268_800_000_000})
    code = WRITER.format(root=str(ROOT), record=record)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(log_dir), name, str(count)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_processes_write_the_same_log(tmp_path):
    writers = [start_writer(tmp_path, f"w{i}", 20) for i in range(3)]
    acknowledged = [line for w in writers for line in w.communicate()[0].split()]
    assert len(acknowledged) == 60
    roll(tmp_path)
    assert set(rolled(tmp_path, "events")["event_id"].to_pylist()) == set(acknowledged)


def test_a_killed_writer_loses_nothing_that_was_acknowledged(tmp_path):
    writer = start_writer(tmp_path, "w", 100_000)
    acknowledged = [writer.stdout.readline().strip() for _ in range(50)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += writer.communicate()[0].split()[:-1]  # the last line may be cut short
    roll(tmp_path)
    assert set(acknowledged) <= set(rolled(tmp_path, "events")["event_id"].to_pylist())


def test_a_full_buffer_refuses_and_counts_and_does_not_wait(tmp_path):
    with EventLog(tmp_path, capacity=3) as log:
        with pytest.raises(ValueError, match="exceed the buffer of 3"):
            log.append("events", [event(str(i)) for i in range(4)])
        tickets = [log.append("events", [event(f"a{i}"), event(f"b{i}")]) for i in range(200)]
        taken = [ticket for ticket in tickets if ticket is not None]
        assert log.refused == 2 * (200 - len(taken))
        for ticket in taken:
            ticket.result(30)
    roll(tmp_path)
    assert rolled(tmp_path, "events").num_rows == 2 * len(taken)


def test_a_closed_log_says_so(tmp_path):
    log = EventLog(tmp_path)
    log.close()
    with pytest.raises(RuntimeError, match="is closed"):
        log.append("events", [event("e1")])


@pytest.mark.parametrize(
    ("kind", "record", "complaint"),
    [
        ("clicks", event("e"), "no log of 'clicks'"),
        ("events", {**event("e"), "profile_id": None}, "lacks profile_id"),
        ("events", {**event("e"), "colour": "red"}, "columns that the log does not: colour"),
        ("events", {**event("e"), "kind": "hover"}, "kind 'hover'"),
        ("events", {**event("e"), "time": datetime(2026, 1, 1)}, "no time zone"),
        ("decisions", {**decision("d"), "facts": None}, "lacks facts"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_by_name(kind, record, complaint):
    with pytest.raises(ValueError, match=complaint):
        encode(kind, record)


def test_a_record_of_wrong_types_is_set_aside_and_the_rest_is_rolled(tmp_path):
    with EventLog(tmp_path) as log:
        log.append("events", [event("good"), event("bad", minutes="many"), event("fine")])
    assert roll(tmp_path)["rejected"] == 1
    assert rolled(tmp_path, "events")["event_id"].to_pylist() == ["good", "fine"]
    assert b"many" in (tmp_path / "rejected.jsonl").read_bytes()


@settings(deadline=None, max_examples=50)
@given(
    minutes=st.none() | st.floats(0, 1e6, width=32),
    row=st.none() | st.integers(-(2**15), 2**15 - 1),
    profile=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    micros=st.integers(0, 2**52),
)
def test_encoding_is_a_round_trip(minutes, row, profile, micros):
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    record = event("e", time, minutes=minutes, row=row, profile_id=profile)
    [back] = decode("events", [encode("events", record)]).to_pylist()
    assert {name: back[name] for name in record} == record


def test_a_table_appended_again_under_its_name_is_there_once(tmp_path):
    table = decode("events", [encode("events", event(name)) for name in ("a", "b", "a")])
    for _ in range(2):
        append_table(tmp_path, "events", table, "import-1")
    assert rolled(tmp_path, "events")["event_id"].to_pylist() == ["a", "b"]


def test_old_days_are_retired_together(tmp_path):
    with EventLog(tmp_path) as log:
        for day in range(4):
            log.append("events", [event(f"e{day}", NOON + timedelta(days=day))])
            log.append("decisions", [decision(f"d{day}", NOON + timedelta(days=day))])
    roll(tmp_path)
    gone = retire(tmp_path, keep_days=2, today=date(2026, 1, 4))
    assert gone == [f"{k}/day=2026-01-0{d}" for k in ("decisions", "events") for d in (1, 2)]
    assert rolled(tmp_path, "events")["event_id"].to_pylist() == ["e2", "e3"]


def test_rolling_a_folder_without_a_log_says_what_to_give(tmp_path):
    with pytest.raises(BadInput, match=r"holds no live\.sqlite"):
        roll(tmp_path)


# The scaled log, on a real server.


def _redis_missing() -> str | None:
    if shutil.which("redis-server") is None:
        return "redis-server is not on PATH"
    try:
        import redis  # noqa: F401
    except ImportError:
        return "the Python package redis is not installed"
    return None


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    missing = _redis_missing()
    if missing is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing}, and CI must test the scaled log")
        pytest.skip(f"{missing}: the scaled log is not tested")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--appendonly", "yes",
         "--appendfsync", "always", "--save", "", "--dir", str(tmp_path_factory.mktemp("redis"))],
        stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        try:
            assert any("Ready to accept" in line for line in server.stdout)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


@pytest.fixture
def stream(redis_url, request):
    from data.log.redis_log import RedisLog

    with RedisLog(redis_url, prefix=request.node.name) as log:
        yield log


def test_streams_drain_to_the_same_files(stream, tmp_path):
    assert stream.write("decisions", [decision("d1")], timeout=10)
    assert stream.write("events", [event("e1"), event("e2")], timeout=10)
    moved = stream.drain(tmp_path)
    assert (moved["decisions"], moved["events"]) == (1, 2)
    assert rolled(tmp_path, "decisions")["seed"].to_pylist() == [2**64 - 1]
    assert stream.drain(tmp_path)["files"] == 0


def test_a_batch_that_a_dead_consumer_wrote_but_never_acknowledged_is_there_once(stream, tmp_path):
    assert stream.write("events", [event(f"e{i}") for i in range(5)], timeout=10)
    stream.drain(tmp_path / "other")  # makes the group
    assert stream.write("events", [event(f"f{i}") for i in range(5)], timeout=10)
    client = stream._redis
    client.xreadgroup("roll", "dead", {stream.stream("events"): ">"}, count=100)
    assert stream.drain(tmp_path, take_over_ms=10**9)["events"] == 0  # it may yet live
    assert stream.drain(tmp_path, take_over_ms=0)["events"] == 5
    assert len(rolled(tmp_path, "events")) == 5
    assert client.xlen(stream.stream("events")) == 0


def test_a_server_that_would_forget_is_refused(stream, redis_url):
    from data.log.redis_log import RedisLog

    stream._redis.config_set("appendfsync", "everysec")
    try:
        with pytest.raises(BadInput, match="before they are on disk"):
            RedisLog(redis_url)
    finally:
        stream._redis.config_set("appendfsync", "always")


def test_a_full_stream_fails_its_tickets(redis_url):
    from data.log.redis_log import RedisLog, StreamFullError

    with RedisLog(redis_url, prefix="full", limit=1) as log:
        assert log.write("events", [event("e1")], timeout=10)
        with pytest.raises(StreamFullError, match="no drain has taken"):
            log.append("events", [event("e2")]).result(10)
        assert log.failed == 1


def test_no_server_is_a_clean_refusal():
    from data.log.redis_log import RedisLog

    with pytest.raises(BadInput, match="start redis-server"):
        RedisLog("redis://127.0.0.1:1/0")


# The journal and the pages in it.


def page(name, count=3, **said):
    single = decision(name)
    each = ("decision_id", "title_id", "action", "seed", "candidates", "propensity")
    shared = {key: value for key, value in single.items() if key not in (*each, "probabilities")}
    columns = {
        "decision_id": [f"{name}-{i}" for i in range(count)],
        "title_id": list(range(count)),
        "action": ["x"] * count,
        "seed": [2**64 - 1 - i for i in range(count)],
        "candidates": [["x", "y", "z"][: 1 + i % 3] for i in range(count)],
        "propensity": [0.5] * count,
    }
    return PageRecords({**shared, **said}, columns)


def test_pages_compressed_now_or_by_an_earlier_version_read_as_the_plain_ones():
    plain = encode_page("decisions", page("p", 40))
    now = packed(plain)
    assert len(now) < len(plain) / 2
    table = decode("decisions", [plain])
    assert table.num_rows == 40
    assert decode("decisions", [now]).equals(table)
    assert decode("decisions", [zlib.compress(plain, 1)]).equals(table)


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


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (PageRecords({"time": NOON}, {"decision_id": ["d"]}), "lacks profile_id"),
        (page("p")._replace(each={**page("p").each, "seed": [1]}), "differ in length"),
        (page("p", colour="red"), "columns that the log does not: colour"),
    ],
)
def test_a_page_that_does_not_fit_is_refused_by_name(given, complaint):
    with pytest.raises(ValueError, match=complaint):
        encode_page("decisions", given)


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


def test_a_disk_that_refuses_fails_the_tickets_and_the_log_goes_on(tmp_path):
    with EventLog(tmp_path, segment_bytes=4000) as log:
        live, long = tmp_path / "live", os.urandom(600).hex()
        live.rename(tmp_path / "away")
        failed = [log.append("events", [event("e", profile_id=long)]) for _ in range(9)]
        outcomes = [ticket.exception(10) for ticket in failed]
        assert any(isinstance(error, OSError) for error in outcomes)
        assert log.failed > 0
        (tmp_path / "away").rename(live)
        for _ in range(3):
            last = log.append("events", [event("after")])
            if last.exception(10) is None:
                break
        assert last.exception(10) is None
