"""Logs with everything that goes wrong in logs, and what their join must give.

Each decision is a short story: what was shown, what the member did, what the log made of it. The
story knows its own outcome, so the truth comes from how the log was made, in plain Python, and
never from the join that it judges. The log ends at a known time: records received later are not in
it, and windows that are open then are not in the truth.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import BadInput
from data.records import DECISIONS, EVENTS, SCHEMA_VERSION, TITLES

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
DAYS = 6
END = START + timedelta(days=DAYS)
WINDOW = timedelta(hours=48)
SKEW = timedelta(minutes=5)
TICK = timedelta(microseconds=1)
FIRST_TITLE = 900_000_001
KNOWN_TITLES = 200
CHUNK = 20_000


@dataclass
class Decided:
    """One decision, the records that the log holds of it, and what is true of it."""

    decision_id: str
    time: datetime
    profile_id: str
    title_id: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    shown: list[tuple[datetime, datetime]] = field(default_factory=list)
    """(when, received) of the impressions that count."""
    watched: list[tuple[float, datetime]] = field(default_factory=list)
    """(minutes, received) of the progress that counts."""


class Teller:
    """Tells stories: the seeded source of every number in the log."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.runtimes = {
            FIRST_TITLE + i: float(self.rng.choice((9, 22, 24.5, 39.5, 40, 45, 95, 142)))
            for i in range(KNOWN_TITLES)
        }
        self.told = 0

    def between(self, shortest: timedelta, longest: timedelta) -> timedelta:
        """A span between two, to the microsecond."""
        return shortest + TICK * self.rng.randint(0, (longest - shortest) // TICK)

    def hours(self, most: float) -> timedelta:
        """A span of up to so many hours."""
        return self.between(TICK, timedelta(hours=most))

    def prompt(self) -> timedelta:
        """How long a record takes to reach the log on a good day."""
        return self.between(TICK, timedelta(seconds=20))

    def needed(self, title_id: int) -> float:
        """The minutes that make a take of this title."""
        return min(20.0, 0.5 * self.runtimes.get(title_id, 1000.0))

    def minutes(self, title_id: int) -> float:
        """Minutes watched, around what a take needs and often exactly that."""
        needed = self.needed(title_id)
        return self.rng.choice((0.0, 0.25, needed - 0.25, needed, needed + 0.25, needed + 30))

    def decide(self, twin: Decided | None = None, after: timedelta | None = None) -> Decided:
        """A decision at a random time, or the next one of the same profile and title."""
        rng = self.rng
        if twin is None or after is None:
            time = START + self.between(TICK, timedelta(days=DAYS) - TICK)
            profile = f"member-{self.told // 5}"
            slot = KNOWN_TITLES // 5  # a profile's titles differ, so that plays cannot be confused
            title = FIRST_TITLE + (self.told % 5) * slot + rng.randrange(slot)
            self.told += 1
        else:
            time, profile, title = twin.time + after, twin.profile_id, twin.title_id
        decided = Decided(f"{rng.getrandbits(128):032x}", time, profile, title)
        decided.rows.append(self.row(decided))
        return decided

    def row(self, decided: Decided) -> dict[str, Any]:
        """The decision's record."""
        rng = self.rng
        candidates = [f"{decided.title_id}-{i}" for i in range(rng.randint(1, 6))]
        live = rng.random() < 0.5
        share = 1 / len(candidates)
        return {
            "schema_version": SCHEMA_VERSION,
            "decision_id": decided.decision_id,
            "time": decided.time,
            "profile_id": decided.profile_id,
            "title_id": decided.title_id,
            "facts": {
                "country": rng.choice(("BR", "FR", "IN", None)),
                "language": rng.choice(("pt", "fr", "hi")),
                "device": rng.choice(("tv", "phone")) if live else None,
                "surface": "home" if live else None,
                "row": rng.randrange(9) if live else None,
                "column": rng.randrange(20) if live else None,
                "day_part": rng.choice(("morning", "evening")),
                "tenure_days": float(rng.randrange(2000)),
                "watched_genres": [(g, float(rng.randint(1, 9))) for g in ("comedy", "drama")],
                "watched_cast": [],
            },
            "candidates": candidates,
            "action": rng.choice(candidates),
            "propensity": share,
            "probabilities": [share] * len(candidates) if live else None,
            "policy": "uniform",
            "bundle": rng.choice((None, "bundle-1")),
            "seed": rng.getrandbits(64),
            "level": rng.choice(("personalised", "unpersonalised", "default")),
            "cell": rng.choice((None, "a", "b")),
        }

    def event(
        self, decided: Decided, kind: str, time: datetime, received: datetime, **said: Any
    ) -> dict[str, Any]:
        """An event's record, kept with its decision's story."""
        rng = self.rng
        event = {
            "schema_version": SCHEMA_VERSION,
            "event_id": f"{rng.getrandbits(128):032x}",
            "kind": kind,
            "time": time,
            "received": received,
            "decision_id": decided.decision_id,
            "profile_id": decided.profile_id,
            "title_id": decided.title_id,
            "artwork_id": decided.rows[0]["action"] if decided.rows else None,
            "device": rng.choice(("tv", "phone", "tablet", None)),
            "surface": rng.choice(("home", "search", "gallery")),
            "row": rng.randrange(9),
            "column": rng.randrange(20),
            **said,
        }
        decided.events.append(event)
        return event

    def show(
        self, decided: Decided, time: datetime | None = None, received: datetime | None = None
    ) -> datetime:
        """An impression that counts; its time."""
        time = time or decided.time + self.hours(30)
        received = received or time + self.prompt()
        self.event(decided, "impression", time, received)
        decided.shown.append((min(time, received), received))
        return time

    def watch(
        self, decided: Decided, time: datetime, received: datetime | None = None,
        minutes: float | None = None, **said: Any,
    ) -> None:  # fmt: skip
        """A play and progress that count."""
        received = received or time + self.prompt()
        minutes = self.minutes(decided.title_id) if minutes is None else minutes
        self.event(decided, "play", time, received, **said)
        self.event(decided, "progress", time, received, minutes=minutes, **said)
        decided.watched.append((minutes, received))

    def waste(self, decided: Decided, time: datetime, **said: Any) -> None:
        """A play and progress, long enough for a take, that do not count."""
        received = max(time, START) + self.prompt()
        self.event(decided, "play", time, received, **said)
        self.event(decided, "progress", time, received, minutes=90.0, **said)


Story = Callable[[Teller], list[Decided]]


def plain(teller: Teller) -> list[Decided]:
    """Shown once; ignored, abandoned or watched."""
    decided = teller.decide()
    shown = teller.show(decided)
    if teller.rng.random() < 0.5:
        teller.watch(decided, shown + teller.hours(47))
    return [decided]


def duplicates(teller: Teller) -> list[Decided]:
    """Everything written twice; a kept choice logged again on a later day."""
    [decided] = plain(teller)
    again = dict(decided.rows[0])
    if teller.rng.random() < 0.5:
        again["time"] += teller.hours(72)
    decided.rows.append(again)
    for event in list(decided.events):
        late = teller.hours(20) if teller.rng.random() < 0.5 else timedelta(0)
        decided.events.append(event | {"received": event["received"] + late})
    return [decided]


def unrendered(teller: Teller) -> list[Decided]:
    """Decided ahead of time, never shown; sometimes watched all the same."""
    decided = teller.decide()
    if teller.rng.random() < 0.5:
        teller.waste(decided, decided.time + teller.hours(20))
    return [decided]


def orphans(teller: Teller) -> list[Decided]:
    """Shown and watched, but the decision never reached the log."""
    decided = teller.decide()
    decided.rows.clear()
    shown = decided.time + teller.hours(5)
    teller.event(decided, "impression", shown, shown + teller.prompt())
    teller.waste(decided, shown + teller.hours(5))
    return [decided]


def repeats(teller: Teller) -> list[Decided]:
    """Shown again and again; the first impression opens the only window."""
    decided = teller.decide()
    first = teller.show(decided)
    for _ in range(teller.rng.randint(1, 4)):
        teller.show(decided, first + teller.hours(90))
    if teller.rng.random() < 0.5:
        teller.watch(decided, first + teller.hours(47))
    else:
        teller.waste(decided, first + WINDOW + teller.hours(40))
    return [decided]


def replays(teller: Teller) -> list[Decided]:
    """Played several times, thumbs between; progress counts by its most, in any order."""
    decided = teller.decide()
    shown = teller.show(decided)
    for _ in range(teller.rng.randint(2, 5)):
        time = shown + teller.hours(47)
        teller.watch(decided, time)
        teller.event(
            decided, "thumb", time, time + teller.prompt(), thumb=teller.rng.choice((-1, 1))
        )
    return [decided]


def surfaces(teller: Teller) -> list[Decided]:
    """Played elsewhere, where the page knew no decision: the title's last impression earns it."""
    first = teller.decide()
    shown = teller.show(first, first.time + teller.hours(3))
    if teller.rng.random() < 0.5:
        teller.watch(first, shown + teller.hours(47), decision_id=None, surface="search")
        return [first]
    second = teller.decide(first, after=timedelta(hours=5) + teller.hours(10))
    again = teller.show(second, second.time + teller.hours(3))
    between = shown + teller.between(TICK, again - shown - SKEW - TICK)
    earlier, later = teller.rng.random() < 0.5, teller.rng.random() < 0.7
    if earlier:
        teller.watch(first, between, decision_id=None, surface="search")
    if later:
        teller.watch(second, again + teller.hours(47), decision_id=None, surface="search")
    return [first, second]


def late(teller: Teller) -> list[Decided]:
    """Phones that were offline: received up to four days after it happened."""
    decided = teller.decide()
    time = decided.time + teller.hours(24)
    teller.show(decided, time, time + teller.hours(96))
    watched = time + teller.hours(47)
    teller.watch(decided, watched, watched + teller.hours(96))
    return [decided]


def skew(teller: Teller) -> list[Decided]:
    """Clocks that differ: a little behind, or hours ahead of the receipt."""
    decided = teller.decide()
    if teller.rng.random() < 0.5:
        shown = teller.show(decided, decided.time - teller.between(TICK, SKEW))
        teller.watch(decided, shown - teller.between(TICK, SKEW), decided.time + teller.prompt())
        return [decided]
    received = decided.time + teller.hours(20)
    teller.show(decided, received + teller.hours(60), received)
    watched = received + teller.hours(40)
    teller.watch(decided, watched + teller.hours(60), watched)
    return [decided]


def outside(teller: Teller) -> list[Decided]:
    """Just within the window and its skew, or a microsecond outside."""
    decided = teller.decide()
    if teller.rng.random() < 0.2:  # rendered before it was decided: the clock is nonsense
        time = decided.time - SKEW - teller.between(TICK, timedelta(hours=1))
        teller.event(decided, "impression", time, decided.time + teller.prompt())
        return [decided]
    shown = teller.show(decided)
    edge = teller.rng.choice(("first", "last", "before", "after", "long after"))
    if edge == "first":
        teller.watch(decided, shown - SKEW, shown + teller.prompt())
    elif edge == "last":
        teller.watch(decided, shown + WINDOW)
    elif edge == "before":
        teller.waste(decided, shown - SKEW - TICK)
    elif edge == "after":
        teller.waste(decided, shown + WINDOW + TICK)
    else:
        teller.waste(decided, shown + WINDOW + teller.hours(30), decision_id=None)
    return [decided]


def unknown(teller: Teller) -> list[Decided]:
    """A title that the catalogue does not know: its runtime cannot lower the threshold."""
    [decided] = plain(teller)
    title = FIRST_TITLE + KNOWN_TITLES + teller.told
    for record in (*decided.rows, *decided.events):
        record["title_id"] = title
    decided.title_id = title
    return [decided]


ANOMALIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        duplicates, unrendered, orphans, repeats, replays, surfaces, late, skew, outside, unknown,
    )
}  # fmt: skip
"""Name → story. Open windows and records out of order are in every log."""


def stories(teller: Teller, decisions: int, chosen: list[Story]) -> Iterator[Decided]:
    """Stories of about that many decisions, a third of them plain, in random order."""

    def endless() -> Iterator[Decided]:
        while True:
            plainly = not chosen or teller.rng.random() < 1 / 3
            yield from (plain if plainly else teller.rng.choice(chosen))(teller)

    return islice(endless(), decisions)


def outcome(decided: Decided, teller: Teller) -> float | None:
    """The example's reward; None if the decision is no example, or not yet."""
    shown = [time for time, received in decided.shown if received <= END]
    if not decided.rows or not shown or min(shown) + WINDOW > END:
        return None
    needed = teller.needed(decided.title_id)
    took = any(m >= needed for m, received in decided.watched if received <= END)
    return float(took)


def titles(teller: Teller) -> pa.Table:
    """The titles that the catalogue knows."""
    rows = [
        {
            "title_id": title, "name": f"Title {title}", "genres": ["drama"], "cast": [],
            "popularity": 1.0, "launch_day": date(2025, 1, 1), "runtime_minutes": runtime,
            "default_artwork_id": f"{title}-0",
        }
        for title, runtime in teller.runtimes.items()
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, TITLES)


def chosen_anomalies(text: str) -> list[Story]:
    """The stories of `all`, `none`, or names with commas between.

    Raises:
        BadInput: no such anomaly.
    """
    names = {"all": list(ANOMALIES), "none": []}.get(text, text.split(","))
    for name in names:
        if name not in ANOMALIES:
            raise BadInput(
                f"there is no anomaly {name!r}; --anomalies takes all, none, or some of "
                f"{', '.join(ANOMALIES)} with commas between"
            )
    return [ANOMALIES[name] for name in names]


def write_anomalous_log(
    decisions: int, seed: int, out: Path | str, truth: Path | str | None, anomalies: str = "all"
) -> dict[str, Any]:
    """Write a log of six days with anomalies, the titles it speaks of, and what its join must give.

    Args:
        decisions: how many; at least 1.
        seed: the same seed writes the same records.
        out: a new or empty folder: `decisions/`, `events/` and `titles.parquet`.
        truth: Parquet file of (decision_id, reward) of the examples that are closed when the log
            ends, with take as the reward; none is written if None.
        anomalies: all, none, or names from ANOMALIES with commas between.

    Returns:
        decisions, events (records written), examples, takes.

    Raises:
        BadInput: an unknown anomaly, no decisions, or a folder that holds a log already.
    """
    chosen, out = chosen_anomalies(anomalies), Path(out)
    if decisions < 1:
        raise BadInput(f"--decisions {decisions} makes no log; give at least 1")
    for kind in ("decisions", "events"):
        if any((out / kind).rglob("*.parquet")):
            raise BadInput(f"{out / kind} holds a log already; give --out a new folder")
        (out / kind).mkdir(parents=True, exist_ok=True)
    teller = Teller(seed)
    told = stories(teller, decisions, chosen)
    rewards: dict[str, float] = {}
    written = {"decisions": 0, "events": 0}
    delayed: list[dict[str, Any]] = []
    part = 0
    while chunk := list(islice(told, CHUNK)):
        rows = [row for decided in chunk for row in decided.rows if row["time"] <= END]
        events = [e for decided in chunk for e in decided.events if e["received"] <= END]
        for decided in chunk:
            reward = outcome(decided, teller)
            if reward is not None:
                rewards[decided.decision_id] = reward
        events += delayed
        teller.rng.shuffle(rows)
        teller.rng.shuffle(events)
        keep = len(events) - len(events) // 10  # a tenth comes in a later file
        events, delayed = events[:keep], events[keep:]
        _write(out, f"part-{part:05}", rows, events, written)
        part += 1
    # The log's clock reads its end: something is received then, of no decision.
    last = Teller(seed).event(Decided("", END, "nobody", FIRST_TITLE), "play", END, END)
    _write(out, f"part-{part:05}", [], [*delayed, last | {"decision_id": None}], written)
    pq.write_table(titles(teller), out / "titles.parquet")
    if truth is not None:
        ids = sorted(rewards)
        Path(truth).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(
            pa.table({"decision_id": ids, "reward": [rewards[name] for name in ids]}), truth
        )
    return {**written, "examples": len(rewards), "takes": sum(rewards.values())}


def _write(
    out: Path, name: str, rows: list[dict], events: list[dict], written: dict[str, int]
) -> None:
    """Write one Parquet file of each kind."""
    for kind, records, schema in (("decisions", rows, DECISIONS), ("events", events, EVENTS)):
        if records:
            pq.write_table(
                pa.Table.from_pylist(records, schema), out / kind / f"{name}.parquet",
                compression="zstd",
            )  # fmt: skip
        written[kind] += len(records)
