"""The features of declared facts: columns beside those of shipped facts, and bags that match."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import cast

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from data.features.bags import CAST_KEPT, heaviest_bags
from data.features.learnt_fact import WIDEST, LearntFact, sound_names
from data.features.tally import FactTally
from data.own_facts import FactValues, fact_values
from data.schema import Fact, Schema
from data.schema.request_facts import Declared
from data.schema.schema import OFF, SECTIONS, TAKEN

ValuesOf = Callable[[str], FactValues]
"""Name of a fact → its values in some rows."""
Bags = tuple[Int[np.ndarray, "rows cast"], Float[np.ndarray, "rows cast"]]


@dataclass(frozen=True)
class DeclaredFeatures:
    """Declared facts as training learnt them; none of them, where nothing is declared."""

    facts: tuple[LearntFact, ...] = ()
    """Of members and requests."""
    titles: tuple[LearntFact, ...] = ()
    artworks: tuple[LearntFact, ...] = ()
    off: tuple[str, ...] = ()
    """Shipped facts that are not read, as `Schema` has them."""

    @property
    def schema(self) -> Schema:
        """What was declared."""
        parts = (tuple(one.fact for one in getattr(self, part)) for part in SECTIONS)
        return Schema(*parts, off=self.off)

    @property
    def requested(self) -> Declared:
        """What a request may say."""
        vectors = [one for one in self.facts if one.fact.kind == "vector"]
        return Declared(
            {one.name: one.fact for one in self.facts},
            {one.name: len(one.mean) for one in vectors},
        )

    @property
    def artwork_columns(self) -> int:
        """Columns of artworks' facts, the last of a candidate's."""
        return sum(one.width for one in self.artworks)

    def __bool__(self) -> bool:
        return bool(self.facts or self.titles or self.artworks or self.off)

    def context(
        self, rows: int, values_of: ValuesOf, exact: bool = True
    ) -> tuple[np.ndarray, Bags]:
        """Columns of members' facts, and a bag of names for each that matches a set.

        Names have numbers, see `data.features.bags.name_number`.
        """
        columns = [one.read(values_of(one.name)).columns for one in self.facts]
        bags = [
            _bag(one.fact, values_of(one.name), str(one.fact.match), exact)
            for one in self._matching()
        ]
        return _beside(columns, rows), _joined(bags, rows)

    def candidates(
        self,
        titles: pa.MapArray,
        artworks: pa.MapArray,
        title_of: Int[np.ndarray, " artworks"],
        exact: bool = True,
    ) -> tuple[np.ndarray, Bags]:
        """Columns of artworks' and their titles' facts, and the sets that members' counts match.

        Args:
            titles: as OWN, a row a title.
            artworks: as OWN, a row an artwork.
            title_of: row of each artwork's title.
            exact: as `context`.
        """
        of_titles = [one.read(fact_values(titles, one.name)).columns for one in self.titles]
        columns = [_beside(of_titles, len(titles))[title_of]]
        columns += [one.read(fact_values(artworks, one.name)).columns for one in self.artworks]
        schema, bags = self.schema, list[Bags]()
        for one in self._matching():
            found, match = schema.matched(one.fact), str(one.fact.match)
            assert found is not None, "a schema has the sets that it matches"
            if match.startswith("artworks."):
                bags.append(_bag(found, fact_values(artworks, found.name), match, exact))
            else:
                ids, weights = _bag(found, fact_values(titles, found.name), match, exact)
                bags.append((ids[title_of], weights[title_of]))
        return _beside(columns, len(artworks)), _joined(bags, len(artworks))

    def odd(self, rows: int, values_of: ValuesOf) -> dict[str, Bool[np.ndarray, " members"]]:
        """Fact → members of whom it says what cannot be; facts that are sound of all left out."""
        found = {one.name: one.read(values_of(one.name)).odd for one in self.facts}
        return {name: odd for name, odd in found.items() if odd.any()}

    def _matching(self) -> list[LearntFact]:
        return [one for one in self.facts if one.fact.match is not None]


class DeclaredTallies:
    """Sums over rows, of which declared facts are learnt."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._tallies = {
            part: [FactTally(fact) for fact in getattr(schema, part)] for part in SECTIONS
        }

    def add(self, part: str, own: pa.MapArray) -> None:
        """Take some more rows of facts, titles or artworks, as OWN."""
        for tally in self._tallies[part]:
            tally.add(fact_values(own, tally.fact.name))

    def learnt(self) -> DeclaredFeatures:
        """The facts, with what their rows told."""
        return DeclaredFeatures(
            *(tuple(tally.learnt() for tally in self._tallies[part]) for part in SECTIONS),
            off=self.schema.off,
        )


def own_column(table: pa.Table) -> pa.MapArray:
    """The facts of the user's own of titles or artworks, in one piece."""
    chunks = table["own"].combine_chunks()
    return cast("pa.MapArray", chunks if isinstance(chunks, pa.Array) else chunks.chunk(0))


def declared_from_json(values: object) -> DeclaredFeatures:
    """What `dataclasses.asdict` made of declared features.

    Raises:
        ValueError: it is not what training writes.
        TypeError: the same.
    """
    if not isinstance(values, Mapping) or not values.keys() <= {*SECTIONS, OFF}:
        raise ValueError("declared has no sections")
    parts = {part: tuple(_learnt(one) for one in values.get(part, ())) for part in SECTIONS}
    off = values.get(OFF, ())
    if not isinstance(off, list | tuple) or not all(isinstance(name, str) for name in off):
        raise ValueError("off is no list of names")
    declared = DeclaredFeatures(**parts, off=tuple(off))
    _ = declared.schema  # refuses what contradicts itself
    for part in SECTIONS:
        if taken := {one.name for one in parts[part]} & set(TAKEN[part]):
            raise ValueError(f"{part}.{min(taken)} is declared, and shipped")
    return declared


def _learnt(values: object) -> LearntFact:
    if not isinstance(values, Mapping) or not isinstance(values.get("fact"), Mapping):
        raise ValueError("a declared fact is no object")
    options = {field.name: values["fact"].get(field.name, field.default) for field in fields(Fact)}
    fact = Fact(**options)
    names, mean, deviation = (tuple(values[name]) for name in ("values", "mean", "deviation"))
    if not all(isinstance(name, str) for name in names):
        raise ValueError(f"{fact.name}: a name is no text")
    numbers = (*mean, *deviation)
    if not all(type(one) in (int, float) and math.isfinite(one) for one in numbers):
        raise ValueError(f"{fact.name}: mean and deviation are not finite")
    width = {"number": 1}.get(fact.kind, len(mean) if fact.kind == "vector" else 0)
    if not len(mean) == len(deviation) == width <= WIDEST:
        raise ValueError(f"{fact.name}: mean and deviation are not {width} numbers")
    return LearntFact(fact, names, mean, deviation)


def _beside(columns: list[np.ndarray], rows: int) -> Float[np.ndarray, "rows columns"]:
    return np.concatenate([np.zeros((rows, 0), np.float32), *columns], axis=1)


def _bag(fact: Fact, values: FactValues, match: str, exact: bool) -> Bags:
    names = sound_names(fact, values)
    counts = names.counts.astype(np.float32)
    rows = len(values.there)
    return heaviest_bags(rows, names.row, names.code, values.distinct, counts, f"{match}\0", exact)


def _joined(bags: list[Bags], rows: int) -> Bags:
    ids = np.concatenate([np.zeros((rows, 0), np.int64), *(bag[0] for bag in bags)], axis=1)
    weights = np.concatenate([np.zeros((rows, 0), np.float32), *(bag[1] for bag in bags)], axis=1)
    assert ids.shape[1] == CAST_KEPT * len(bags)
    return ids, weights
