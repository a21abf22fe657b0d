"""What rows may refer to: the artworks and titles of a catalogue."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from data.check.columns import codes, there
from data.lossless_cast import plain
from data.problem import Fault, Problem
from data.schema import Schema


@dataclass(frozen=True)
class Known:
    """What rows may refer to; None: anything."""

    artworks: pa.Array | None = None
    titles: pa.Array | None = None
    owners: Int[np.ndarray, " artworks"] | None = None
    """The title of each artwork, in their order."""
    schema: Schema = field(default_factory=Schema)
    """What is declared of facts."""

    @classmethod
    def of(
        cls,
        artwork_ids: Iterable[str] | None,
        title_ids: Iterable[int] | None,
        owners: Iterable[int] | None = None,
        schema: Schema | None = None,
    ) -> "Known":
        """Known artworks and titles, from any iterables."""
        return cls(
            None if artwork_ids is None else pa.array(list(artwork_ids), pa.string()),
            None if title_ids is None else pa.array(list(title_ids), pa.int64()),
            None if owners is None else np.array(list(owners), np.int64),
            schema or Schema(),
        )

    def unknown_titles(self, table: pa.Table, file: Path | str) -> Iterator[Problem]:
        """Rows whose `title_id` is none of the titles."""
        if "title_id" in table.column_names and self.titles is not None:
            yield from _unknown("title", table["title_id"], self.titles, file)

    def unknown_artworks(self, table: pa.Table, file: Path | str) -> Iterator[Problem]:
        """Rows whose `artwork_id` is none of the artworks."""
        if "artwork_id" in table.column_names and self.artworks is not None:
            yield from _unknown("artwork", table["artwork_id"], self.artworks, file)


def _unknown(
    what: str, column: pa.ChunkedArray, among: pa.Array, file: Path | str
) -> Iterator[Problem]:
    values = plain(column)
    fault = Fault(f"unknown {what}", f"{what}_id", f"add it to {what}s.parquet, or drop the row")
    yield from fault.in_rows(
        file,
        (codes(values, among) < 0) & there(values),
        lambda row: f"{what} {values[row].as_py()!r} is not in the catalogue",
    )
