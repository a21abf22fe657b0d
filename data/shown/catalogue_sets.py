"""The sets that a catalogue says of titles and of artworks, as shares by name.

Of titles: genres, and every declared set. Of artworks: the tone, and every declared set or
category. What is shown is read for all of them alike.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from data.features import DeclaredFeatures, FeatureSpec, own_column
from data.features.switched_off import without_columns
from data.own_facts import fact_values

GENRES, TONE = "titles.genres", "artworks.tone"
LEAST_NAMES = 2
"""Of a set that tells pictures apart."""


class NamedShares(NamedTuple):
    """One set: what share of each row each name has; a row that is not known has none."""

    name: str
    """As schemas call it: `titles.genres`, `artworks.tags`."""
    names: tuple[str, ...]
    shares: Float[np.ndarray, "rows names"]
    """Rows sum to 1, or less where names are not among these."""
    known: Bool[np.ndarray, " rows"]
    """Of which rows it is said what they have, be it nothing."""


class CatalogueSets(NamedTuple):
    """All that a catalogue says of what pictures may show."""

    title_of: Int[np.ndarray, " artworks"]
    """Row of each artwork's title."""
    titles: list[NamedShares]
    artworks: list[NamedShares]
    cast: list[list[str]]
    """Of each title."""
    tagged: list[list[str]]
    """Whom each artwork's tags name; empty: nobody, or nobody tagged it."""
    untagged: Bool[np.ndarray, " artworks"]
    """Those that nobody tagged; others show nobody else than whom tags name."""

    @classmethod
    def of(cls, spec: FeatureSpec, titles: pa.Table, artworks: pa.Table) -> "CatalogueSets":
        """What these tables say, but for what is switched off.

        Args:
            spec: with the names that training knows.
            titles: as TITLES; holds every title that `artworks` names.
            artworks: as ARTWORKS.
        """
        off = spec.declared.off
        titles, artworks = without_columns(titles, artworks, off, 1.0)
        row = {title: at for at, title in enumerate(titles["title_id"].to_pylist())}
        of_title = [row[title] for title in artworks["title_id"].to_pylist()]
        genres = _listed(titles["genres"].to_pylist(), spec.genres)
        tones = [[] if tone is None else [tone] for tone in artworks["tone"].to_pylist()]
        shipped = (
            NamedShares(GENRES, tuple(spec.genres), genres, genres.sum(1) > 0),
            NamedShares(
                TONE,
                tuple(spec.tones),
                _listed(tones, spec.tones),
                np.array([*map(bool, tones)], bool),
            ),
        )
        tags = artworks["cast_shown"]
        return cls(
            np.array(of_title, np.int64),
            [shipped[0], *_declared(spec.declared, "titles", titles)],
            [shipped[1], *_declared(spec.declared, "artworks", artworks)],
            [_once(names) for names in titles["cast"].to_pylist()],
            [_once(names) for names in tags.to_pylist()],
            np.asarray(tags.is_null()),
        )

    def telling(self) -> "CatalogueSets":
        """Without sets of which hardly anything is known."""
        kept = (
            [one for one in part if len(one.names) >= LEAST_NAMES]
            for part in (self.titles, self.artworks)
        )
        titles, artworks = kept
        return self._replace(titles=titles, artworks=artworks)


def _once(names: list[str | None] | None) -> list[str]:
    return sorted({name for name in names or () if name is not None})


def _listed(rows: list[list[str]], names: list[str]) -> Float[np.ndarray, "rows names"]:
    """Shares of listed names."""
    place = {name: at for at, name in enumerate(names)}
    shares = np.zeros((len(rows), len(names)), np.float32)
    for at, listed in enumerate(rows):
        for name in (own := set(listed)):
            if name in place:
                shares[at, place[name]] = 1 / len(own)
    return shares


def _declared(declared: DeclaredFeatures, section: str, table: pa.Table) -> list[NamedShares]:
    """Every declared set of a section, and of artworks every category."""
    kinds = ("set", "category") if section == "artworks" else ("set",)
    own, found = own_column(table), list[NamedShares]()
    for one in getattr(declared, section):
        if one.fact.kind in kinds:
            columns = one.read(fact_values(own, one.name)).columns  # the last: not known
            shares = columns[:, : len(one.values)]
            known = columns[:, -1] == 0
            found.append(NamedShares(f"{section}.{one.name}", one.values, shares, known))
    return found
