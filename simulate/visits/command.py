"""`python -m simulate visit`: members browse a running service over HTTP for one day.

Pages are asked for when their member opens them, impressions follow, plays and progress come when
they come, some a day late: each reaches the service at its own time on the simulation's clock.
A day that is repeated sends the same ids again, which the log reads as the same records.
"""

from pathlib import Path

from data.errors import BadInput
from simulate.browsing.day import Browsing
from simulate.browsing.habits import Habits
from simulate.kinds.catalogue_synopses import read_kinds, told_of
from simulate.visits.told import SynopsesRead
from simulate.visits.visit import VisitFiles, Visitors, visit_day
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches


# Each parameter is an option of the command.
def visit(
    url: str,
    catalogue: str,
    day: int,
    clock: Path,
    out: Path,
    log: Path,
    members: int = 500,
    decisions: int = 3000,
    seed: int = 1,
    map_share: float = 0.2,
    competition: bool = False,
    habits: Habits | None = None,
    switches: Switches | None = None,
    close: bool = False,
    say_cells: bool = True,
    kinds: list[str] | None = None,
) -> dict[str, object]:
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
        habits: what members meet again, skip, and come back for.
        switches: drift, adversary, change effects, clickbait.
        close: nobody visits; only what is still to come of earlier days is sent.
        say_cells: name the cell `live` of pages that are decided; a service that has experiments
            names cells itself, and refuses that.
        kinds: what pages show beside artwork: synopsis, of a catalogue whose synopses
            `python -m simulate synopses` wrote with the same seed. Artwork alone if not given.

    Raises:
        BadInput: the service does not answer, or members read no such kind.
    """
    if not 0 <= map_share <= 1:
        raise BadInput(f"--map-share {map_share}: it is a share, from 0 to 1")
    world = ArtworkWorld.read(catalogue, members, seed)
    visitors = Visitors(
        world,
        Browsing(decisions, seed, competition, habits=habits or Habits()),
        map_share,
        switches or Switches(),
        say_cells,
        SynopsesRead(told_of(world, Path(catalogue), seed)) if read_kinds(kinds) else None,
    )
    return visit_day(visitors, day, url, VisitFiles(clock, out, log), close)
