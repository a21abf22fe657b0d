"""Draws of a log as numbers: what was shown of which candidates, to whom, and what it earned."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.catalogue import Catalogue
from data.errors import BadInput
from data.reading.conformed_files import conformed_dataset
from data.records import EXAMPLES
from data.schema import Schema, read_schema
from data.schema_cast import opened, parquet_files
from evaluate.new_artwork.audience import LEAST, UNKNOWN, segment_values
from evaluate.policies.declared_segments import named_parts

COLUMNS = ("profile_id", "candidates", "action", "propensity", "reward", "facts")
MOST = 400_000
"""Draws that are read, the last ones of the log."""
VALUES = 8
"""Of each segment, those with most members."""
BETWEEN = "\x1f"
"""Stands between names of a list; no id has it."""


class Segment(NamedTuple):
    """A way to divide draws by what was known of the member."""

    audiences: list[str]
    """`segment=value`: those of enough members, that some draws are not of."""
    code: Int[np.ndarray, " draws"]
    """Place in `audiences`, or their number: of none of them."""


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
    members: int
    """How many there are."""
    segments: list[Segment]

    @classmethod
    def read(cls, examples: Path | str, catalogue: Catalogue) -> "LoggedDraws":
        """The last draws of joined examples whose artworks the catalogue has.

        Files before those are not opened, however long the log is.

        Raises:
            BadInput: there are no examples, or none says anything.
        """
        files = parquet_files(Path(examples))
        if not files:
            raise BadInput(f"{examples}: no Parquet file there; give joined examples")
        schema = pa.schema([EXAMPLES.field(name) for name in COLUMNS])
        table = conformed_dataset(_last(files), schema).to_table()
        return cls.of(table.slice(max(0, len(table) - MOST)), catalogue)

    @classmethod
    def of(cls, table: pa.Table, catalogue: Catalogue) -> "LoggedDraws":
        """Of a table with COLUMNS, as `read` takes them."""
        row_of = {name: row for row, name in enumerate(catalogue.artwork_ids)}
        among, lists = _lists(table["candidates"])
        known = [len(names) > 1 and all(name in row_of for name in names) for names in lists]
        propensity = table["propensity"].to_numpy()
        kept = np.array(known, bool)[among] & (propensity > 0) & (propensity < 1)
        if not kept.any():
            raise BadInput(
                "no draw among several artworks of this catalogue is in the examples; give those "
                "of this catalogue, joined"
            )
        used, among = np.unique(among[kept], return_inverse=True)
        table = table if kept.all() else table.filter(pa.array(kept))
        action, shown = _coded(table["action"])
        member, names = _coded(table["profile_id"])
        return cls(
            np.array([row_of.get(name, -1) for name in shown], np.int64)[action],
            among,
            [np.array([row_of[name] for name in lists[at]], np.int64) for at in used],
            propensity[kept].astype(float),
            table["reward"].to_numpy().astype(float),
            member,
            len(names),
            _segments(table, member, read_schema(catalogue.root)),
        )

    @property
    def audiences(self) -> Iterator[tuple[str, Bool[np.ndarray, " draws"]]]:
        """`segment=value` and the draws to them, one after the other."""
        for segment in self.segments:
            for at, name in enumerate(segment.audiences):
                yield name, segment.code == at


def _last(files: Sequence[Path]) -> list[Path]:
    """The last files that have MOST draws together."""
    kept, rows = list[Path](), 0
    for file in reversed(files):
        kept.append(file)
        with opened(file) as source:
            rows += source.metadata.num_rows
        if rows >= MOST:
            break
    return kept[::-1]


def _lists(column: pa.ChunkedArray) -> tuple[Int[np.ndarray, " draws"], list[list[str]]]:
    """Each draw's place among the lists that there are, and these."""
    # A list has no dictionary of its own.
    joined = pc.call_function("binary_join", [column.combine_chunks(), pa.scalar(BETWEEN)])
    code, names = _coded(joined.fill_null(""))
    return code, [name.split(BETWEEN) for name in names]


def _coded(column: pa.ChunkedArray | pa.Array) -> tuple[Int[np.ndarray, " draws"], list[str]]:
    """Each text's place among those that there are, and these."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole.dictionary_encode()
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary.to_pylist()


def _segments(table: pa.Table, member: Int[np.ndarray, " draws"], schema: Schema) -> list[Segment]:
    """Segments of enough members, by what was known of each at the draw; declared facts as well."""
    members, found = int(member.max()) + 1, list[Segment]()
    facts = table["facts"].combine_chunks()
    for name, column in segment_values(facts).items():
        code, values = _coded(column)
        pairs = np.unique(code * members + member) // members
        sizes = np.bincount(pairs, minlength=len(values))
        draws = np.bincount(code, minlength=len(values))
        told = [at for at, value in enumerate(values) if value != UNKNOWN]
        largest = sorted(told, key=lambda at: (-sizes[at], values[at]))[:VALUES]
        large = [at for at in largest if sizes[at] >= LEAST and draws[at] < len(code)]
        if large:
            place = np.full(len(values), len(large))
            place[large] = np.arange(len(large))
            found.append(Segment([f"{name}={values[at]}" for at in large], place[code]))
    for parts in named_parts(facts, schema):
        of_part = {name: len(np.unique(member[rows])) for name, rows in parts.items()}
        kept = [name for name in parts if of_part[name] >= LEAST and not parts[name].all()]
        code = np.full(len(member), len(kept))
        for at, name in enumerate(kept):
            code[parts[name]] = at
        if kept:
            found.append(Segment(kept, code))
    return found
