"""`python -m data features`: features of today's code, for decisions of old.

The facts of a decision are those that it logged, and its member's history is what had been
received when it was made.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from data.atomic_write import write_text_whole
from data.bundle import CURRENT
from data.catalogue import Catalogue
from data.errors import BadInput
from data.examples.history import future_leaks, history_named, refuse_other_rows
from data.examples.logged_days import days_of, decisions_and_events, facts_since
from data.features import FeatureSpec, context_features
from data.log.parquet import write_whole
from data.schema import read_schema

SPECIFICATION = "features.json"
LIVE = Path("artifacts/bundles") / CURRENT
LEARNT_FROM = 200_000
"""Decisions that vocabulary and statistics are learnt from, at most."""


@dataclass(frozen=True)
class FeaturesReport:
    """What was computed."""

    out: str
    days: int
    decisions: int
    fingerprint: str
    """Of the specification."""
    history: list[str]
    """Its columns."""
    tried_without_future: int
    leaks: int = 0
    """Values that changed without their future: always 0, or nothing is written."""


def features(
    since: str,
    log: Path = Path("artifacts/log"),
    out: Path = Path("artifacts/features"),
    until: str | None = None,
    catalogue: Path | None = None,
    specification: Path | None = None,
    history: str = "data.examples.member_history:member_history",
    sample: int = 50,
) -> FeaturesReport:
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
    """
    first, last = _day(since, "--since"), date.max if until is None else _day(until, "--until")
    every = days_of(log)
    days = [day for day in every if first <= day <= last]
    if not days:
        span = f"{every[0]} to {every[-1]}"
        raise BadInput(f"{log} has no decisions since {first}; its days are {span}")
    compute = history_named(history)
    spec = _specification(specification, catalogue, log, days[0])
    out.mkdir(parents=True, exist_ok=True)
    count = tried = 0
    names: list[str] = []
    for day in days:
        decisions, events = decisions_and_events(log, day)
        rows = compute(decisions, events)
        refuse_other_rows(rows, decisions, history)
        leaks = future_leaks(compute, decisions, events, rows, sample)
        if leaks:
            raise BadInput(
                f"{history} looks into the future: {leaks[0]}; {len(leaks)} such values on {day}. "
                "Use only events received before the decision"
            )
        past = rows.drop_columns("decision_id")
        names = past.column_names
        tried += min(sample, decisions.num_rows)
        count += decisions.num_rows
        folder = out / f"day={day}"
        folder.mkdir(exist_ok=True)
        write_whole(_table(spec, decisions, past), folder / "features.parquet")
    # Readers of Parquet folders pass over a name like this.
    write_text_whole(out / f"_{SPECIFICATION}", spec.to_json())
    return FeaturesReport(str(out), len(days), count, spec.fingerprint, names, tried)


def _table(spec: FeatureSpec, decisions: pa.Table, past: pa.Table) -> pa.Table:
    """Ids, history and numbers of the facts."""
    numbers = context_features(spec, decisions["facts"].combine_chunks())
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        name: decisions[name] for name in ("decision_id", "time", "profile_id", "title_id")
    }
    columns |= {name: past[name] for name in past.column_names}
    for name, values in zip(numbers._fields, numbers, strict=True):
        flat = pa.array(values.reshape(-1))
        columns[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    return pa.table(columns)


def _specification(
    place: Path | None, catalogue: Path | None, log: Path, first: date
) -> FeatureSpec:
    """The specification that is asked for, or one learnt from the log.

    Raises:
        BadInput: there is none, or it cannot be read.
    """
    if place is None and catalogue is not None:
        known = Catalogue.read(catalogue)
        parts, held = [], 0
        for facts in facts_since(log, first):
            parts.append(facts)
            held += len(facts)
            if held >= LEARNT_FROM:
                break
        facts, schema = pa.concat_arrays(parts), read_schema(catalogue)
        return FeatureSpec.learn(facts, known.titles, known.artworks, schema)
    place = place or LIVE
    file = place / SPECIFICATION if place.is_dir() else place
    if not file.is_file():
        raise BadInput(
            f"no specification at {place}; give --specification a bundle, to compute its "
            "features, or --catalogue, to learn new ones"
        )
    return FeatureSpec.from_json(file.read_bytes())


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is not a day; write it as 2026-01-31") from None
