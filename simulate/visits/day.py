"""One day of members at a service: pages, what they show, and what comes of them when.

Each page draws from a generator of its own, so a day that is repeated is the same day.
"""

import heapq
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa

from data.clock import turn
from data.days import DAY_US, day_number
from simulate.browsing.day import Browsing, Outcomes, Requests
from simulate.browsing.last_seen import PageMemory
from simulate.browsing.pages import SURFACES, Slots, drawn_pages
from simulate.browsing.records import events_of
from simulate.browsing.respond import respond
from simulate.named_rng import named_generator
from simulate.visits.client import Client
from simulate.visits.report import VisitReport
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.titles import START

EPOCH_DAY = day_number(START)
TOGETHER_US = 60_000_000
"""Events received within so long of each other travel in one request."""
MOST_TOGETHER = 500


class Truth(NamedTuple):
    """What was expected of a decision where it was rendered first."""

    artworks: list[str]  # the day's candidates
    takes: list[float]
    member: int
    offset: float  # of the place, in logits


class Shown(NamedTuple):
    """What a page shows in each of its places."""

    choice: np.ndarray  # place among the candidates, −1: nothing of the catalogue
    decision_ids: list[str | None]
    bundle: str | None


@dataclass
class Day:
    """One day of visits against a service."""

    world: ArtworkWorld
    number: int
    browsing: Browsing
    client: Client
    clock: Path
    map_share: float
    memory: PageMemory
    change_cost: float
    waiting: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    """Events that have happened and were not sent: (when they will be, id, event)."""
    report: VisitReport = field(default_factory=VisitReport)
    expected: dict[str, Truth] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)
    """Decisions that were answered: id, cell, and the facts that were sent for it."""

    def __post_init__(self) -> None:
        heapq.heapify(self.waiting)

    def live(self) -> None:
        """Everything of the day; what is due later stays in `waiting`."""
        rng = named_generator("visit", self.browsing.seed, self.number)
        slots = drawn_pages(self.world, self.browsing.decisions_per_day, self.number, rng)
        for visit, page in pages_of(slots):
            now = self._microseconds(float(page.second[0]))
            self._send(until=now)
            turn(self.clock, now)
            self._visit(visit, page)
        self._send(until=self._microseconds(86_400.0) - 1)

    def _visit(self, visit: int, page: Slots) -> None:
        """One page: what it shows, what the member does, and the truth of both."""
        rng = named_generator("visit", self.browsing.seed, self.number, visit)
        options = self.world.candidates(page.member, page.title, self.number, self._offset(page))
        surface = SURFACES[page.surface[0]].name
        facts = self.world.members.facts_of(
            page.member, device=page.device, day_part=page.day_part,
            surface=[surface] * len(page.member), row=page.row.astype(np.int16),
            column=page.column.astype(np.int16),
            tenure_days=self.world.members.tenure_days[page.member] + self.number,
        )  # fmt: skip
        requests = Requests(
            self.number, page.member, page.title, options.artworks, options.valid, facts
        )
        profile = self.world.members.profile_ids[page.member[0]]
        cell = "map" if crc32(profile.encode()) % 1000 < 1000 * self.map_share else "live"
        shown = self._ask(visit, page, requests, profile, cell)
        there = shown.choice >= 0
        seen = page._replace(rendered=page.rendered & there)
        choice = np.maximum(shown.choice, 0)
        takes, outcomes = respond(
            self.world, seen, options, self._offset(page), choice, self.browsing, rng
        )
        self._tell(visit, seen, requests, outcomes, shown.decision_ids, rng)
        self._remember(page, options.artworks, outcomes, takes, options.valid, shown, cell)

    def _offset(self, page: Slots) -> np.ndarray:
        offset = page.offset[:, None]
        if not self.change_cost:
            return offset
        artworks = self.world.truth.candidates(self.number)[0][page.title]
        changed = self.memory.changes(page.member, page.title, artworks)
        return offset - self.change_cost * changed

    def _ask(
        self, visit: int, page: Slots, requests: Requests, profile: str, cell: str
    ) -> Shown:  # fmt: skip
        """What the service shows on a page, by a decision now or by the profile's map."""
        title_ids = self.world.truth.title_ids[page.title].tolist()
        known = requests.facts[0].as_py()
        facts = {
            name: dict(value) if isinstance(value, list) else value
            for name, value in known.items()
            if value is not None and name not in ("row", "column")
        }
        bundle = None
        if cell == "map":
            answers = self.client.artwork_map(profile)
            self.report.pages[f"map: {'found' if answers else 'none'}"] += 1
        else:
            answer = self.client.decide(
                {
                    "profile_id": profile, "title_ids": title_ids, "facts": facts,
                    "request_id": f"{self.number}-{visit}", "cell": cell,
                    "day": EPOCH_DAY + self.number,
                }
            )  # fmt: skip
            self.report.pages[answer["reason"] or "live"] += 1
            bundle = answer["bundle"]
            answers = {row["title_id"]: row for row in answer["decisions"]}
            if answer["logged"]:
                self.sent += [
                    {"decision_id": row["decision_id"], "cell": cell, "level": row["level"],
                     "facts": json.dumps(facts)}
                    for row in answer["decisions"] if row["decision_id"] is not None
                ]  # fmt: skip
        names = self.world.truth.catalogue.artwork_ids
        choice = np.full(len(title_ids), -1)
        ids: list[str | None] = [None] * len(title_ids)
        for at, title in enumerate(title_ids):
            row = answers.get(title)
            if row is None:
                continue
            pool = [names[a] for a in requests.candidates[at][requests.valid[at]].tolist()]
            if row["artwork_id"] in pool:
                choice[at], ids[at] = pool.index(row["artwork_id"]), row["decision_id"]
        return Shown(choice, ids, bundle)

    def _tell(
        self, visit: int, page: Slots, requests: Requests, outcomes: Outcomes,
        decision_ids: list[str | None], rng: np.random.Generator,
    ) -> None:  # fmt: skip
        """Put the page's events where they wait for the time at which they are sent."""
        places = pa.array([str(at) for at in range(len(decision_ids))])
        events = events_of(
            self.world, page, requests, outcomes, places, self.number, self.browsing, rng
        )
        for row in events.to_pylist():
            at = int(row["decision_id"])
            name = f"{row['kind']}-{self.number}-{visit}-{at}"
            due, happened = (round(row[key].timestamp() * 1e6) for key in ("received", "time"))
            told = {key: value for key, value in row.items()
                    if key not in ("schema_version", "received") and value is not None}  # fmt: skip
            told |= {"event_id": name, "decision_id": decision_ids[at], "time": happened}
            heapq.heappush(self.waiting, (due, name, told))

    def _remember(
        self, page: Slots, artworks: np.ndarray, outcomes: Outcomes, takes: np.ndarray,
        valid: np.ndarray, shown: Shown, cell: str,
    ) -> None:  # fmt: skip
        rows = np.flatnonzero(outcomes.rendered)
        names = self.world.truth.catalogue.artwork_ids
        at = artworks[rows, outcomes.choice[rows]]
        changed = self.memory.changes(page.member[rows], page.title[rows], at[:, None])[:, 0]
        self.memory.see(page.member[rows], page.title[rows], at)
        self.report.add(cell, outcomes, takes, valid, int(changed.sum()), shown.bundle)
        for row in rows.tolist():
            name = shown.decision_ids[row]
            if name is not None:
                pool = [names[a] for a in artworks[row][valid[row]].tolist()]
                truth = Truth(
                    pool, takes[row][valid[row]].tolist(), int(page.member[row]),
                    float(page.offset[row]),
                )  # fmt: skip
                self.expected.setdefault(name, truth)
                self.report.rendered.setdefault(cell, set()).add(name)

    def close(self) -> None:
        """Nobody visits any more; what is still to come of earlier days comes."""
        self._send(until=2**62)

    def _send(self, until: int) -> None:
        """Send what is due, in order, as the clock goes on."""
        while self.waiting and self.waiting[0][0] <= until:
            due = first = self.waiting[0][0]
            batch = []
            while (
                self.waiting and len(batch) < MOST_TOGETHER
                and self.waiting[0][0] <= min(until, first + TOGETHER_US)
            ):  # fmt: skip
                due, _, event = heapq.heappop(self.waiting)
                batch.append(event)
            turn(self.clock, due)
            self.client.events(batch)
            self.report.events += len(batch)

    def _microseconds(self, second: float) -> int:
        return (EPOCH_DAY + self.number) * DAY_US + int(second * 1e6)


def pages_of(slots: Slots) -> Iterator[tuple[int, Slots]]:
    """Pages by the time at which they are opened, each numbered as its visit."""
    starts = np.flatnonzero(np.diff(slots.visit, prepend=-1))
    order = np.argsort(slots.second[starts], kind="stable")
    ends = np.append(starts[1:], len(slots.visit))
    for at in order.tolist():
        rows = slice(int(starts[at]), int(ends[at]))
        page = Slots(*(column[rows] for column in slots))
        yield int(page.visit[0]), page._replace(visit=np.zeros_like(page.visit))
