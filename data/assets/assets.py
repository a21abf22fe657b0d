"""`assets.parquet` of a catalogue: what titles can be shown with beside their artwork.

A catalogue without it has artwork alone, which is one kind among others and stays where it was.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.assets.asset_rows import ARTWORK, asset_problems
from data.atomic_write import whole_file
from data.catalogue import Catalogue
from data.lean.languages import reads
from data.problem import Problem
from data.records import ASSETS, TitleId, titles_as, titles_like
from data.schema_cast import conform, read_table, refuse

ASSETS_FILE = "assets.parquet"


@dataclass(frozen=True)
class Assets:
    """Assets of a catalogue's titles, validated; in the order of the file."""

    catalogue: Catalogue
    table: pa.Table
    """One row an asset, in the schema ASSETS; artwork is not among them."""

    def __post_init__(self) -> None:
        file = self.catalogue.root / ASSETS_FILE
        known = self.catalogue
        refuse(
            list(
                asset_problems(
                    self.table, set(known.title_ids), known.title_kind, set(known.artwork_ids), file
                )
            )
        )

    @classmethod
    def read(cls, catalogue: Catalogue) -> "Assets":
        """Those of a catalogue; none where it has no such file.

        Raises:
            BadInput: the file is not whole, of another schema, or a row of it is wrong.
        """
        table, found = read_assets(catalogue.root)
        refuse(found)
        if table is None:
            table = titles_as(ASSETS, catalogue.title_kind).empty_table()
        return cls(catalogue, table)

    def write(self) -> Path:
        """Write the table beside the catalogue's others; files of frames are the caller's."""
        schema = titles_as(ASSETS, self.catalogue.title_kind)
        with whole_file(self.catalogue.root / ASSETS_FILE) as part:
            pq.write_table(self.table.cast(schema), part)
        return self.catalogue.root / ASSETS_FILE

    @cached_property
    def kinds(self) -> list[str]:
        """Artwork, then the others in the order in which the file first names them."""
        return [ARTWORK, *dict.fromkeys(self.table["kind"].to_pylist())]

    @cached_property
    def rows(self) -> dict[str, dict]:
        """By asset id."""
        return {row["asset_id"]: row for row in self.table.to_pylist()}

    @cached_property
    def _by_title(self) -> dict[tuple[TitleId, str], list[dict]]:
        found: dict[tuple[TitleId, str], list[dict]] = defaultdict(list)
        for row in self.rows.values():
            found[row["title_id"], row["kind"]].append(row)
        return dict(found)

    def candidates(
        self, title_id: TitleId, kind: str, day: date, languages: Sequence[str] = ()
    ) -> list[str]:
        """Assets of a kind that a title may be shown with, in file order; none: masked.

        Args:
            title_id: of the catalogue.
            kind: of `kinds`; artwork is asked of the catalogue.
            day: an asset counts from `added_day` on, and no longer on `withdrawn_day`.
            languages: that the member reads; none: any. An asset without one is for all, and a
                language stands for its variants.
        """
        if kind == ARTWORK:
            return self.catalogue.candidates(title_id, day)
        read = [language.lower() for language in languages]
        return [
            row["asset_id"]
            for row in self._by_title.get((title_id, kind), [])
            if row["added_day"] <= day < (row["withdrawn_day"] or date.max)
            and (not read or row["language"] is None or reads(row["language"].lower(), read))
        ]


def read_assets(folder: Path) -> tuple[pa.Table | None, list[Problem]]:
    """A catalogue's assets in the schema ASSETS, and what is wrong with the columns.

    None where there is no file, or none whose columns can be read.

    Raises:
        UnreadableFile: it is not a whole Parquet file.
    """
    file = Path(folder) / ASSETS_FILE
    if not file.is_file():
        return None, []
    read = read_table(file)
    table, problems = conform(read, titles_like(ASSETS, read.schema), file)
    return (table if table.column_names == ASSETS.names else None), problems
