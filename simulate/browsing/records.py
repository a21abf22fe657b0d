"""A day's decisions and outcomes as the records of a log."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.join.rewards import TAKE_MINUTES, TAKE_SHARE
from data.records import DECISIONS, EVENTS, SCHEMA_VERSION, TIMESTAMP
from simulate.browsing.day import Choices, Outcomes, Requests
from simulate.browsing.pages import Slots
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.titles import START

EXPECTED = pa.schema([("decision_id", pa.string()), ("expected", pa.list_(pa.float64()))])
LATER = 0.08
"""Share of plays that come hours after the impression, within the attribution window."""
ROW_SECONDS = 4.0
"""Until each further row of a page comes into view."""
START_SECONDS = 1.0, 240.0
"""Between an impression and the play, otherwise."""
LATER_HOURS = 1.0, 44.0
"""What is added to it where it comes later."""
OFFLINE = 0.03
"""Share of events from devices that were offline: received up to a day late."""

Columns = dict[str, "pa.Array | np.ndarray | None"]


def decisions_of(
    world: ArtworkWorld,
    slots: Slots,
    requests: Requests,
    choices: Choices,
    keep_probabilities: bool,
) -> pa.Table:
    """A day's decisions, as they are logged."""
    count, at = len(choices.choice), np.arange(len(choices.choice))
    probabilities, valid = choices.probabilities, requests.valid
    artworks = pa.array(world.truth.catalogue.artwork_ids)
    flat = artworks.take(pa.array(requests.candidates[valid]))
    columns: Columns = {
        "schema_version": np.full(count, SCHEMA_VERSION, np.int16),
        "decision_id": choices.decision_ids,
        "time": _times(requests.day, slots.second),
        "profile_id": pa.array(world.members.profile_ids).take(pa.array(slots.member)),
        "title_id": world.truth.title_ids[slots.title],
        "facts": requests.facts,
        "candidates": pa.ListArray.from_arrays(_offsets(valid), flat),
        "action": artworks.take(pa.array(requests.candidates[at, choices.choice])),
        "propensity": probabilities[at, choices.choice],
        "probabilities": _lists(probabilities, valid) if keep_probabilities else None,
        "policy": pa.repeat(pa.scalar(choices.policy), count),
        "seed": choices.seeds,
        "level": pa.repeat(pa.scalar("personalised"), count),
    }
    return _table(columns, DECISIONS, count)


def expected_of(
    names: pa.Array,
    takes: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
) -> pa.Table:
    """The truth of decisions: the expected take of each candidate."""
    return pa.Table.from_arrays([names, _lists(takes, valid)], schema=EXPECTED)


class _Moments(NamedTuple):
    """Events of one kind, before they are records."""

    kind: str
    mark: str  # ends their ids
    rows: Int[np.ndarray, " events"]  # of their decisions
    second: Float[np.ndarray, " events"]  # of the day
    minutes: Float[np.ndarray, " events"] | None
    delay_days: float


def events_of(
    world: ArtworkWorld,
    slots: Slots,
    requests: Requests,
    outcomes: Outcomes,
    names: pa.Array,
    delay_days: float,
    rng: np.random.Generator,
) -> pa.Table:
    """An impression of each rendered decision; a play and its progress where there was one."""
    shown = np.flatnonzero(outcomes.rendered)
    played = np.flatnonzero(outcomes.played)
    seen = slots.second + rng.uniform(0.2, 3.0, len(slots.second)) + ROW_SECONDS * slots.row
    start = seen[played] + rng.uniform(*START_SECONDS, len(played))
    later = rng.random(len(played)) < LATER
    start = np.where(later, start + rng.uniform(*LATER_HOURS, len(played)) * 3600, start)
    minutes = _minutes(world.truth.runtime[slots.title[played]], outcomes.taken[played], rng)
    end = start + 60 * minutes
    artwork = requests.candidates[np.arange(len(outcomes.choice)), outcomes.choice]
    artwork_ids = pa.array(world.truth.catalogue.artwork_ids).take(pa.array(artwork))
    declared = world.members.declared
    tables = []
    for moments in (
        _Moments("impression", "i", shown, seen[shown], None, 0.0),
        _Moments("play", "p", played, start, None, delay_days),
        _Moments("progress", "w", played, end, minutes, delay_days),
    ):
        rows, second = moments.rows, moments.second
        count, take = len(rows), pa.array(rows)
        received = second + rng.exponential(3.0, count)
        offline = rng.random(count) < OFFLINE
        received = received + offline * rng.uniform(600, 86_400, count)
        received = received + 86_400 * moments.delay_days
        minutes = moments.minutes
        columns: Columns = {
            "schema_version": np.full(count, SCHEMA_VERSION, np.int16),
            "event_id": pc.binary_join_element_wise(  # pyright: ignore[reportAttributeAccessIssue]
                names.take(take), moments.mark, "-"
            ),
            "kind": pa.repeat(pa.scalar(moments.kind), count),
            "time": _times(requests.day, second),
            "received": _times(requests.day, received),
            "decision_id": names.take(take),
            "profile_id": pa.array(world.members.profile_ids).take(pa.array(slots.member[rows])),
            "title_id": world.truth.title_ids[slots.title[rows]],
            "artwork_id": artwork_ids.take(take),
            "minutes": None if minutes is None else minutes.astype(np.float32),
        }
        for name in ("device", "surface", "row", "column"):
            columns[name] = requests.facts.field(name).take(take)
        if declared is not None and moments.kind == "impression":
            own = declared.of_pages(cast("pa.MapArray", requests.facts.field("own")))
            columns["own"] = own.take(take)
        tables.append(_table(columns, EVENTS, count))
    return pa.concat_tables(tables).combine_chunks()


def share_in_time(
    runtime: Float[np.ndarray, " takes"], seconds: Float[np.ndarray, " takes"]
) -> Float[np.ndarray, " takes"]:
    """Of takes of such runtimes, the share that is over within so many seconds of the impression.

    The mean over what `events_of` draws: when the play begins, whether hours later, and for how
    long it is watched.
    """
    even = (np.arange(12) + 0.5) / 12
    threshold = np.minimum(TAKE_MINUTES, TAKE_SHARE * runtime)[:, None]
    minutes = threshold + (runtime[:, None] - threshold) * np.sqrt(even)
    begins = START_SECONDS[0] + (START_SECONDS[1] - START_SECONDS[0]) * even
    lasts = (60 * minutes[:, :, None] + begins).reshape(len(runtime), -1)
    spare = seconds[:, None] - lasts
    low, high = (3600 * hours for hours in LATER_HOURS)
    later = np.clip((spare - low) / (high - low), 0, 1).mean(1)
    return (1 - LATER) * (spare >= 0).mean(1) + LATER * later


def _minutes(
    runtime: Float[np.ndarray, " plays"],
    taken: Bool[np.ndarray, " plays"],
    rng: np.random.Generator,
) -> Float[np.ndarray, " plays"]:
    """Watched: from the threshold of a take to the end, or less than the threshold."""
    threshold = np.minimum(TAKE_MINUTES, TAKE_SHARE * runtime)
    share = rng.random(len(runtime))
    most = threshold + (runtime - threshold) * np.sqrt(share)
    least = threshold * (0.05 + 0.9 * share)
    watched = np.where(taken, np.ceil(most * 4) / 4, np.floor(least * 4) / 4)
    return np.where(taken, np.minimum(watched, runtime), np.maximum(watched, 0.25))


def _times(day: int, second: Float[np.ndarray, " times"]) -> pa.Array:
    start = datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=day)
    micros = int(start.timestamp()) * 1_000_000 + (second * 1e6).astype(np.int64)
    return pa.array(micros, pa.int64()).cast(TIMESTAMP)


def _offsets(valid: Bool[np.ndarray, "decisions candidates"]) -> pa.Array:
    return pa.array(np.concatenate([[0], valid.sum(-1).cumsum()]).astype(np.int32))


def _lists(values: np.ndarray, valid: np.ndarray) -> pa.ListArray:
    return pa.ListArray.from_arrays(_offsets(valid), pa.array(values[valid], pa.float64()))


def _table(columns: Columns, schema: pa.Schema, count: int) -> pa.Table:
    """Columns in a schema's order and types; those that are not there are null."""
    arrays = []
    for field in schema:
        column = columns.get(field.name)
        if column is None:
            arrays.append(pa.nulls(count, field.type))
        elif isinstance(column, np.ndarray):
            arrays.append(pa.array(column, field.type))
        else:
            arrays.append(column.cast(field.type) if column.type != field.type else column)
    return pa.Table.from_arrays(arrays, schema=schema)
