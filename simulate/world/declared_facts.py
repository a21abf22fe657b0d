"""Facts that a schema declares of members and pages, drawn so that whatever reads one can be tried.

Each tells of a taste for style, with as much noise. None moves what members do: the truth of takes
is that of the same catalogue without a schema.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int, UInt64
from scipy.special import ndtr, ndtri

from bandit.choice import mix_words, profile_keys, uniforms
from bandit.draws import text_word
from data.catalogue import Catalogue
from data.errors import BadInput
from data.own_facts import fact_values, fold, without_facts
from data.schema import SCHEMA_FILE, Fact, Schema
from simulate.named_rng import named_normal
from simulate.world.population import STYLES

INVENTED = "abcdef"
"""Ends of the names that a category, a set or counts have where no catalogue says which."""
MATCHED = 12
"""Names of a matched set that counts have, the commonest."""
WIDTH = 4
"""Of a vector."""
UNKNOWN = 0.05
"""Share of the values that are not known."""


@dataclass(frozen=True)
class DeclaredFacts:
    """What a schema declares of members and pages, for members of some tastes."""

    facts: tuple[Fact, ...]
    names: Mapping[str, tuple[str, ...]]
    """Of each fact that has any."""
    tastes: Float[np.ndarray, "members styles"]
    keys: UInt64[np.ndarray, " members"]

    @classmethod
    def of(
        cls,
        schema: Schema,
        catalogue: Catalogue,
        profile_ids: Sequence[str],
        tastes: Float[np.ndarray, "members styles"],
    ) -> "DeclaredFacts | None":
        """Those of a catalogue's schema; None: it declares none.

        Raises:
            BadInput: counts match a set of which the catalogue has no name.
        """
        if not schema.facts:
            return None
        names = {fact.name: _names(fact, catalogue) for fact in schema.facts}
        return cls(schema.facts, names, tastes, profile_keys(profile_ids))

    def own(
        self, members: Int[np.ndarray, " rows"], moments: Int[np.ndarray, " rows"] | None
    ) -> pa.MapArray:
        """Their values, as OWN.

        Args:
            members: their rows.
            moments: of their pages, in microseconds: facts that a page alone knows differ from one
                page to the next; None: there is no page, and they are not known.
        """
        columns: dict[str, pa.Array] = {}
        for fact in self.facts:
            keys = self.keys[members]
            if fact.known_at == "request":
                if moments is None:
                    continue
                keys = mix_words(keys ^ mix_words(moments.astype(np.uint64)))
            hidden = uniforms(keys ^ np.uint64(text_word("unknown", fact.name))) < UNKNOWN
            columns[fact.name] = self._values(fact, members, keys, hidden)
        return fold(columns, None, len(members))[0]

    def of_pages(self, own: pa.MapArray) -> pa.MapArray:
        """Those alone that only a page knows, which its impressions tell."""
        of_members = [fact.name for fact in self.facts if fact.known_at != "request"]
        return without_facts(own, of_members)

    def as_json(self, own: Sequence[tuple[str, Mapping[str, list]]] | None) -> dict[str, object]:
        """A row of `own` as requests have it."""
        kinds, told = {fact.name: fact.kind for fact in self.facts}, dict[str, object]()
        for name, value in own or ():
            names, numbers = value["names"] or [], value["numbers"] or []
            match kinds[name]:
                case "number":
                    told[name] = numbers[0]
                case "category":
                    told[name] = names[0]
                case "set":
                    told[name] = names
                case "counts":
                    told[name] = dict(zip(names, numbers, strict=True))
                case _:
                    told[name] = numbers
        return told

    def _scores(
        self,
        of: Sequence[str],
        members: Int[np.ndarray, " rows"],
        keys: UInt64[np.ndarray, " rows"],
    ) -> Float[np.ndarray, "rows columns"]:
        """Standard normal numbers, half of whose variance is a taste's."""
        columns = []
        for word in of:
            leans = np.array([named_normal("declared", word, style) for style in STYLES])
            taste = self.tastes[members] @ (leans / np.sqrt((leans**2).sum()))
            even = uniforms(keys ^ np.uint64(text_word("declared", word)))
            noise = ndtri(np.clip(even, 1e-12, 1 - 1e-12))
            columns.append(np.sqrt(0.5) * (taste + noise))
        return np.stack(columns, 1)

    def _values(
        self,
        fact: Fact,
        members: Int[np.ndarray, " rows"],
        keys: UInt64[np.ndarray, " rows"],
        hidden: np.ndarray,
    ) -> pa.Array:
        """A fact's values, of a type that is folded into `own`."""
        names = self.names[fact.name]
        if fact.kind in ("number", "category"):
            [score] = self._scores([fact.name], members, keys).T
            if fact.kind == "number":
                return pa.array(_number(fact, score), mask=hidden)
            place = np.minimum((ndtr(score) * len(names)).astype(int), len(names) - 1)
            return pa.array(np.array(names, object)[place], pa.string(), mask=hidden)
        words = names or [str(at) for at in range(WIDTH)]
        scores = self._scores([f"{fact.name}/{word}" for word in words], members, keys)
        if fact.kind == "vector":
            rows = [
                None if gone else row for row, gone in zip(scores.tolist(), hidden, strict=True)
            ]
            return pa.array(rows, pa.list_(pa.float64()))
        counts = np.floor(np.exp(np.clip(scores, -4, 4) - 0.2))
        some = [
            None if gone else [(names[at], row[at]) for at in np.flatnonzero(row)]
            for row, gone in zip(counts, hidden, strict=True)
        ]
        if fact.kind == "counts":
            return pa.array(some, pa.map_(pa.string(), pa.float64()))
        sets = [None if row is None else [name for name, _ in row] for row in some]
        return pa.array(sets, pa.list_(pa.string()))


def not_drawn(schema: Schema, catalogue: Catalogue) -> list[str]:
    """What a schema declares and a simulated log does not have: by section and name."""
    events = [f"events.{one.name}" for one in schema.outcomes.events]
    tables = {"titles": catalogue.titles, "artworks": catalogue.artworks}
    without = [
        f"{section}.{fact.name}"
        for section, table in tables.items()
        for fact in getattr(schema, section)
        if not fact_values(_own(table), fact.name).there.any()
    ]
    return [*without, *events]


def _number(fact: Fact, score: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
    """A number that its scale has."""
    if fact.scale == "log":
        return np.round(np.exp(3 + score), 1)
    if fact.scale == "steps":
        return np.clip(np.floor(3 + 1.5 * score), 0, 9)
    return np.round(40 + 12 * score, 1)


def _names(fact: Fact, catalogue: Catalogue) -> tuple[str, ...]:
    if fact.match is None:
        named = fact.kind in ("category", "set", "counts")
        return tuple(f"{fact.name} {end}" for end in INVENTED) if named else ()
    section, _, name = fact.match.partition(".")
    table = catalogue.titles if section == "titles" else catalogue.artworks
    values = fact_values(_own(table), name)
    often = np.bincount(values.codes[values.codes >= 0], minlength=len(values.distinct))
    most = np.argsort(-often, kind="stable")[:MATCHED]
    if not len(values.distinct):
        raise BadInput(
            f"{catalogue.root / SCHEMA_FILE}: facts.{fact.name} counts names of {fact.match}, and "
            f"no row of {section}.parquet has any; write that column, or leave out match"
        )
    return tuple(values.distinct[at] for at in most.tolist())


def _own(table: pa.Table) -> pa.MapArray:
    return cast("pa.MapArray", table["own"].combine_chunks())
