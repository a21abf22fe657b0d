"""The log at rest: a file a day under a name, and days that are retired."""

from datetime import date, timedelta

from data.log import EventLog, append_table, decode, encode, retire, roll
from tests.data.log.log_rows import NOON, decision, event, rolled


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
