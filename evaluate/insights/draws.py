"""Draws of a log as numbers: what was shown of which candidates, to whom, and what it earned."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from data.catalogue import Catalogue
from data.errors import BadInput
from data.reading.conformed_files import conformed_dataset
from data.records import EXAMPLES
from data.schema_cast import parquet_files
from evaluate.new_artwork.audience import LEAST, NewMembers

COLUMNS = ("profile_id", "candidates", "action", "propensity", "reward", "facts")
MOST = 400_000
"""Draws that are read, the last ones of the log."""
VALUES = 8
"""Of each segment, those with most members."""


@dataclass(frozen=True)
class LoggedDraws:
    """Draws among several candidates, each with a known probability below 1."""

    artwork: Int[np.ndarray, " draws"]
    """Row in the catalogue of what was shown."""
    among: Int[np.ndarray, " draws"]
    """Which of `candidates` it was drawn from."""
    candidates: list[Int[np.ndarray, " n"]]
    """Rows in the catalogue, each list that there was once."""
    propensity: Float[np.ndarray, " draws"]
    reward: Float[np.ndarray, " draws"]
    member: Int[np.ndarray, " draws"]
    """0 to the number of members."""
    audiences: dict[str, Bool[np.ndarray, " draws"]]
    """`segment=value` → draws to them."""
    reward_range: tuple[float, float]

    @classmethod
    def read(cls, examples: Path | str, catalogue: Catalogue) -> "LoggedDraws":
        """The last draws of joined examples whose artworks the catalogue has.

        Raises:
            BadInput: there are no examples, or none says anything.
        """
        files = parquet_files(Path(examples))
        if not files:
            raise BadInput(f"{examples}: no Parquet file there; give joined examples")
        data = conformed_dataset(files, pa.schema([EXAMPLES.field(name) for name in COLUMNS]))
        table = data.to_table()
        return cls.of(table.slice(max(0, len(table) - MOST)), catalogue)

    @classmethod
    def of(cls, table: pa.Table, catalogue: Catalogue) -> "LoggedDraws":
        """Of a table with COLUMNS, as `read` takes them."""
        row_of = {name: row for row, name in enumerate(catalogue.artwork_ids)}
        lists = [tuple(names or ()) for names in table["candidates"].to_pylist()]
        propensity = table["propensity"].to_numpy()
        whole = {names: all(name in row_of for name in names) for names in set(lists)}
        kept = np.array([len(names) > 1 and whole[names] for names in lists], bool)
        kept &= (propensity > 0) & (propensity < 1)
        rows = np.flatnonzero(kept)
        if not len(rows):
            raise BadInput(
                "no draw among several artworks of this catalogue is in the examples; give those "
                "of this catalogue, joined"
            )
        place = {names: at for at, names in enumerate(dict.fromkeys(lists[row] for row in rows))}
        table = table.take(pa.array(rows))
        _, member = np.unique(np.array(table["profile_id"].to_pylist()), return_inverse=True)
        reward = table["reward"].to_numpy().astype(float)
        return cls(
            np.array([row_of[name] for name in table["action"].to_pylist()], np.int64),
            np.array([place[lists[row]] for row in rows], np.int64),
            [np.array([row_of[name] for name in names], np.int64) for names in place],
            propensity[rows].astype(float),
            reward,
            member,
            _audiences(table, member),
            (float(reward.min()), float(reward.max())),
        )

    @property
    def members(self) -> int:
        """How many there are."""
        return int(self.member.max()) + 1


def _audiences(table: pa.Table, member: Int[np.ndarray, " draws"]) -> dict[str, np.ndarray]:
    """Segments of enough members, by what was known of each at the draw."""
    facts = table["facts"].combine_chunks()
    found = {}
    for segment, values in NewMembers(facts).values.items():
        sizes = {value: len(np.unique(member[values == value])) for value in sorted(set(values))}
        sizes.pop("unknown", None)
        largest = sorted(sizes, key=lambda value: -sizes[value])[:VALUES]
        for value in largest:
            part = values == value
            if sizes[value] >= LEAST and not part.all():
                found[f"{segment}={value}"] = part
    return found
