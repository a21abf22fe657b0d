"""What a join remembers: which log files it has read, and what is open on each day.

`_join.json` in the examples' folder is written after the days it speaks of, so a join that was
killed reads the same files again and ends in the same examples.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.atomic_write import write_text_whole
from data.days import DAY_US
from data.errors import BadInput

STATE = "_join.json"
ALL_TIME = (-(2**60), 2**60)
DAY = f"CAST(floor(decided_at / {DAY_US}) AS BIGINT)"


def touched_days(runner: Any, fresh: dict[str, list[Path]], spans: dict[str, int]) -> set[int]:
    """The days of the decisions whose example a new file may change."""
    touched: set[int] = set()
    if fresh["decisions"]:
        runner.view("fresh_decisions", "decisions", fresh["decisions"], ALL_TIME)
        touched |= {row[0] for row in runner.query(f"""
            SELECT DISTINCT {DAY} FROM decisions
            WHERE decision_id IN (SELECT decision_id FROM fresh_decisions)""")}  # fmt: skip
    if fresh["events"]:
        runner.view("fresh_events", "events", fresh["events"], ALL_TIME)
        reach = spans["horizon_us"] + spans["window_us"] + 2 * spans["skew_us"]
        touched |= {row[0] for row in runner.query(f"""
            SELECT DISTINCT {DAY} FROM decisions d
            JOIN fresh_events e ON e.profile_id = d.profile_id AND e.title_id = d.title_id
            WHERE e.received_at >= d.decided_at - {2 * spans["skew_us"]}
                AND least(e.happened_at, e.received_at) <= d.decided_at + {reach}
            UNION
            SELECT DISTINCT {DAY} FROM decisions
            WHERE decision_id IN (SELECT decision_id FROM fresh_events)""")}  # fmt: skip
    return touched


def day_batches(touched: set[int], counts: dict[int, int], limit: int) -> Iterator[list[int]]:
    """Runs of adjacent days that hold about `limit` decisions at most, or one day."""
    batch: list[int] = []
    for day in sorted(touched):
        held = sum(counts[d] for d in batch)
        if batch and (day != batch[-1] + 1 or held + counts[day] > limit):
            yield batch
            batch = []
        batch.append(day)
    if batch:
        yield batch


def refuse_to_lose(
    state: dict[str, Any], files: dict[str, list[Path]], log: Path, out: Path
) -> None:
    """Refuse to join everything again once the log's older files are gone.

    Raises:
        BadInput: a rebuild would drop examples whose log is no longer there.
    """
    there = {str(f.relative_to(log)) for kind in files for f in files[kind]}
    gone = sorted(set(state["files"]) - there)
    if state["days"] and gone:
        raise BadInput(
            f"the examples in {out} were made with other settings, and {len(gone)} of the log "
            f"files they came from are gone ({gone[0]}, …); give --out another folder"
        )


def read_state(out: Path) -> dict[str, Any]:
    """What the last run left; empty where there was none."""
    path = out / STATE
    if not path.is_file():
        return {"settings": None, "files": {}, "days": {}, "now": ALL_TIME[0]}
    state = json.loads(path.read_text())
    state["days"] = {int(day): value for day, value in state["days"].items()}
    return state


def write_state(out: Path, state: dict[str, Any]) -> None:
    """Note what was joined, whole or not at all; the days themselves are there already."""
    write_text_whole(out / STATE, json.dumps(state))


@contextmanager
def sole_writer(out: Path) -> Iterator[Path]:
    """Wait to be the only join that writes `out`; a fresh staging folder inside it."""
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        staging = out / ".staging"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
