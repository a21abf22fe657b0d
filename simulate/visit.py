"""`python -m simulate visit`: members browse a running service over HTTP for one day.

Pages are asked for when their member opens them, impressions follow, plays and progress come when
they come, some a day late: each reaches the service at its own time on the simulation's clock.
A day that is repeated sends the same ids again, which the log reads as the same records.
"""

import heapq
import json as json_module
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.clock import turn
from data.errors import BadInput
from data.log.parquet import write_whole
from simulate.artwork_world import ArtworkWorld
from simulate.browse import EXPECTED, Browsing, Outcomes, Requests, events_of, respond
from simulate.log import FILES
from simulate.named_draws import named_generator
from simulate.page_memory import PageMemory
from simulate.pages import SURFACES, Slots, drawn_pages
from simulate.switches import Switches, world_on
from simulate.titles import START
from simulate.visit_client import Client
from simulate.visit_report import VisitReport

DAY_US = 86_400_000_000
EPOCH_DAY = (START - date(1970, 1, 1)).days
SENT = pa.schema([(name, pa.string()) for name in ("decision_id", "cell", "level", "facts")])
TOGETHER_US = 60_000_000
"""Events received within so long of each other travel in one request."""
MOST_TOGETHER = 500


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
    expected: dict[str, list[float]] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)
    """Decisions that were answered: id, cell, and the facts that were sent for it."""

    def live(self) -> None:
        """Everything of the day; what is due later stays in `waiting`."""
        heapq.heapify(self.waiting)
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
                     "facts": json_module.dumps(facts)}
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
        at = artworks[rows, outcomes.choice[rows]]
        changed = self.memory.changes(page.member[rows], page.title[rows], at[:, None])[:, 0]
        self.memory.see(page.member[rows], page.title[rows], at)
        self.report.add(cell, outcomes, takes, valid, int(changed.sum()), shown.bundle)
        for row in rows.tolist():
            name = shown.decision_ids[row]
            if name is not None:
                self.expected.setdefault(name, takes[row][valid[row]].tolist())
                self.report.rendered.setdefault(cell, set()).add(name)

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


def visit(
    url: str, catalogue: str, day: int, clock: Path, out: Path, log: Path, members: int = 500,
    decisions: int = 3000, seed: int = 1, map_share: float = 0.2, competition: bool = False,
    switches: Switches | None = None, close: bool = False, json: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Let members browse a service for a day, on the clock that the service goes by.

    Args:
        url: of the service, such as http://127.0.0.1:8080.
        catalogue: folder that `python -m simulate catalogue` wrote, which the service shows.
        day: its number.
        clock: file that MARQUEE_CLOCK names for the service.
        out: folder for what the next day must know, and for what was sent.
        log: the service's log; the truth of the day's decisions is put beside it, in truth/.
        members: how many there are.
        decisions: places on all pages of the day.
        seed: of members, visits and outcomes.
        map_share: share of members whose pages show their precomputed map.
        competition: titles on a page compete for one play.
        switches: drift, adversary, change effects, clickbait.
        close: nobody visits; only what is still to come of earlier days is sent.
        json: print one JSON object.

    Raises:
        BadInput: the service does not answer.
    """
    switches = switches or Switches()
    if not 0 <= map_share <= 1:
        raise BadInput(f"--map_share {map_share}: it is a share, from 0 to 1")
    world = world_on(ArtworkWorld.read(catalogue, members, seed), switches, day)
    out.mkdir(parents=True, exist_ok=True)
    held = out / f"seen-{day}.npy"
    memory = PageMemory(members, len(world.truth.title_ids))
    if held.is_file():
        memory = PageMemory.read(held)
    pending = out / f"pending-{day}.json"
    waiting = json_module.loads(pending.read_text()) if pending.is_file() else []
    with Client(url) as client:
        this = Day(
            world, day, Browsing(decisions, seed, competition), client, clock, map_share, memory,
            switches.change_cost, [(due, name, event) for due, name, event in waiting],
        )  # fmt: skip
        if close:
            heapq.heapify(this.waiting)
            this._send(until=2**62)
        else:
            this.live()
    _write_truth(this.expected, log, f"day={START + timedelta(days=day)}")
    write_whole(pa.Table.from_pylist(this.sent, SENT), out.resolve() / f"sent-{day}.parquet")
    memory.write(out / f"seen-{day + 1}.npy")
    aside = out / f".pending-{day + 1}"
    aside.write_text(json_module.dumps(this.waiting))
    aside.replace(out / f"pending-{day + 1}.json")
    return {"day": day, "waiting": len(this.waiting), **this.report.told()}


def _write_truth(expected: dict[str, list[float]], log: Path, day: str) -> None:
    """The truth of a day's decisions; a choice kept from an earlier day has its own there."""
    told = [file for file in (log / "truth").glob(f"day=*/{FILES['truth']}")
            if file.parent.name < day]  # fmt: skip
    known: set[str] = set()
    for file in told:
        known.update(pq.read_table(file, columns=["decision_id"])["decision_id"].to_pylist())
    new = {name: takes for name, takes in expected.items() if name not in known}
    place = log / "truth" / day
    place.mkdir(parents=True, exist_ok=True)
    table = pa.table([list(new), list(new.values())], schema=EXPECTED)
    write_whole(table, place / FILES["truth"])
