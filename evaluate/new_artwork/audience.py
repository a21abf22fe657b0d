"""Whom images are judged for: members' facts, and the segments they fall into."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool

from bandit.choice import profile_keys
from data.errors import BadInput
from data.lossless_cast import plain
from data.reading.conformed_files import conformed_table
from data.records import FACTS, PROFILES, TitleId
from data.schema import Schema
from data.schema_cast import parquet_files
from evaluate.policies.declared_segments import named_parts

SEGMENTS = ("country", "language", "device", "day_part", "genre")
"""What divides an audience; genre is the most watched."""
UNKNOWN = "unknown"
LEAST = 20
"""Members below which a segment is not reported: its numbers would be of persons."""


@dataclass(frozen=True)
class NewMembers:
    """Members by their facts.

    Raises:
        BadInput: nobody is in it.
    """

    facts: pa.StructArray

    def __post_init__(self) -> None:
        if not len(self.facts):
            raise BadInput("the audience is empty; ask for fewer restrictions")

    def __len__(self) -> int:
        return len(self.facts)

    @classmethod
    def read(cls, path: Path | str, members: int = 2000) -> "NewMembers":
        """Members of a Parquet file or folder with `facts` and `profile_id`.

        Args:
            path: profiles, examples or decisions; a profile's last row speaks for it.
            members: at most so many, chosen by a hash of the profile.

        Raises:
            BadInput: no such columns, or nobody there.
        """
        path = Path(path)
        files = parquet_files(path)
        if not files:
            raise BadInput(f"{path}: no Parquet file there; give profiles or joined examples")
        if members < 1:
            raise BadInput(f"--members {members}: there must be at least 1")
        return cls.of(
            pa.concat_tables([conformed_table(file, PROFILES) for file in files]), members
        )

    @classmethod
    def of(cls, table: pa.Table, members: int = 2000) -> "NewMembers":
        """Members of a table with `facts` and `profile_id`, as `read` takes them."""
        names = table["profile_id"].to_pylist()
        last = {name: row for row, name in enumerate(names) if name is not None}
        keys = profile_keys(list(last))
        rows = np.array(list(last.values()), np.int64)[np.argsort(keys, kind="stable")[:members]]
        return cls(plain(table["facts"].take(pa.array(np.sort(rows)))).cast(FACTS))

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """Segment → each member's value, UNKNOWN where there is none."""
        return {
            name: np.array(column.to_pylist(), object)
            for name, column in segment_values(self.facts).items()
        }

    def only(self, wanted: str | None) -> "NewMembers":
        """Those for whom all of `segment=value`, with commas between, holds.

        Raises:
            BadInput: no such segment or value.
        """
        inside = np.ones(len(self), bool)
        for text in (wanted or "").split(","):
            if not text.strip():
                continue
            name, equals, value = (part.strip() for part in text.partition("="))
            if not equals or name not in SEGMENTS:
                raise BadInput(
                    f"--audience {text!r}: write segment=value; segments are {', '.join(SEGMENTS)}"
                )
            there = self.values[name] == value
            if not there.any():
                known = ", ".join(sorted(set(self.values[name])))
                raise BadInput(f"--audience {text!r}: nobody is there; {name} may be {known}")
            inside &= there
        return NewMembers(self.facts.filter(pa.array(inside)))

    def parts(self, names: Sequence[str] = SEGMENTS) -> dict[str, Bool[np.ndarray, " members"]]:
        """`segment=value` → who is in it, of parts that hold some but not all."""
        parts = {}
        for name in names:
            for value in sorted(set(self.values[name])):
                part = self.values[name] == value
                if LEAST <= part.sum() < len(self):
                    parts[f"{name}={value}"] = part
        return parts


def own_parts(
    audience: NewMembers, schema: Schema, least: int = LEAST
) -> dict[str, Bool[np.ndarray, " members"]]:
    """The same by facts of a user's own: `fact=value` → who is in it.

    Args:
        audience: whose facts.
        schema: what is declared of them.
        least: members of a part, at least.
    """
    return {
        name: rows
        for parts in named_parts(audience.facts, schema)
        for name, rows in parts.items()
        if least <= rows.sum() < len(audience)
    }


def segment_values(facts: pa.StructArray) -> dict[str, pa.Array]:
    """Segment → each row's value, UNKNOWN where there is none; genre is the one watched most.

    Args:
        facts: as FACTS.
    """
    told = [name for name in SEGMENTS if name != "genre"]
    named = {name: _texts(facts.field(name)) for name in told}
    return named | {"genre": _favourites(cast("pa.MapArray", facts.field("watched_genres")))}


def _texts(column: pa.Array) -> pa.Array:
    encoded = column.dictionary_encode()
    names = [name or UNKNOWN for name in encoded.dictionary.to_pylist()]
    return pa.array([*names, UNKNOWN]).take(encoded.indices.fill_null(len(names)))


def _favourites(counts: pa.MapArray) -> pa.Array:
    """The name of each row's largest count, the first of several."""
    offsets = counts.offsets.to_numpy()
    lengths = np.diff(offsets) * np.asarray(counts.is_valid())
    there = np.flatnonzero(lengths)
    if not len(there):
        return pa.array([UNKNOWN] * len(counts))
    long = lengths[there]
    starts = np.cumsum(long) - long
    pair = np.repeat(offsets[there] - starts, long) + np.arange(long.sum())
    much = counts.items.to_numpy(zero_copy_only=False)[pair]
    at = np.flatnonzero(much == np.repeat(np.maximum.reduceat(much, starts), long))
    row = np.repeat(there, long)[at]
    first = np.flatnonzero(np.diff(row, prepend=-1))
    favourite = np.full(len(counts), -1)
    favourite[row[first]] = pair[at[first]]
    return pc.fill_null(counts.keys.take(pa.array(favourite, mask=favourite < 0)), UNKNOWN)


def viewers(examples: pa.Table, title: TitleId, members: int = 2000) -> NewMembers:
    """Those who were shown a title; everybody where they are too few to stand for anybody.

    Args:
        examples: joined.
        title: its id.
        members: at most so many, chosen by a hash of the profile.
    """
    own = examples.filter(pa.array(examples["title_id"].to_numpy() == title))
    few = len(set(own["profile_id"].to_pylist())) < LEAST
    return NewMembers.of(examples if few else own, members)
