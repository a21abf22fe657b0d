"""`python -m simulate visit`: members browse a running service over HTTP for one day.

Pages are asked for when their member opens them, impressions follow, plays and progress come when
they come, some a day late: each reaches the service at its own time on the simulation's clock.
A day that is repeated sends the same ids again, which the log reads as the same records.
"""

import json as json_module
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from data.atomic_write import write_text_whole
from data.errors import BadInput
from data.join.inputs import log_files
from data.log.parquet import write_whole
from simulate.browsing.day import Browsing
from simulate.browsing.last_seen import PageMemory
from simulate.browsing.log import FILES
from simulate.browsing.records import EXPECTED
from simulate.visits.client import Client
from simulate.visits.day import Day, Truth
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches, world_on
from simulate.world.titles import START

SENT = pa.schema([(name, pa.string()) for name in ("decision_id", "cell", "level", "facts")])


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
            this.close()
        else:
            this.live()
    _write_truth(this, log, f"day={START + timedelta(days=day)}")
    write_whole(pa.Table.from_pylist(this.sent, SENT), out.resolve() / f"sent-{day}.parquet")
    memory.write(out / f"seen-{day + 1}.npy")
    write_text_whole(out / f"pending-{day + 1}.json", json_module.dumps(this.waiting))
    return {"to_come": len(this.waiting), **this.report.told()}


def _write_truth(day: Day, log: Path, folder: str) -> None:
    """The truth of a day's decisions; a choice kept from an earlier day has its own there."""
    known: set[str] = set()
    for file in (log / "truth").glob(f"day=*/{FILES['truth']}"):
        if file.parent.name < folder:
            known.update(pq.read_table(file, columns=["decision_id"])["decision_id"].to_pylist())
    new = {name: truth for name, truth in day.expected.items() if name not in known}
    place = log / "truth" / folder
    place.mkdir(parents=True, exist_ok=True)
    pools = _own_candidates(log, list(new))
    takes = [_aligned(day, truth, pools.get(name)) for name, truth in new.items()]
    write_whole(pa.table([list(new), takes], schema=EXPECTED), place / FILES["truth"])


def _own_candidates(log: Path, names: list[str]) -> dict[str, list[str]]:
    """Candidates of the decisions that precompute has logged, perhaps on an earlier day."""
    files = log_files(log, "decisions")
    if not files or not names:
        return {}
    found = ds.dataset(files, format="parquet").to_table(
        columns=["decision_id", "candidates"], filter=ds.field("decision_id").isin(names)
    )
    return dict(zip(*(column.to_pylist() for column in found.columns), strict=True))


def _aligned(day: Day, truth: Truth, pool: list[str] | None) -> list[float]:
    """Expected takes of a decision's own candidates; today's may be others."""
    if pool is None or pool == truth.artworks:
        return truth.takes
    rows = {name: row for row, name in enumerate(day.world.truth.catalogue.artwork_ids)}
    artworks = np.array([rows[name] for name in pool])
    members = np.full(len(artworks), truth.member)
    return np.asarray(day.world.expected_take(members, artworks, truth.offset)).tolist()
