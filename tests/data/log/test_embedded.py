"""The embedded log: acknowledged means on disk, refused means said so."""

import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from data.log import EventLog, roll
from tests.data.log.log_rows import event, rolled

ROOT = Path(__file__).parents[3]


def test_threads_share_commits_and_every_ticket_is_on_disk(tmp_path):
    with EventLog(tmp_path) as log:

        def write(writer):
            for i in range(20):
                assert log.write("events", [event(f"{writer}-{i}")], timeout=30)

        threads = [threading.Thread(target=write, args=(n,), daemon=True) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
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
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_write_the_same_log(tmp_path):
    writers = [start_writer(tmp_path, f"w{i}", 20) for i in range(3)]
    acknowledged = [line for w in writers for line in w.communicate(timeout=60)[0].split()]
    assert len(acknowledged) == 60
    roll(tmp_path)
    assert set(rolled(tmp_path, "events")["event_id"].to_pylist()) == set(acknowledged)


def test_a_killed_writer_loses_nothing_that_was_acknowledged(tmp_path):
    writer = start_writer(tmp_path, "w", 100_000)
    acknowledged = [writer.stdout.readline().strip() for _ in range(50)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += writer.communicate(timeout=60)[0].split()[:-1]  # the last line may be cut short
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


def test_logs_that_were_closed_leave_no_descriptors_open(tmp_path):
    def opened_and_closed():
        with EventLog(tmp_path, segment_bytes=1 << 16) as log:
            assert log.write("events", [event("a")], timeout=5)

    opened_and_closed()
    gc.collect()
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        opened_and_closed()
    gc.collect()
    assert len(list(Path("/dev/fd").iterdir())) == before
