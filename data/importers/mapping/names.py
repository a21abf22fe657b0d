"""Somebody's names of titles and artworks as the catalogue's ids, and candidates of a day."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int

from data.catalogue import Catalogue
from data.check.columns import codes
from data.days import date_of
from data.importers.kept_ids import kept_titles


class CatalogueNames:
    """What rows may call the titles and artworks of a catalogue.

    A title: by the name of its folder, by its id, or by its name if no other has it. An artwork: by
    its id, its path, its file's name, or that without its ending, where that is one artwork's, or
    one of its title's.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.artworks = pa.array(catalogue.artwork_ids, pa.string())
        ids = catalogue.titles["title_id"].combine_chunks()
        self._ids = ids
        self.owners = codes(catalogue.artworks["title_id"].combine_chunks(), ids)
        """Where the title of each artwork stands in the catalogue."""
        self._days: dict[tuple[int, int], Int[np.ndarray, " candidates"]] = {}

    @cached_property
    def _titles(self) -> tuple[pa.Array, Int[np.ndarray, " names"]]:
        at = {title: row for row, title in enumerate(self.catalogue.title_ids)}
        kept = kept_titles(self.catalogue.root).items()
        known = {name: at[title] for name, title in kept if title in at}
        for title, row in at.items():
            known.setdefault(str(title), row)
        names = self.catalogue.titles["name"].to_pylist()
        once = {name for name, count in Counter(names).items() if count == 1}
        for row, name in enumerate(names):
            if name in once:
                known.setdefault(name, row)
        return pa.array(list(known), pa.string()), np.array([*known.values(), -1], np.int64)

    def titles(self, names: pa.Array) -> Int[np.ndarray, " rows"]:
        """The catalogue's row of each title; −1: there is no such title."""
        known, rows = self._titles
        return rows[_places(names, known)]

    def of_rows(self, titles: Int[np.ndarray, " rows"]) -> pa.Array:
        """Ids of titles by the catalogue's rows, of its kind; null where there is no title, −1."""
        return self._ids.take(pa.array(titles, mask=titles < 0))

    @cached_property
    def _artworks(self) -> tuple[pa.Array, Int[np.ndarray, " names"]]:
        """Names of one artwork, and names of one within its title, with where it stands."""
        exact = {name: at for at, name in enumerate(self.catalogue.artwork_ids)}
        others: dict[str, set[int]] = {}
        paths = self.catalogue.artworks["path"].to_pylist()
        for at, (path, title) in enumerate(zip(paths, self.owners.tolist(), strict=True)):
            pure = PurePosixPath(path)
            for name in {path, pure.name, pure.stem}:
                others.setdefault(name, set()).add(at)
                others.setdefault(_of_title(title, name), set()).add(at)
        for name, found in others.items():
            if len(found) == 1:
                exact.setdefault(name, min(found))
        return pa.array(list(exact), pa.string()), np.array([*exact.values(), -1], np.int64)

    def rows(
        self, names: pa.Array, titles: Int[np.ndarray, " rows"] | None
    ) -> Int[np.ndarray, " rows"]:
        """The catalogue's row of each artwork; −1: there is no such artwork of the title.

        Args:
            names: of artworks.
            titles: the catalogue's row of each one's title; None: not said.
        """
        known, rows = self._artworks
        found = rows[_places(names, known)]
        if titles is None:
            return found
        foreign = (found < 0) | (self.owners[found] != titles)
        if foreign.any():
            of_titles = [
                _of_title(title, name)
                for title, name in zip(
                    titles[foreign].tolist(),
                    names.filter(pa.array(foreign)).to_pylist(),
                    strict=True,
                )
            ]
            found = found.copy()
            found[foreign] = rows[_places(pa.array(of_titles, pa.string()), known)]
        return found

    def known(self, names: pa.Array) -> tuple[float, float]:
        """Share of some names that titles have, and that artworks of any title have."""
        artworks, _ = self._artworks
        bare = {name.rpartition("\0")[2] for name in artworks.to_pylist()}
        texts = names.to_pylist()
        count = max(len(texts), 1)
        return float((self.titles(names) >= 0).sum()) / count, sum(t in bare for t in texts) / count

    def on_days(
        self, titles: Int[np.ndarray, " rows"], days: Int[np.ndarray, " rows"]
    ) -> tuple[Int[np.ndarray, " rows_and_one"], Int[np.ndarray, " flat"]]:
        """Candidates of titles (rows) on days (since 1970), as offsets and catalogue rows."""
        pairs, inverse = np.unique(np.stack([titles, days], 1), axis=0, return_inverse=True)
        lists = [self._of_day(int(title), int(day)) for title, day in pairs]
        of_rows = [lists[at] for at in inverse.ravel()]
        offsets = np.cumsum([0, *(len(one) for one in of_rows)])
        flat = np.concatenate(of_rows) if of_rows else np.zeros(0, np.int64)
        return offsets, flat

    def _of_day(self, title: int, day: int) -> Int[np.ndarray, " candidates"]:
        if (title, day) not in self._days:
            at: date = date_of(day)
            ids = self.catalogue.title_ids
            names: Iterable[str] = self.catalogue.candidates(ids[title], at) if title >= 0 else ()
            held = pa.array(list(names), pa.string())
            self._days[title, day] = codes(held, self.artworks).astype(np.int64)
        return self._days[title, day]


def _places(names: pa.Array, known: pa.Array) -> Int[np.ndarray, " names"]:
    """The place of each name; −1: there is none.

    A name that is not there letter for letter is looked up by its composed letters, where one name
    alone has these: systems write the names of files as they like, and a table has others.
    """
    found = codes(names, known)
    lost = found < 0
    if not lost.any():
        return found
    alike = _composed(known)
    once = np.flatnonzero(np.asarray(pc.is_in(alike, value_set=_unique(alike))))
    again = codes(_composed(names.filter(pa.array(lost))), alike.take(pa.array(once)))
    found = found.copy()
    found[lost] = np.append(once, -1)[again]
    return found


def _composed(names: pa.Array) -> pa.Array:
    return pc.utf8_normalize(names.cast(pa.string()), form="NFC")


def _unique(names: pa.Array) -> pa.Array:
    """Values that are there once."""
    counted = names.value_counts()
    return counted.field("values").filter(pc.equal(counted.field("counts"), 1))


def _of_title(title: int, name: str | None) -> str:
    return f"{title}\0{name}"
