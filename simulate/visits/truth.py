"""The truth of what days of visits showed, beside the service's log."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from data.join.inputs import log_files
from data.log.parquet import write_whole
from simulate.browsing.log import FILES
from simulate.browsing.records import EXPECTED
from simulate.visits.draw_takes import draw_takes
from simulate.visits.looks import TitleLook
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.titles import START

OPEN_DAYS = 2
"""A draw that was rendered first on a day is open until so many days later."""


def write_truth(
    looks: Sequence[TitleLook],
    world_of: Callable[[int], ArtworkWorld],
    change_cost: float,
    skip: bool,
    log: Path,
    day: int,
) -> None:
    """Write the truth of the draws that may still be open, by the day of their first rendering.

    It is written anew on each of the days until the window has closed, and is whole from then on. A
    draw that stayed from an earlier day has its own there.

    Args:
        looks: of the day and OPEN_DAYS before it.
        world_of: the world of a day.
        change_cost: as `simulate.world.switches.Switches`.
        skip: who has played looks away.
        log: the service's log.
        day: its number.
    """
    opened = _first_days(looks, _known_before(log, day - OPEN_DAYS))
    pools = _pools(opened, looks, world_of, log)
    takes = draw_takes(pools, looks, world_of, change_cost, skip)
    for number in range(max(0, day - OPEN_DAYS), day + 1):
        names = [name for name, first in opened.items() if first == number]
        folder = log / "truth" / _folder(number)
        if not names and number < day:
            continue  # a simulated log may have its own truth of a day before any visit
        folder.mkdir(parents=True, exist_ok=True)
        rows = [names, [takes[name] for name in names]]
        write_whole(pa.table(rows, schema=EXPECTED), folder / FILES["truth"])


def _folder(day: int) -> str:
    return f"day={START + timedelta(days=day)}"


def _known_before(log: Path, day: int) -> set[str]:
    """Draws whose truth is of an earlier day."""
    known: set[str] = set()
    for file in (log / "truth").glob(f"day=*/{FILES['truth']}"):
        if file.parent.name < _folder(day):
            names = pq.ParquetFile(file).read(columns=["decision_id"])["decision_id"]
            known.update(names.to_pylist())
    return known


def _first_days(looks: Sequence[TitleLook], known: set[str]) -> dict[str, int]:
    """Draws that were rendered → the day of the first time."""
    first: dict[str, int] = {}
    for look in sorted(looks, key=lambda look: look.time):
        if look.rendered and look.decision_id not in known:
            first.setdefault(look.decision_id, look.day)
    return first


def _pools(
    opened: Mapping[str, int],
    looks: Sequence[TitleLook],
    world_of: Callable[[int], ArtworkWorld],
    log: Path,
) -> dict[str, list[int]]:
    """Rows of each draw's candidates: as logged, or of the day while the log has it not yet."""
    title = {look.decision_id: look.title for look in looks}
    logged = _logged_candidates(log, list(opened))
    pools: dict[str, list[int]] = {}
    rows: dict[str, int] = {}
    today: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for name, day in opened.items():
        truth = world_of(day).truth
        rows = rows or {artwork: row for row, artwork in enumerate(truth.catalogue.artwork_ids)}
        if name in logged:
            pools[name] = [rows[artwork] for artwork in logged[name]]
            continue
        if day not in today:
            today[day] = truth.candidates(day)
        artworks, valid = (array[title[name]] for array in today[day])
        pools[name] = artworks[valid].tolist()
    return pools


def _logged_candidates(log: Path, names: list[str]) -> dict[str, list[str]]:
    """Candidates of the draws that the log has."""
    files = log_files(log, "decisions")
    if not files or not names:
        return {}
    rows = ds.dataset(files, format="parquet").to_table(
        columns=["decision_id", "candidates"], filter=ds.field("decision_id").isin(names)
    )
    return dict(zip(*(column.to_pylist() for column in rows.columns), strict=True))
