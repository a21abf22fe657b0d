"""A simulated day's log as it reaches the disk: nothing is there before it was received."""

import shutil
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from data.atomic_write import move_into_place
from data.log.parquet import append_table, write_whole
from simulate.browsing.day import DayLog
from simulate.world.titles import START

LATER = "later"
"""Folder, beside the log, of events that have happened and were not received yet."""


def append_day(log: DayLog, out: Path, later: Path, bundle: str | None) -> None:
    """Write a day's decisions, truth, and the events received until it ends.

    Writing the same day again ends in the same files.

    Args:
        log: the day.
        out: the log's folder.
        later: where events wait for their day.
        bundle: the model that decided.
    """
    today = START + timedelta(days=log.day)
    decisions = log.decisions
    at = decisions.schema.get_field_index("bundle")
    field = decisions.schema.field(at)
    named = pa.array([bundle] * decisions.num_rows, field.type)
    append_table(out, "decisions", decisions.set_column(at, field, named), f"of-{today}")
    truth = out / "truth" / f"day={today}"
    truth.mkdir(parents=True, exist_ok=True)
    write_whole(log.expected, truth / "_expected.parquet")
    append_table(later, "events", log.events, f"of-{today}")
    receive(later, out, today)


def receive(later: Path, out: Path, today: date) -> None:
    """Move the events that were received up to a day into the log."""
    for folder in sorted((later / "events").glob("day=*")):
        if date.fromisoformat(folder.name.removeprefix("day=")) > today:
            continue
        place = out / "events" / folder.name
        place.mkdir(parents=True, exist_ok=True)
        for file in sorted(folder.glob("*.parquet")):
            move_into_place(file, place / file.name)
        shutil.rmtree(folder)
