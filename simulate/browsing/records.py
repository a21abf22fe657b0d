"""A day's decisions and outcomes as the records of a log."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float

from data.join.rewards import TAKE_MINUTES, TAKE_SHARE
from data.records import DECISIONS, EVENTS, SCHEMA_VERSION, TIMESTAMP
from simulate.browsing.day import Browsing, Outcomes, Requests
from simulate.browsing.pages import Slots
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.titles import START

EXPECTED = pa.schema([("decision_id", pa.string()), ("expected", pa.list_(pa.float64()))])


LATER = 0.08
"""Share of plays that come hours after the impression, within the attribution window."""


OFFLINE = 0.03
"""Share of events from devices that were offline: received up to a day late."""


def _decisions(
    world: ArtworkWorld, slots: Slots, requests: Requests, probabilities: np.ndarray,
    choice: np.ndarray, seeds: np.ndarray, names: pa.Array, policy: str, day: int,
    browsing: Browsing,
) -> pa.Table:  # fmt: skip
    count, at = len(choice), np.arange(len(choice))
    artworks = pa.array(world.truth.catalogue.artwork_ids)
    flat = artworks.take(pa.array(requests.candidates[requests.valid]))
    kept = _lists(probabilities, requests.valid) if browsing.keep_probabilities else None
    columns = {
        "schema_version": np.full(count, SCHEMA_VERSION, np.int16),
        "decision_id": names,
        "time": _times(day, slots.second),
        "profile_id": pa.array(world.members.profile_ids).take(pa.array(slots.member)),
        "title_id": world.truth.title_ids[slots.title],
        "facts": requests.facts,
        "candidates": pa.ListArray.from_arrays(_offsets(requests.valid), flat),
        "action": artworks.take(pa.array(requests.candidates[at, choice])),
        "propensity": probabilities[at, choice],
        "probabilities": kept,
        "policy": pa.repeat(pa.scalar(policy), count),
        "seed": seeds,
        "level": pa.repeat(pa.scalar("personalised"), count),
    }
    return _table(columns, DECISIONS, count)


def events_of(
    world: ArtworkWorld, slots: Slots, requests: Requests, outcomes: Outcomes, names: pa.Array,
    day: int, browsing: Browsing, rng: np.random.Generator,
) -> pa.Table:  # fmt: skip
    """An impression of each rendered decision; a play and its progress where there was one."""
    shown = np.flatnonzero(outcomes.rendered)
    played = np.flatnonzero(outcomes.played)
    seen = slots.second + rng.uniform(0.2, 3.0, len(slots.second)) + 4.0 * slots.row
    start = seen[played] + rng.uniform(1, 240, len(played))
    later = rng.random(len(played)) < LATER
    start = np.where(later, start + rng.uniform(1, 44, len(played)) * 3600, start)
    minutes = _minutes(world.truth.runtime[slots.title[played]], outcomes.taken[played], rng)
    kinds = (("impression", "i", shown, seen[shown], None, 0.0),
             ("play", "p", played, start, None, browsing.delay_days),
             ("progress", "w", played, start + 60 * minutes, minutes, browsing.delay_days),
    )  # fmt: skip
    at = np.arange(len(outcomes.choice))
    artwork = requests.candidates[at, outcomes.choice]
    tables = []
    for kind, mark, rows, second, watched, late in kinds:
        count, take = len(rows), pa.array(rows)
        received = second + rng.exponential(3.0, count)
        offline = rng.random(count) < OFFLINE
        received = received + offline * rng.uniform(600, 86_400, count) + 86_400 * late
        columns = {
            "schema_version": np.full(count, SCHEMA_VERSION, np.int16),
            "event_id": pc.binary_join_element_wise(names.take(take), mark, "-"),  # type: ignore
            "kind": pa.repeat(pa.scalar(kind), count),
            "time": _times(day, second),
            "received": _times(day, received),
            "decision_id": names.take(take),
            "profile_id": pa.array(world.members.profile_ids).take(pa.array(slots.member[rows])),
            "title_id": world.truth.title_ids[slots.title[rows]],
            "artwork_id": pa.array(world.truth.catalogue.artwork_ids).take(pa.array(artwork[rows])),
            "device": requests.facts.field("device").take(take),
            "surface": requests.facts.field("surface").take(take),
            "row": requests.facts.field("row").take(take),
            "column": requests.facts.field("column").take(take),
            "minutes": None if watched is None else watched.astype(np.float32),
        }
        tables.append(_table(columns, EVENTS, count))
    return pa.concat_tables(tables).combine_chunks()


def _minutes(
    runtime: Float[np.ndarray, " plays"], taken: Bool[np.ndarray, " plays"],
    rng: np.random.Generator,
) -> Float[np.ndarray, " plays"]:  # fmt: skip
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


def _table(columns: dict, schema: pa.Schema, count: int) -> pa.Table:
    arrays = []
    for field in schema:
        given = columns.get(field.name)
        if given is None:
            arrays.append(pa.nulls(count, field.type))
        elif isinstance(given, pa.Array):
            arrays.append(given.cast(field.type) if given.type != field.type else given)
        else:
            arrays.append(pa.array(given, field.type))
    return pa.Table.from_arrays(arrays, schema=schema)
