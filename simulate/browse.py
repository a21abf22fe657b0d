"""Browsing: a policy decides, members look, play, watch or abandon; decisions and events come out.

Everything of a day is vectorised. Choices follow from seeds per decision (`bandit/choice.py`), so
the same policy gives the same log again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from bandit.choice import choose, decision_ids, decision_seeds, profile_keys, uniforms
from data.errors import BadInput
from data.records import DECISIONS, EVENTS, SCHEMA_VERSION, TIMESTAMP
from data.rewards import TAKE_MINUTES, TAKE_SHARE
from simulate.artwork_world import ArtworkWorld, Candidates
from simulate.named_draws import named_generator
from simulate.page_memory import PageMemory
from simulate.pages import SURFACES, Slots, drawn_pages
from simulate.switches import Switches, world_on
from simulate.titles import START

EXPECTED = pa.schema([("decision_id", pa.string()), ("expected", pa.list_(pa.float64()))])
LATER = 0.08
"""Share of plays that come hours after the impression, within the attribution window."""
OFFLINE = 0.03
"""Share of events from devices that were offline: received up to a day late."""


class Requests(NamedTuple):
    """What a policy is asked: for whom, for which title, among which artworks (rows)."""

    day: int
    members: Int[np.ndarray, " decisions"]
    titles: Int[np.ndarray, " decisions"]
    candidates: Int[np.ndarray, "decisions candidates"]
    valid: Bool[np.ndarray, "decisions candidates"]
    facts: pa.StructArray


class Outcomes(NamedTuple):
    """What came of a day's decisions."""

    choice: Int[np.ndarray, " decisions"]  # place among the candidates
    rendered: Bool[np.ndarray, " decisions"]
    played: Bool[np.ndarray, " decisions"]
    taken: Bool[np.ndarray, " decisions"]


@runtime_checkable
class Policy(Protocol):
    """Anything that gives each candidate its probability."""

    name: str
    """Written into the log."""

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """Rows sum to 1 over valid candidates; others get 0."""
        ...

    def learn(self, log: "DayLog") -> None:
        """Look at a day that is over."""
        ...


@dataclass(frozen=True)
class Browsing:
    """How members browse."""

    decisions_per_day: int = 10_000
    """Places on all pages of a day."""
    seed: int = 1
    """Of visits and outcomes; also the salt of choices."""
    competition: bool = False
    """Titles on a page compete for one play."""
    delay_days: float = 0.0
    """Plays and progress reach the log this much later than usual."""
    keep_probabilities: bool = False
    """Log the probabilities of all candidates, not only the propensity."""

    def __post_init__(self) -> None:
        if self.decisions_per_day < 1:
            raise BadInput(f"--decisions_per_day {self.decisions_per_day}: at least 1 is needed")
        if self.delay_days < 0:
            raise BadInput(f"--delay_days {self.delay_days}: it cannot be negative")


class DayLog(NamedTuple):
    """One day: public tables, the truth of its decisions, and arrays for those who judge."""

    day: int
    decisions: pa.Table  # DECISIONS
    events: pa.Table  # EVENTS
    expected: pa.Table  # EXPECTED, aligned with the candidates
    requests: Requests
    takes: Float[np.ndarray, "decisions candidates"]  # expected, given that it is rendered
    outcomes: Outcomes


def browse_days(
    world: ArtworkWorld, policy: Policy, days: range, browsing: Browsing,
    switches: Switches | None = None,
) -> Iterator[DayLog]:  # fmt: skip
    """Day after day of `browse`, after each of which the policy may learn.

    Args:
        world: as it is on day 0.
        policy: decides.
        days: their numbers.
        browsing: how members browse.
        switches: what changes from day to day.
    """
    switches = switches or Switches()
    memory = PageMemory(len(world.members), len(world.truth.title_ids))
    for day in days:
        today = world_on(world, switches, day)
        log = browse(today, policy, day, browsing, memory, switches.change_cost)
        policy.learn(log)
        yield log


def browse(
    world: ArtworkWorld, policy: Policy, day: int, browsing: Browsing,
    memory: PageMemory | None = None, change_cost: float = 0.0,
) -> DayLog:  # fmt: skip
    """One day: pages are made, the policy decides for each place, members respond.

    Args:
        world: as it is on this day.
        policy: decides.
        day: its number.
        browsing: how members browse.
        memory: what members saw before, and will have seen; needed for a change cost.
        change_cost: taken from the logit of a play where the artwork is not what was seen last.

    Raises:
        ValueError: the policy's probabilities do not fit the candidates.
    """
    rng = named_generator("browse", browsing.seed, day)
    slots = drawn_pages(world, browsing.decisions_per_day, day, rng)
    offset = _offset(world, slots, day, memory, change_cost)
    options = world.candidates(slots.member, slots.title, day, offset)
    requests = Requests(
        day, slots.member, slots.title, options.artworks, options.valid, _facts(world, slots, day)
    )
    probabilities = _checked(policy.probabilities(requests), options.valid, policy.name)
    keys = profile_keys(world.members.profile_ids)[slots.member]
    ids = world.truth.title_ids[slots.title]
    seeds = np.empty(len(ids), np.uint64)
    for turn in np.unique(slots.turn):  # a second visit on a day draws anew
        now = slots.turn == turn
        salt = browsing.seed + 1_000_003 * int(turn)
        seeds[now] = decision_seeds(keys[now], ids[now], day, salt)
    choice = choose(probabilities, uniforms(seeds))
    takes, outcomes = respond(world, slots, options, offset, choice, browsing, rng)
    if memory is not None:
        seen = np.flatnonzero(slots.rendered)
        artworks = options.artworks[seen, choice[seen]]
        memory.see(slots.member[seen], slots.title[seen], artworks)
    names = pa.array(decision_ids(seeds, keys, ids, day), pa.string())
    decisions = _decisions(
        world, slots, requests, probabilities, choice, seeds, names, policy.name, day, browsing
    )
    events = events_of(world, slots, requests, outcomes, names, day, browsing, rng)
    expected = pa.Table.from_arrays([names, _lists(takes, options.valid)], schema=EXPECTED)
    return DayLog(day, decisions, events, expected, requests, takes, outcomes)


def _offset(
    world: ArtworkWorld, slots: Slots, day: int, memory: PageMemory | None, change_cost: float
) -> Float[np.ndarray, "decisions candidates"]:
    """What the place, and a change of artwork, add to the logit of a play."""
    offset = slots.offset[:, None]
    if memory is None or not change_cost:
        return offset
    artworks = world.truth.candidates(day)[0][slots.title]
    return offset - change_cost * memory.changes(slots.member, slots.title, artworks)


def respond(
    world: ArtworkWorld, slots: Slots, options: Candidates, offset: np.ndarray,
    choice: np.ndarray, browsing: Browsing, rng: np.random.Generator,
) -> tuple[np.ndarray, Outcomes]:  # fmt: skip
    """Expected takes of all candidates, and what members do under the chosen ones."""
    at = np.arange(len(choice))
    shown = options.artworks[at, choice]
    own_offset = np.broadcast_to(offset, options.valid.shape)
    logits = world.play_logit(slots.member, shown, own_offset[at, choice])
    enjoy = world.enjoy_probability(slots.member, shown)
    takes, draw = options.takes, rng.random(len(choice))
    if browsing.competition:
        odds = np.where(slots.rendered, np.exp(logits), 0.0)
        starts = np.flatnonzero(np.diff(slots.visit, prepend=-1))
        page = np.add.reduceat(odds, starts)[slots.visit]
        # One draw a page; the play goes to the title in whose stretch it falls.
        before = np.cumsum(odds) - odds
        before -= before[starts][slots.visit]
        point = draw[starts][slots.visit] * (1 + page)
        played = (before <= point) & (point < before + odds)
        member = slots.member[:, None]
        own = np.exp(world.play_logit(member, options.artworks, offset))
        liked = world.enjoy_probability(member, options.artworks)
        others = np.maximum(page - odds, 0.0)[:, None]
        takes = np.where(options.valid, own / (1 + others + own) * liked, 0.0)
    else:
        played = slots.rendered & (draw < expit(logits))
    taken = played & (rng.random(len(choice)) < enjoy)
    return takes, Outcomes(choice, slots.rendered, played, taken)


def _checked(
    probabilities: np.ndarray, valid: np.ndarray, name: str
) -> Float[np.ndarray, "decisions candidates"]:
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.shape != valid.shape:
        raise ValueError(
            f"policy {name!r} gave probabilities of shape {probabilities.shape} for candidates of "
            f"shape {valid.shape}; one each is needed"
        )
    sound = np.isclose(probabilities.sum(-1), 1, atol=1e-6) & ~(probabilities < 0).any(-1)
    sound &= (probabilities[~valid] == 0).all() | ((probabilities != 0) <= valid).all(-1)
    if not sound.all():
        row = int(sound.argmin())
        raise ValueError(
            f"policy {name!r}, decision row {row}: {probabilities[row]} must sum to 1 over the "
            "valid candidates and be 0 elsewhere"
        )
    return probabilities


def _facts(world: ArtworkWorld, slots: Slots, day: int) -> pa.StructArray:
    surfaces = pa.array([page.name for page in SURFACES]).take(pa.array(slots.surface))
    return world.members.facts_of(
        slots.member, device=slots.device, day_part=slots.day_part, surface=surfaces,
        row=slots.row.astype(np.int16), column=slots.column.astype(np.int16),
        tenure_days=world.members.tenure_days[slots.member] + day,
    )  # fmt: skip


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
