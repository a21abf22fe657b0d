"""A simulated log in the public format: what is written a day, and what is read of its truth."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import whole_folder
from data.errors import BadInput
from simulate.browsing.day import DayLog
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.value import value_of
from simulate.world.titles import START

FILES = {
    "decisions": "decisions.parquet",
    "events": "events.parquet",
    "truth": "_expected.parquet",
}
"""What each folder of a day holds. Readers of logs pass over names with an underscore."""


def write_days(
    days: Iterable[DayLog],
    out: Path | str,
    progress: Callable[[int], object] = lambda done: None,
    memory: MemberMemory | None = None,
) -> dict[str, float]:
    """Write days as `decisions/`, `events/` and `truth/`, one Parquet file a day in each.

    The folder appears when it is whole.

    Args:
        days: in order.
        out: the folder.
        progress: called with how many days are written.
        memory: what members do on these days, kept beside the truth for days that go on from them.

    Returns:
        decisions, events, impressions, plays, takes (how many), take_fraction, random and oracle
        (expected take fractions over rendered decisions).

    Raises:
        BadInput: the folder is there already and not empty.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is there already and not empty; give --out a new folder")
    names = ("decisions", "events", "impressions", "plays", "takes")
    totals, tomorrow = np.zeros(7), 0
    with whole_folder(out) as part:
        for done, log in enumerate(days, start=1):
            write_day(log, part)
            value = value_of(log.takes, log.requests.valid, log.outcomes)
            records = log.decisions.num_rows, log.events.num_rows
            totals += (*records, *value[:3], value.uniform, value.oracle)
            tomorrow = log.day + 1
            progress(done)
        if memory is not None:
            memory.write(members_file(part, tomorrow))
    impressions = max(totals[2], 1)
    return {
        **{name: int(count) for name, count in zip(names, totals[:5], strict=True)},
        "take_fraction": totals[4] / impressions,
        "random": totals[5] / impressions,
        "oracle": totals[6] / impressions,
    }


def write_day(log: DayLog, out: Path) -> None:
    """Write one day of a log, into `day=YYYY-MM-DD` folders."""
    day = f"day={START + timedelta(days=log.day)}"
    tables = {"decisions": log.decisions, "events": log.events, "truth": log.expected}
    for name, table in tables.items():
        folder = out / name / day
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / FILES[name], compression="zstd")


def members_file(log: Path, day: int) -> Path:
    """What members had seen and played before a day, where a simulated log ends with the last."""
    return log / "truth" / f"_members-{day}.npz"


def windows_closed(days: int, delay_days: float = 0.0) -> datetime:
    """When every window of the first days has closed, and all that was late has been received."""
    start = datetime(START.year, START.month, START.day, tzinfo=UTC)
    return start + timedelta(days=days + 3 + delay_days)


def read_expected(log: Path | str) -> pa.Table:
    """The expected take of each candidate of each decision of a simulated log.

    Columns: decision_id, expected (aligned with the decision's candidates, given that it is
    rendered).

    Raises:
        BadInput: the log has no truth.
    """
    files = sorted((Path(log) / "truth").rglob(FILES["truth"]))
    if not files:
        raise BadInput(f"{log} has no truth/: only `python -m simulate log` knows expected takes")
    return pa.concat_tables([pq.read_table(file) for file in files])
