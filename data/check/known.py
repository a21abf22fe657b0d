"""What rows may refer to: the artworks and titles of a catalogue."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from data.catalogue import Catalogue
from data.check.columns import codes, there
from data.errors import BadInput
from data.lossless_cast import plain
from data.problem import Fault, Problem, whole
from data.records import TitleId, kind_words
from data.schema import Schema


@dataclass(frozen=True)
class Known:
    """What rows may refer to; None: anything."""

    artworks: pa.Array | None = None
    titles: pa.Array | None = None
    owners: Int[np.ndarray, " artworks"] | None = None
    """Where each artwork's title stands among the titles."""
    schema: Schema = field(default_factory=Schema)
    """What is declared of facts."""
    assets: pa.Table | None = None
    """What is shown beside artwork, as ASSETS; None: anything."""

    @classmethod
    def of(
        cls,
        artwork_ids: Iterable[str] | None,
        title_ids: Iterable[TitleId] | None,
        owners: Iterable[TitleId] | None = None,
        schema: Schema | None = None,
    ) -> "Known":
        """Known artworks and titles, from any iterables."""
        titles = None if title_ids is None else pa.array(list(title_ids))
        return cls(
            None if artwork_ids is None else pa.array(list(artwork_ids), pa.string()),
            titles,
            None if owners is None or titles is None else codes(pa.array(list(owners)), titles),
            schema or Schema(),
        )

    def unknown_titles(self, table: pa.Table, file: Path | str) -> Iterator[Problem]:
        """Rows whose `title_id` is none of the titles, or all if it is of another kind."""
        if "title_id" not in table.column_names or self.titles is None:
            return
        if (kind := table["title_id"].type) != self.titles.type:
            yield whole("kind of title ids", file, "title_id", *other_kind(kind, self.titles.type))
        else:
            yield from _unknown("title", table["title_id"], self.titles, file)

    def title_places(self, table: pa.Table) -> Int[np.ndarray, " rows"] | None:
        """Where each row's title stands among the titles, −1: nowhere; None: it cannot be said."""
        if self.titles is None or "title_id" not in table.column_names:
            return None
        titles = plain(table["title_id"])
        return codes(titles, self.titles) if titles.type == self.titles.type else None

    def unknown_artworks(self, table: pa.Table, file: Path | str) -> Iterator[Problem]:
        """Rows whose `artwork_id` is none of the artworks."""
        if "artwork_id" in table.column_names and self.artworks is not None:
            yield from _unknown("artwork", table["artwork_id"], self.artworks, file)


def other_kind(kind: pa.DataType, catalogues: pa.DataType) -> tuple[str, str]:
    """What is wrong with title ids of another kind than the catalogue's, and what to do."""
    what = f"its title ids are {kind_words(kind)}, and those of the catalogue "
    remedy = f"write the column as {catalogues}, or give the catalogue that it is of"
    return what + kind_words(catalogues), remedy


def refuse_other_kind(own: pa.Schema, catalogues: pa.DataType, what: str) -> None:
    """Refuse rows whose title ids are of another kind than the catalogue's.

    Raises:
        BadInput: they are; in one sentence, by what they are of.
    """
    if "title_id" in own.names and own.field("title_id").type != catalogues:
        raise BadInput(f"{what}: {'; '.join(other_kind(own.field('title_id').type, catalogues))}")


def title_named(catalogue: Catalogue, text: TitleId) -> TitleId:
    """The title that somebody names by its id, typed in as text.

    Raises:
        BadInput: the catalogue has no such title.
    """
    known = {str(title): title for title in catalogue.title_ids}
    if str(text) not in known:
        raise BadInput(
            f"title {text!r:.60} is not in the catalogue {catalogue.root}; give one that is, such "
            f"as {catalogue.title_ids[0]!r:.60}"
        )
    return known[str(text)]


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
