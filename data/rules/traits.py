"""What rules can be about: each artwork's title, tags, canvases and languages of text."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import pyarrow as pa

from data.catalogue import Catalogue
from data.own_facts import fact_values, own_names
from data.records import TitleId
from data.rules.written import Target

Names = Sequence[frozenset[str]]
"""Of each artwork."""


@dataclass(frozen=True)
class ArtworkTraits:
    """Of all artworks of a catalogue, in the order of its file."""

    artwork_ids: Sequence[str]
    title_ids: Sequence[TitleId]
    tags: Mapping[str, Names]
    """Column of artworks.parquet → what it says of each; numbers as text."""
    canvases: Names
    languages: Names

    @classmethod
    def of(cls, catalogue: Catalogue) -> "ArtworkTraits":
        """Those that a catalogue names."""
        artworks = catalogue.artworks
        pictures = catalogue.pictures
        return cls(
            catalogue.artwork_ids,
            artworks["title_id"].to_pylist(),
            {
                "cast_shown": [frozenset(n or ()) for n in artworks["cast_shown"].to_pylist()],
                "tone": [frozenset([n] if n else []) for n in artworks["tone"].to_pylist()],
                **_own_tags(artworks),
            },
            [frozenset(picture.canvas for picture in its) for its in pictures],
            [frozenset(p.language for p in its if p.language is not None) for its in pictures],
        )

    def unknown(self, target: Target) -> str | None:
        """What a target names that no artwork has, in words; None: nothing."""
        for name in target.artwork:
            if name not in self._rows_of_artworks:
                return f"there is no artwork {name!r}"
        for name in target.title:
            if name not in self._rows_of_titles:
                return f"there is no title {name!r}"
        for column, names in target.tag:
            if column not in self.tags:
                return f"artworks have no column {column!r}; there are {', '.join(self.tags)}"
            known = frozenset[str]().union(*self.tags[column])
            for name in names:
                if name not in known:
                    return f"no artwork has {column} {name!r}"
        for what, among, names in (
            ("picture is of the canvas", self.canvases, target.canvas),
            ("picture has text of the language", self.languages, target.text_language),
        ):
            known = frozenset[str]().union(*among)
            for name in names:
                if name not in known:
                    return f"no {what} {name!r}"
        return None

    def rows(self, target: Target) -> list[int]:
        """Rows of the artworks that a target is about."""
        tests: list[Callable[[int], bool]] = []
        among: Sequence[int] = range(len(self.artwork_ids))
        if target.artwork:
            among = _of_all(self._rows_of_artworks, target.artwork)
        if target.title:
            its = _of_all(self._rows_of_titles, target.title)
            among = its if not target.artwork else sorted(set(its) & set(among))
        for column, names in target.tag:
            has, wanted = self.tags.get(column), frozenset(names)
            if has is None:
                return []
            tests.append(lambda row, has=has, wanted=wanted: bool(has[row] & wanted))
        for has, names in (
            (self.canvases, target.canvas),
            (self.languages, target.text_language),
        ):
            if names:
                wanted = frozenset(names)
                tests.append(lambda row, has=has, wanted=wanted: bool(has[row] & wanted))
        return [row for row in among if all(test(row) for test in tests)]

    @cached_property
    def _rows_of_artworks(self) -> dict[str, list[int]]:
        return _rows_by(self.artwork_ids)

    @cached_property
    def _rows_of_titles(self) -> dict[str, list[int]]:
        return _rows_by(map(str, self.title_ids))


def _rows_by(names: Iterable[str]) -> dict[str, list[int]]:
    """Name → rows that have it: files have thousands of rules, and catalogues more artworks."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    return rows


def _of_all(rows: Mapping[str, list[int]], names: Sequence[str]) -> Sequence[int]:
    """Rows of any of some names, ascending."""
    return sorted(row for name in names for row in rows.get(name, ()))


def _own_tags(artworks: pa.Table) -> dict[str, Names]:
    """The user's own columns of artworks."""
    own = cast("pa.MapArray", artworks["own"].combine_chunks())
    tags: dict[str, Names] = {}
    for name in own_names(own) if len(own) else ():
        values = fact_values(own, name)
        its: list[set[str]] = [set() for _ in range(len(own))]
        for row, code in zip(values.name_rows.tolist(), values.codes.tolist(), strict=True):
            if code >= 0:
                its[row].add(values.distinct[code])
        for row, number in zip(values.number_rows.tolist(), values.numbers.tolist(), strict=True):
            its[row].add(f"{number:g}")
        tags[name] = [frozenset(one) for one in its]
    return tags
