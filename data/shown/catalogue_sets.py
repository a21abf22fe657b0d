"""The sets that a catalogue says of titles and of artworks, as shares by name.

Of titles: genres, and every declared set. Of artworks: the tone, and every declared set or
category. What is shown is read for all of them alike.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

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
        tone = _listed(tones, spec.tones)
        return cls(
            np.array(of_title, np.int64),
            [
                NamedShares(GENRES, tuple(spec.genres), genres),
                *_declared(spec.declared, "titles", titles),
            ],
            [
                NamedShares(TONE, tuple(spec.tones), tone),
                *_declared(spec.declared, "artworks", artworks),
            ],
            [_once(names) for names in titles["cast"].to_pylist()],
            [_once(names) for names in artworks["cast_shown"].to_pylist()],
        )

    def telling(self) -> "CatalogueSets":
        """Without sets of which hardly anything is known."""
        kept = (
            [one for one in part if len(one.names) >= LEAST_NAMES]
            for part in (self.titles, self.artworks)
        )
        titles, artworks = kept
        return self._replace(titles=titles, artworks=artworks)


def _once(names: list[str] | None) -> list[str]:
    return sorted(set(names or ()))


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
    own = own_column(table)
    return [
        NamedShares(
            f"{section}.{one.name}",
            one.values,
            one.read(fact_values(own, one.name)).columns[:, : len(one.values)],
        )
        for one in getattr(declared, section)
        if one.fact.kind in kinds
    ]
