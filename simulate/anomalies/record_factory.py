"""The records that scenarios are made of, from one seed, and which of them count."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from data.records import SCHEMA_VERSION

Record = dict[str, Any]
"""A row of a log, by column."""
START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
DAYS = 6
END = START + timedelta(days=DAYS)
WINDOW = timedelta(hours=48)
SKEW = timedelta(minutes=5)
TICK = timedelta(microseconds=1)
FIRST_TITLE = 900_000_001
KNOWN_TITLES = 200


@dataclass
class DecisionRecords:
    """One decision, the records that the log holds of it, and what is true of it."""

    decision_id: str
    time: datetime
    profile_id: str
    title_id: int
    rows: list[Record] = field(default_factory=list)
    events: list[Record] = field(default_factory=list)
    shown: list[tuple[datetime, datetime]] = field(default_factory=list)
    """(when, received) of the impressions that count."""
    watched: list[tuple[float, datetime]] = field(default_factory=list)
    """(minutes, received) of the progress that counts."""


class RecordFactory:
    """The seeded source of every record and number in the log."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.runtimes = {
            FIRST_TITLE + i: float(self.rng.choice((9, 22, 24.5, 39.5, 40, 45, 95, 142)))
            for i in range(KNOWN_TITLES)
        }
        self.decided = 0

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

    def decide(
        self, twin: DecisionRecords | None = None, after: timedelta | None = None
    ) -> DecisionRecords:
        """A decision at a random time, or the next one of the same profile and title."""
        rng = self.rng
        if twin is None or after is None:
            time = START + self.between(TICK, timedelta(days=DAYS) - TICK)
            profile = f"member-{self.decided // 5}"
            slot = KNOWN_TITLES // 5  # a profile's titles differ, so that plays cannot be confused
            title = FIRST_TITLE + (self.decided % 5) * slot + rng.randrange(slot)
            self.decided += 1
        else:
            time, profile, title = twin.time + after, twin.profile_id, twin.title_id
        decision = DecisionRecords(f"{rng.getrandbits(128):032x}", time, profile, title)
        decision.rows.append(self.row(decision))
        return decision

    def row(self, decision: DecisionRecords) -> Record:
        """The decision's record."""
        rng = self.rng
        candidates = [f"{decision.title_id}-{i}" for i in range(rng.randint(1, 6))]
        live = rng.random() < 0.5
        share = 1 / len(candidates)
        return {
            "schema_version": SCHEMA_VERSION,
            "decision_id": decision.decision_id,
            "time": decision.time,
            "profile_id": decision.profile_id,
            "title_id": decision.title_id,
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
        self,
        decision: DecisionRecords,
        kind: str,
        time: datetime,
        received: datetime,
        **columns: object,
    ) -> Record:
        """An event's record, kept with its decision."""
        rng = self.rng
        event = {
            "schema_version": SCHEMA_VERSION,
            "event_id": f"{rng.getrandbits(128):032x}",
            "kind": kind,
            "time": time,
            "received": received,
            "decision_id": decision.decision_id,
            "profile_id": decision.profile_id,
            "title_id": decision.title_id,
            "artwork_id": decision.rows[0]["action"] if decision.rows else None,
            "device": rng.choice(("tv", "phone", "tablet", None)),
            "surface": rng.choice(("home", "search", "gallery")),
            "row": rng.randrange(9),
            "column": rng.randrange(20),
            **columns,
        }
        decision.events.append(event)
        return event

    def show(
        self,
        decision: DecisionRecords,
        time: datetime | None = None,
        received: datetime | None = None,
    ) -> datetime:
        """An impression that counts; its time."""
        time = time or decision.time + self.hours(30)
        received = received or time + self.prompt()
        self.event(decision, "impression", time, received)
        decision.shown.append((min(time, received), received))
        return time

    def watch(
        self,
        decision: DecisionRecords,
        time: datetime,
        received: datetime | None = None,
        minutes: float | None = None,
        **columns: object,
    ) -> None:
        """A play and progress that count."""
        received = received or time + self.prompt()
        minutes = self.minutes(decision.title_id) if minutes is None else minutes
        self.event(decision, "play", time, received, **columns)
        self.event(decision, "progress", time, received, minutes=minutes, **columns)
        decision.watched.append((minutes, received))

    def watch_in_vain(self, decision: DecisionRecords, time: datetime, **columns: object) -> None:
        """A play and progress, long enough for a take, that do not count."""
        received = max(time, START) + self.prompt()
        self.event(decision, "play", time, received, **columns)
        self.event(decision, "progress", time, received, minutes=90.0, **columns)
