"""`python -m data features`: features of today's code, for decisions of old.

The facts of a decision are those that it logged, and its member's history is what had been
received when it was made. Whatever computes a history is tried on a sample of the decisions with
everything after each taken away: if that changes a value, it looked into the future.
"""

import importlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from math import isclose, isnan
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from data.atomic_write import write_text_whole
from data.bundle import CURRENT
from data.catalogue import Catalogue
from data.days import DAY_US, date_of
from data.errors import BadInput
from data.examples.member_history import DAYS
from data.features import FeatureSpec, context_features
from data.join.inputs import log_files, refuse_newer_schema
from data.log.parquet import first_of_each, write_whole
from data.records import DECISIONS, EVENTS, FACTS, TIMESTAMP

History = Callable[[pa.Table, pa.Table], pa.Table]
"""(decisions, events) → decision_id and one column a feature, a row a decision."""
SPECIFICATION = "features.json"
LIVE = Path("artifacts/bundles") / CURRENT
LEARNT_FROM = 200_000
"""Decisions that vocabulary and statistics are learnt from, at most."""


def features(
    since: str, log: Path = Path("artifacts/log"), out: Path = Path("artifacts/features"),
    until: str | None = None, catalogue: Path | None = None, specification: Path | None = None,
    history: str = "data.examples.member_history:member_history", sample: int = 50,
    json: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Compute features over old logs: facts as they were logged, history as it was known then.

    Writes `OUT/day=YYYY-MM-DD/features.parquet`: decision_id, the history's columns, and dense,
    cast_ids and cast_weights as training and serving compute them; and `_features.json`, the
    specification that they were computed by. A day is written whole; a second run writes the same.

    Args:
        since: first day of the decisions, as 2026-01-31; older events still tell their history.
        log: folder with decisions/ and events/ of Parquet files.
        out: folder to write.
        until: last day; the log's last if not given.
        catalogue: titles and artworks to learn a new specification from, if none is given.
        specification: features.json of a bundle, or the bundle, to compute the same features; the
            live bundle's if neither this nor a catalogue is given.
        history: what computes the history, as module:function over (decisions, events).
        sample: decisions a day that are tried with their future taken away.
        json: print one JSON object.
    """
    first, last = _day(since, "--since"), date.max if until is None else _day(until, "--until")
    days = [day for day in _days(log) if first <= day <= last]
    if not days:
        raise BadInput(f"{log} has no decisions since {first}; its days are {_span(log)}")
    compute = _function(history)
    spec = _specification(specification, catalogue, log, days)
    out.mkdir(parents=True, exist_ok=True)
    rows = tried = 0
    names: list[str] = []
    for day in days:
        decisions, events = _of_day(log, day)
        found = compute(decisions, events)
        _refuse_other_rows(found, decisions, history)
        told = found.drop_columns("decision_id")
        names = told.column_names
        leaks = future_leaks(compute, decisions, events, found, sample)
        if leaks:
            raise BadInput(
                f"{history} looks into the future: {leaks[0]}; {len(leaks)} such values on {day}. "
                "Use only events received before the decision"
            )
        tried += min(sample, decisions.num_rows)
        rows += decisions.num_rows
        place = out / f"day={day}"
        place.mkdir(exist_ok=True)
        write_whole(_table(spec, decisions, told), place / "features.parquet")
    # Readers of Parquet folders pass over a name like this.
    write_text_whole(out / f"_{SPECIFICATION}", spec.to_json())
    return {
        "out": str(out), "days": len(days), "decisions": rows, "fingerprint": spec.fingerprint,
        "history": names, "tried_without_future": tried, "leaks": 0,
    }  # fmt: skip


def future_leaks(
    compute: History, decisions: pa.Table, events: pa.Table, found: pa.Table, sample: int
) -> list[str]:
    """Values that change when everything after their decision is taken away.

    Args:
        compute: what is tried.
        decisions: of a day.
        events: that it was given with them.
        found: what it made of them.
        sample: how many decisions are tried, spread over the day.

    Returns:
        A sentence for each: which column of which decision, with and without its future.
    """
    leaks = []
    order = np.argsort(decisions["time"].cast(pa.int64()).to_numpy(), kind="stable")
    chosen = np.unique(np.linspace(0, len(order) - 1, min(sample, len(order))).astype(int))
    for at in order[chosen].tolist():
        name, moment = decisions["decision_id"][at], decisions["time"][at]
        past = decisions.filter(pc.less_equal(decisions["time"], moment))  # pyright: ignore[reportAttributeAccessIssue]
        known = events.filter(pc.less(events["received"], moment))  # pyright: ignore[reportAttributeAccessIssue]
        again = compute(past, known)
        row = again.filter(pc.equal(again["decision_id"], name)).to_pylist()  # pyright: ignore[reportAttributeAccessIssue]
        with_future = found.slice(at, 1).to_pylist()
        if not row:
            leaks.append(f"decision {name} has no row without what came after it")
            continue
        leaks += [
            f"{column} of decision {name} is {value!r}, and {row[0].get(column)!r} without what "
            "came after it"
            for column, value in with_future[0].items()
            if not _equal(row[0].get(column), value)
        ]
    return leaks


def _equal(one: Any, two: Any) -> bool:
    """The same, but for the order in which floats were added up."""
    if isinstance(one, float) and isinstance(two, float):
        return isclose(one, two, rel_tol=1e-9, abs_tol=1e-9) or (isnan(one) and isnan(two))
    return one == two


def _table(spec: FeatureSpec, decisions: pa.Table, told: pa.Table) -> pa.Table:
    """Ids, history and numbers of the facts."""
    numbers = context_features(spec, decisions["facts"].combine_chunks())
    columns: dict[str, Any] = {
        name: decisions[name] for name in ("decision_id", "time", "profile_id", "title_id")
    }
    columns |= {name: told[name] for name in told.column_names}
    for name, values in zip(numbers._fields, numbers, strict=True):
        flat = pa.array(values.reshape(-1))
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.table(columns)


def _refuse_other_rows(found: pa.Table, decisions: pa.Table, history: str) -> None:
    if "decision_id" not in found.column_names or not found["decision_id"].equals(
        decisions["decision_id"]
    ):
        raise BadInput(
            f"{history} must give one row a decision, in their order, with its decision_id"
        )


def _of_day(log: Path, day: date) -> tuple[pa.Table, pa.Table]:
    """A day's decisions, and all events that may tell of their members' history."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    stop = start + timedelta(days=1)
    decisions = _read(log, "decisions", "time", start, stop, DECISIONS)
    decisions = decisions.take(first_of_each(decisions["decision_id"]))
    return decisions, _read(log, "events", "received", start - timedelta(days=DAYS), stop, EVENTS)


def _read(
    log: Path, kind: str, clock: str, start: datetime, stop: datetime, schema: pa.Schema
) -> pa.Table:
    files = log_files(log, kind)
    for file in files:
        refuse_newer_schema(file)
    if not files:
        return schema.empty_table()
    low, high = (pa.scalar(moment, TIMESTAMP) for moment in (start, stop))
    inside = (ds.field(clock) >= low) & (ds.field(clock) < high)
    return ds.dataset(files, schema=schema, format="parquet").to_table(filter=inside)


def _days(log: Path) -> list[date]:
    """The days that the log has decisions of."""
    files = log_files(log, "decisions")
    if not files:
        raise BadInput(f"{log} holds no decisions/*.parquet; give the folder of a log")
    found: set[date] = set()
    for batch in _times(files):
        found |= {date_of(int(day)) for day in batch}
    return sorted(found)


def _times(files: list[Path]) -> Iterator[np.ndarray]:
    scanned = ds.dataset(files, schema=DECISIONS, format="parquet")
    for batch in scanned.to_batches(columns=["time"]):
        yield np.unique(batch.column(0).cast(pa.int64()).to_numpy() // DAY_US)


def _span(log: Path) -> str:
    days = _days(log)
    return f"{days[0]} to {days[-1]}"


def _specification(
    given: Path | None, catalogue: Path | None, log: Path, days: list[date]
) -> FeatureSpec:
    """The specification that is asked for, or one learnt from the log.

    Raises:
        BadInput: there is none, or it cannot be read.
    """
    if given is None and catalogue is None:
        given = LIVE
    if given is not None:
        place = given / SPECIFICATION if given.is_dir() else given
        if not place.is_file():
            raise BadInput(
                f"no specification at {given}; give --specification a bundle, to compute its "
                "features, or --catalogue, to learn new ones"
            )
        return FeatureSpec.from_json(place.read_text())
    assert catalogue is not None
    known = Catalogue.read(catalogue)
    files, parts, held = log_files(log, "decisions"), [], 0
    low = pa.scalar(datetime(*days[0].timetuple()[:3], tzinfo=UTC), TIMESTAMP)
    scanned = ds.dataset(files, schema=DECISIONS, format="parquet")
    for batch in scanned.to_batches(columns=["facts"], filter=ds.field("time") >= low):
        parts.append(batch.column(0).cast(FACTS))
        held += len(batch)
        if held >= LEARNT_FROM:
            break
    facts = pa.concat_arrays(parts)
    return FeatureSpec.learn(facts, known.titles, known.artworks)


def _function(named: str) -> History:
    """The function that `module:function` names.

    Raises:
        BadInput: there is none.
    """
    module, _, name = named.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadInput(f"--history {named}: {error}; write it as module:function") from None


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is not a day; write it as 2026-01-31") from None
