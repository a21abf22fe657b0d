"""One day of members at a service: pages, what they show, and what comes of them when.

Each page draws from a generator of its own, so a day that is repeated is the same day.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from data.clock import turn
from data.days import DAY_US, day_number, moment_us
from simulate.browsing.day import Browsing, Outcomes, Requests
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.offers import Offers, offers_of
from simulate.browsing.pages import Slots, drawn_pages
from simulate.browsing.records import ROW_SECONDS, events_of
from simulate.browsing.respond import others_odds, respond
from simulate.browsing.value import value_of
from simulate.kinds.told_world import KIND
from simulate.named_rng import named_generator
from simulate.visits.client import Client, PageRequest
from simulate.visits.looks import TitleLook
from simulate.visits.outbox import Outbox
from simulate.visits.report import VisitReport
from simulate.visits.told import SynopsesRead
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.titles import START

EPOCH_DAY = day_number(START)


class ShownPage(NamedTuple):
    """What a page shows in each of its places."""

    choice: Int[np.ndarray, " places"]  # place among the candidates, −1: nothing of the catalogue
    decision_ids: list[str | None]
    bundle: str | None
    synopses: Int[np.ndarray, " places"]  # beside it, −1: none


@dataclass
class VisitDay:
    """One day of visits against a service."""

    world: ArtworkWorld
    number: int
    browsing: Browsing
    client: Client
    clock: Path
    map_share: float
    memory: MemberMemory
    change_cost: float
    outbox: Outbox
    say_cells: bool = True
    """Of pages that are decided: that they are in the cell `live`."""
    read: SynopsesRead | None = None
    """Pages show synopses, which their members read so; None: artwork alone."""
    report: VisitReport = field(default_factory=VisitReport)
    looks: list[TitleLook] = field(default_factory=list)
    """At what was in view, whether skipped or not."""
    sent: list[dict[str, str]] = field(default_factory=list)
    """Decisions that were answered: id, cell, and the facts that were sent for it."""

    def live(self) -> None:
        """Everything of the day; what is due later stays in the outbox."""
        rng = named_generator("visit", self.browsing.seed, self.number)
        count, habits = self.browsing.decisions_per_day, self.browsing.habits
        slots = drawn_pages(self.world, count, self.number, rng, habits, self.memory)
        for visit, page in pages_of(slots):
            now = self._microseconds(float(page.second[0]))
            self._send(until=now)
            turn(self.clock, now)
            self._visit(visit, page)
        self._send(until=self._microseconds(86_400.0) - 1)

    def close(self) -> None:
        """Nobody visits any more; what is still to come of earlier days comes."""
        self._send(until=2**62)

    def _visit(self, visit: int, page: Slots) -> None:
        """One page: what it shows, what the member does, and the truth of both."""
        rng = named_generator("visit", self.browsing.seed, self.number, visit)
        offers = offers_of(self.world, page, self.number, self.memory, self.change_cost)
        profile = self.world.members.profile_ids[page.member[0]]
        cell = "map" if crc32(profile.encode()) % 1000 < 1000 * self.map_share else "live"
        shown = self._ask(visit, offers.requests, profile, cell)
        rendered = page.in_view & (shown.choice >= 0)
        if self.browsing.habits.skip:
            rendered &= ~self.memory.has_played(page.member, page.title)
        choice = np.maximum(shown.choice, 0)
        if self.read is not None:
            worth = self.read.worth(page, offers, choice, rendered, shown.synopses)
            self.report.add_told(cell, worth)
            page, offers = self.read.felt(page, offers, shown.synopses)
        competition = self.browsing.competition
        takes, outcomes = respond(self.world, page, offers, choice, rendered, competition, rng)
        self._note_looks(page, offers, choice, rendered, shown)
        self._put_events(visit, page, offers.requests, outcomes, shown.decision_ids, rng)
        self._remember(page, offers.requests, outcomes, takes, shown, cell)

    def _ask(self, visit: int, requests: Requests, profile: str, cell: str) -> ShownPage:
        """What the service shows on a page, by a decision now or by the profile's map."""
        title_ids = self.world.truth.title_ids[requests.titles].tolist()
        bundle = None
        if cell == "map":
            choices = self.client.artwork_map(profile)
            self.report.pages[f"map: {'found' if choices else 'none'}"] += 1
        else:
            facts = self._sent_facts(requests)
            request: PageRequest = {
                "profile_id": profile,
                "title_ids": title_ids,
                "facts": facts,
                "request_id": f"{self.number}-{visit}",
                "cell": cell if self.say_cells else None,
                "day": EPOCH_DAY + self.number,
            }
            if self.read is not None:
                request["kinds"] = [KIND]
            answer = self.client.decide(request)
            self.report.pages[answer["reason"] or "live"] += 1
            bundle = answer["bundle"]
            choices = {choice["title_id"]: choice for choice in answer["decisions"]}
            if answer["logged"]:
                text = json.dumps(facts)
                self.sent += [
                    {"decision_id": name, "cell": cell, "level": choice["level"], "facts": text}
                    for choice in answer["decisions"]
                    if (name := choice["decision_id"]) is not None
                ]
        places = np.full(len(title_ids), -1)
        ids: list[str | None] = [None] * len(title_ids)
        for at, title in enumerate(title_ids):
            choice = choices.get(title)
            pool = self._artwork_ids(requests, at)
            if choice is not None and choice["artwork_id"] in pool:
                places[at] = pool.index(choice["artwork_id"])
                ids[at] = choice["decision_id"]
        read = self.read
        beside = np.full(len(places), -1) if read is None else read.places(choices, title_ids)
        return ShownPage(places, ids, bundle, np.where(places < 0, -1, beside))

    def _sent_facts(self, requests: Requests) -> dict[str, object]:
        """What a device knows of its member; places are known to the page alone."""
        facts = requests.facts[0].as_py()
        own, declared = facts.pop("own"), self.world.members.declared
        sent: dict[str, object] = {
            name: dict(value) if isinstance(value, list) else value
            for name, value in facts.items()
            if value is not None and name not in ("row", "column")
        }
        return sent if declared is None else sent | declared.as_json(own)

    def _artwork_ids(self, requests: Requests, at: int) -> list[str]:
        """The candidates of one place."""
        names = self.world.truth.catalogue.artwork_ids
        return [names[row] for row in requests.candidates[at][requests.valid[at]].tolist()]

    def _put_events(
        self,
        visit: int,
        page: Slots,
        requests: Requests,
        outcomes: Outcomes,
        decision_ids: list[str | None],
        rng: np.random.Generator,
    ) -> None:
        """Let the page's events wait for the time at which they are sent."""
        places = pa.array([str(at) for at in range(len(decision_ids))])
        delay = self.browsing.delay_days
        events = events_of(self.world, page, requests, outcomes, places, delay, rng)
        for row in events.to_pylist():
            at = int(row["decision_id"])
            name = f"{row['kind']}-{self.number}-{visit}-{at}"
            due = moment_us(row.pop("received"))
            event = {key: value for key, value in row.items() if value is not None}
            del event["schema_version"]
            if (own := event.pop("own", None)) and self.world.members.declared is not None:
                event["facts"] = self.world.members.declared.as_json(own)
            event |= {
                "event_id": name,
                "decision_id": decision_ids[at],
                "time": moment_us(row["time"]),
            }
            self.outbox.put(due, name, event)

    def _note_looks(
        self,
        page: Slots,
        offers: Offers,
        choice: Int[np.ndarray, " places"],
        rendered: Bool[np.ndarray, " places"],
        shown: ShownPage,
    ) -> None:
        """Note what is in view, before anything of the page happens."""
        at = np.arange(len(choice))
        artworks = offers.requests.candidates[at, choice]
        last = self.memory.last_seen(page.member, page.title)
        offset = page.offset
        if self.browsing.competition:
            own = np.broadcast_to(offers.offset, offers.requests.valid.shape)[at, choice]
            odds = np.exp(self.world.play_logit(page.member, artworks, own))
            offset = offset - np.log1p(others_odds(page, np.where(rendered, odds, 0.0)))
        for row in np.flatnonzero(page.in_view & (shown.choice >= 0)).tolist():
            name = shown.decision_ids[row]
            if name is None:
                continue
            look = TitleLook(
                time=self._microseconds(
                    float(page.second[row]) + 1.6 + ROW_SECONDS * page.row[row]
                ),
                day=self.number,
                member=int(page.member[row]),
                title=int(page.title[row]),
                decision_id=name,
                artwork=int(artworks[row]),
                rendered=bool(rendered[row]),
                last=int(last[row]),
                offset=float(offset[row]),
            )
            self.looks.append(look)

    def _remember(
        self,
        page: Slots,
        requests: Requests,
        outcomes: Outcomes,
        takes: Float[np.ndarray, "places candidates"],
        shown: ShownPage,
        cell: str,
    ) -> None:
        """Note what members saw and did, and what that was worth."""
        rows = np.flatnonzero(outcomes.rendered)
        at = requests.candidates[rows, outcomes.choice[rows]]
        changed = self.memory.changes(page.member[rows], page.title[rows], at[:, None])[:, 0]
        self.memory.remember(requests, outcomes)
        value = value_of(takes, requests.valid, outcomes)
        self.report.add(cell, value, int(changed.sum()), shown.bundle)
        names = (shown.decision_ids[row] for row in rows.tolist())
        ids = self.report.rendered.setdefault(cell, set())
        ids.update(name for name in names if name is not None)

    def _send(self, until: int) -> None:
        self.report.events += self.outbox.send(self.client, self.clock, until)

    def _microseconds(self, second: float) -> int:
        return (EPOCH_DAY + self.number) * DAY_US + int(second * 1e6)


def pages_of(slots: Slots) -> Iterator[tuple[int, Slots]]:
    """Pages by the time at which they are opened, each numbered as its visit."""
    starts = np.flatnonzero(np.diff(slots.visit, prepend=-1))
    order = np.argsort(slots.second[starts], kind="stable")
    ends = np.append(starts[1:], len(slots.visit))
    for at in order.tolist():
        rows = slice(int(starts[at]), int(ends[at]))
        page = slots.part(rows)
        yield int(page.visit[0]), page._replace(visit=np.zeros_like(page.visit))
