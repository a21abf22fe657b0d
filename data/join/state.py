"""What a join remembers: which log files it has read, and what is open on each day.

`_join.json` in the examples' folder is written after the days it speaks of, so a join that was
killed reads the same files again and ends in the same examples.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from data.atomic_write import write_text_whole
from data.days import DAY_US
from data.errors import BadInput
from data.join.attribution import Spans
from data.join.day_files import DayResult
from data.join.engine import Engine
from data.join.events.worth import Worth
from data.join.inputs import LogFiles

STATE = "_join.json"
ALL_TIME = (-(2**60), 2**60)
DAY = f"CAST(floor(decided_at / {DAY_US}) AS BIGINT)"


@dataclass(frozen=True)
class DayState:
    """What a day's last join left."""

    examples: int = 0
    waiting: int = 0
    """Rendered, their window still open."""
    next_close: int | None = None
    """When the first waiting window closes, or the first growing reward is looked at again, µs;
    None: none waits or grows."""
    reward: float = 0
    """Summed over the examples."""
    growing: int = 0
    """Examples whose reward is what is expected of it."""

    @classmethod
    def of(cls, result: DayResult | None) -> "DayState":
        """What a join staged for the day; None: nothing."""
        if result is None:
            return cls()
        first = result.examples, result.waiting, result.next_close
        return cls(*first, result.reward, result.growing)


@dataclass
class JoinState:
    """What the last run left."""

    settings: dict[str, object] | None = None
    """Spans and reward that the examples were made with; None: there are no examples."""
    files: dict[str, list[int]] = field(default_factory=dict)
    """Log file → its mark when it was read."""
    days: dict[int, DayState] = field(default_factory=dict)
    now: int = ALL_TIME[0]
    """Windows were closed up to then, µs."""

    @classmethod
    def read(cls, out: Path) -> "JoinState":
        """What the folder of examples says; empty where there was no run.

        Raises:
            BadInput: it is damaged.
        """
        file = out / STATE
        if not file.is_file():
            return cls()
        try:
            state = json.loads(file.read_text())
            days = {int(day): DayState(**left) for day, left in state.pop("days").items()}
            return cls(**state, days=days)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadInput(
                f"{file} is damaged ({error!r:.80}), and with it what was joined already; join into"
                " another --out, or put it back"
            ) from None

    def write(self, out: Path) -> None:
        """Note what was joined, whole or not at all; the days themselves are there already."""
        write_text_whole(out / STATE, json.dumps(asdict(self)))


def settings_of(spans: Spans, worth: Worth) -> dict[str, object]:
    """What all examples of a folder must have been made with."""
    settings = {**spans._asdict(), "window_us": worth.base_us, "reward": worth.reward.to_json()}
    if worth.metrics:
        settings["metrics"] = [metric.to_json() for metric in worth.metrics]
    return settings


def touched_days(engine: Engine, fresh: LogFiles, spans: Spans) -> set[int]:
    """The days of the decisions whose example a new file may change."""
    touched: set[int] = set()
    if fresh.decisions:
        engine.view("fresh_decisions", "decisions", fresh.decisions, ALL_TIME)
        rows = engine.query(f"""
            SELECT DISTINCT {DAY} FROM decisions
            WHERE decision_id IN (SELECT decision_id FROM fresh_decisions)""")
        touched |= {day for (day,) in rows}
    if fresh.events:
        engine.view("fresh_events", "events", fresh.events, ALL_TIME)
        reach = spans.horizon_us + spans.window_us + 2 * spans.skew_us
        rows = engine.query(f"""
            SELECT DISTINCT {DAY} FROM decisions d
            JOIN fresh_events e ON e.profile_id = d.profile_id AND e.title_id = d.title_id
            WHERE e.received_at >= d.decided_at - {2 * spans.skew_us}
                AND least(e.happened_at, e.received_at) <= d.decided_at + {reach}
            UNION
            SELECT DISTINCT {DAY} FROM decisions
            WHERE decision_id IN (SELECT decision_id FROM fresh_events)""")
        touched |= {day for (day,) in rows}
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


def refuse_to_lose(state: JoinState, files: LogFiles, out: Path) -> None:
    """Refuse to join everything again once the log's older files are gone.

    Raises:
        BadInput: a rebuild would drop examples whose log is no longer there.
    """
    there = {files.name(file) for file in (*files.decisions, *files.events)}
    gone = sorted(set(state.files) - there)
    if state.days and gone:
        raise BadInput(
            f"the examples in {out} were made with other settings, and {len(gone)} of the log "
            f"files they came from are gone ({gone[0]}, …); give --out another folder"
        )


@contextmanager
def sole_writer(out: Path) -> Iterator[Path]:
    """Wait to be the only join that writes `out`; a fresh staging folder inside it."""
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        staging = (out / ".staging").absolute()  # executors have other working folders
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
