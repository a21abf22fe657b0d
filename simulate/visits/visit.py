"""A day of visits, from what the day before left to what the next one needs."""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pyarrow as pa

from data.errors import BadInput
from data.log.parquet import write_whole
from simulate.browsing.day import Browsing
from simulate.browsing.log import members_file
from simulate.browsing.member_memory import MemberMemory
from simulate.visits.client import Client
from simulate.visits.day import VisitDay
from simulate.visits.looks import read_looks, write_looks
from simulate.visits.outbox import Outbox
from simulate.visits.told import SynopsesRead
from simulate.visits.truth import OPEN_DAYS, write_truth
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches, world_on

SENT = pa.schema([(name, pa.string()) for name in ("decision_id", "cell", "level", "facts")])


@dataclass(frozen=True)
class VisitFiles:
    """Where visits read and write."""

    clock: Path
    """The file that MARQUEE_CLOCK names for the service."""
    out: Path
    """For what the next day must know, and for what was sent."""
    log: Path
    """The service's; the truth of a day's decisions is put beside it, in truth/."""

    def members(self, day: int) -> Path:
        """What members had seen and played before a day."""
        return self.out / f"members-{day}.npz"

    def looks(self, day: int) -> Path:
        """Looks of the days before, at draws that may still be open on a day."""
        return self.out / f"looks-{day}.parquet"

    def pending(self, day: int) -> Path:
        """Events of the days before that were not sent yet."""
        return self.out / f"pending-{day}.json"

    def sent(self, day: int) -> Path:
        """Decisions that members were answered on a day, with the facts of their requests."""
        return self.out / f"sent-{day}.parquet"


@dataclass(frozen=True)
class Visitors:
    """Who visits, in which world, and how."""

    world: ArtworkWorld
    """Of day 0."""
    browsing: Browsing
    map_share: float
    """Share of members whose pages show their precomputed map."""
    switches: Switches
    say_cells: bool = True
    """Of pages that are decided: that they are in the cell `live`."""
    read: SynopsesRead | None = None
    """Pages show synopses, which members read so; None: artwork alone."""

    def __post_init__(self) -> None:
        if self.switches.neighbour:
            raise BadInput(
                f"--switches.neighbour {self.switches.neighbour}: the truth of a draw that several"
                " pages show knows no neighbours; leave it away, or simulate a log"
            )


def visit_day(
    visitors: Visitors, day: int, url: str, files: VisitFiles, close: bool = False
) -> dict[str, object]:
    """Let members browse a service for a day, on the clock that the service goes by.

    Args:
        visitors: who browse.
        day: its number.
        url: of the service.
        files: of this day and its neighbours.
        close: nobody visits; only what is still to come of earlier days is sent.

    Raises:
        BadInput: the service does not answer.
    """
    world_of = cache(partial(world_on, visitors.world, visitors.switches))
    world = world_of(day)
    files.out.mkdir(parents=True, exist_ok=True)
    before = files.members(day), members_file(files.log, day)
    known = [file for file in before if file.is_file()]
    memory = MemberMemory.read(known[0]) if known else MemberMemory.of(world)
    with Client(url) as client:
        visits = VisitDay(
            world,
            day,
            visitors.browsing,
            client,
            files.clock,
            visitors.map_share,
            memory,
            visitors.switches.change_cost,
            Outbox.read(files.pending(day)),
            visitors.say_cells,
            None if visitors.read is None else visitors.read.on(world),
        )
        if close:
            visits.close()
        else:
            visits.live()
    looks = read_looks(files.looks(day)) + visits.looks
    change_cost, skip = visitors.switches.change_cost, visitors.browsing.habits.skip
    write_truth(looks, world_of, change_cost, skip, files.log, day)
    still_open = [look for look in looks if look.day > day - OPEN_DAYS]
    write_looks(still_open, files.looks(day + 1))
    write_whole(pa.Table.from_pylist(visits.sent, SENT), files.sent(day).resolve())
    memory.write(files.members(day + 1))
    visits.outbox.write(files.pending(day + 1))
    return {"to_come": len(visits.outbox.waiting), **visits.report.record()}
