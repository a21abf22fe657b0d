"""The truth of what a day of visits showed, beside the service's log."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from data.join.inputs import log_files
from data.log.parquet import write_whole
from simulate.browsing.log import FILES
from simulate.browsing.records import EXPECTED
from simulate.visits.day import DecisionTruth
from simulate.world.artwork_world import ArtworkWorld


def write_truth(
    world: ArtworkWorld, expected: dict[str, DecisionTruth], log: Path, folder: str
) -> None:
    """Write the truth of a day's decisions; a choice kept from an earlier day has its own there.

    Args:
        world: as it is on the day.
        expected: what was expected of each decision that was rendered.
        log: the service's log.
        folder: of the day, as `day=YYYY-MM-DD`.
    """
    earlier: set[str] = set()
    for file in (log / "truth").glob(f"day=*/{FILES['truth']}"):
        if file.parent.name < folder:
            earlier.update(pq.read_table(file, columns=["decision_id"])["decision_id"].to_pylist())
    new = {name: truth for name, truth in expected.items() if name not in earlier}
    place = log / "truth" / folder
    place.mkdir(parents=True, exist_ok=True)
    pools = _logged_candidates(log, list(new))
    takes = [_aligned(world, truth, pools.get(name)) for name, truth in new.items()]
    write_whole(pa.table([list(new), takes], schema=EXPECTED), place / FILES["truth"])


def _logged_candidates(log: Path, names: list[str]) -> dict[str, list[str]]:
    """Candidates of the decisions that precompute has logged, perhaps on an earlier day."""
    files = log_files(log, "decisions")
    if not files or not names:
        return {}
    rows = ds.dataset(files, format="parquet").to_table(
        columns=["decision_id", "candidates"], filter=ds.field("decision_id").isin(names)
    )
    return dict(zip(*(column.to_pylist() for column in rows.columns), strict=True))


def _aligned(world: ArtworkWorld, truth: DecisionTruth, pool: list[str] | None) -> list[float]:
    """Expected takes of a decision's own candidates; today's may be others."""
    if pool is None or pool == truth.artworks:
        return truth.takes
    rows = {name: row for row, name in enumerate(world.truth.catalogue.artwork_ids)}
    artworks = np.array([rows[name] for name in pool])
    members = np.full(len(artworks), truth.member)
    return np.asarray(world.expected_take(members, artworks, truth.offset)).tolist()
