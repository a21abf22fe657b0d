"""The numbering that artwork maps are written in: titles to slots, artworks to ordinals.

A map that named its titles and artworks in full would be 40 times larger. Maps of one
catalogue share this table instead: it is named by its content, stored once beside the maps,
and never changes, so a map written yesterday is still read correctly after the catalogue moved.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt64

from bandit.choice import title_words
from data.errors import BadInput
from data.lean.fast_json import dumps, loads
from data.lean.ids import LARGEST_NUMBER, TitleId, title_problem

if TYPE_CHECKING:
    import pyarrow as pa

Value = TypeVar("Value", int, str)
NONE_16 = 0xFFFF
"""Ordinal that says a title has no choice of its own in this map."""


@dataclass(frozen=True)
class Layout:
    """Titles in ascending order, each with its candidate artworks, numbered one after another.

    Raises:
        ValueError: titles unsorted, repeated or out of range, a title without artwork, or parts
            that do not belong together.
    """

    title_ids: Shaped[np.ndarray, " titles"]
    """Whole numbers, or objects that are text."""
    artwork_ids: tuple[str, ...]
    paths: tuple[str, ...]
    starts: Int[np.ndarray, " titles_and_one"]  # title i has ordinals starts[i] … starts[i + 1] − 1
    defaults: Int[np.ndarray, " titles"]  # ordinal of each title's default artwork
    digest: bytes = field(init=False)  # 8 bytes
    title_words: UInt64[np.ndarray, " titles"] = field(init=False)
    """What seeds and epochs mix in of each title; no two titles have one word."""

    def __post_init__(self) -> None:
        ids = as_ids(self.title_ids)
        object.__setattr__(self, "title_ids", ids)
        if not len(ids):
            raise BadInput(
                "the catalogue has no title with a candidate artwork today; see what "
                "`python -m data check` says of it"
            )
        if not self.is_text and ids.min() < 0:
            raise ValueError(f"title {ids.min()} is below 0, which no title id is")
        if not (ids[1:] > ids[:-1]).all():
            at = int(np.argmin(ids[1:] > ids[:-1]))
            raise ValueError(f"title ids must ascend without repeats: {ids[at]!r}, {ids[at + 1]!r}")
        object.__setattr__(self, "title_words", distinct_words(ids))
        count = len(self.artwork_ids)
        shapes = (ids.shape, self.starts.shape, self.defaults.shape)
        if shapes != ((len(ids),), (len(ids) + 1,), (len(ids),)) or len(self.paths) != count:
            raise ValueError(
                f"a layout of {len(ids)} titles and {count} artworks has {len(self.paths)} paths, "
                f"{len(self.starts)} starts and {len(self.defaults)} defaults; write it again"
            )
        if not (np.diff(self.starts) > 0).all():
            at = int(np.argmin(np.diff(self.starts)))
            raise ValueError(f"title {ids[at]!r} has no candidate artwork; drop it or add one")
        if count >= 2**31:
            raise ValueError(f"{count} artworks do not fit in a layout")
        within = (self.starts[:-1] <= self.defaults) & (self.defaults < self.starts[1:])
        if self.starts[0] or self.starts[-1] != count or not within.all():
            raise ValueError("starts or defaults of a layout lie outside its artworks")
        digest = hashlib.blake2b(self.to_bytes(), digest_size=8).digest()
        object.__setattr__(self, "digest", digest)

    @staticmethod
    def build(
        titles: "pa.Table", candidates: Mapping[TitleId, Sequence[tuple[str, str]]]
    ) -> "Layout":
        """Number the titles that have candidates.

        Args:
            titles: rows of `data.records.TITLES`.
            candidates: (artwork id, path) pairs by title; their order is the ordinals' order.
        """
        wanted = dict(
            zip(
                titles["title_id"].to_pylist(),
                titles["default_artwork_id"].to_pylist(),
                strict=True,
            )
        )
        for title_id in wanted:
            if wrong := title_problem(title_id):
                raise ValueError(f"title_id {title_id!r:.60}: {wrong}")
        shown = sorted(title_id for title_id in wanted if candidates.get(title_id))
        pairs = [pair for title_id in shown for pair in candidates[title_id]]
        starts = np.cumsum([0] + [len(candidates[title_id]) for title_id in shown])
        defaults = []
        for slot, title_id in enumerate(shown):
            ids = [artwork_id for artwork_id, _ in candidates[title_id]]
            name = wanted[title_id]
            defaults.append(int(starts[slot]) + (ids.index(name) if name in ids else 0))
        return Layout(
            as_ids(shown),
            tuple(artwork_id for artwork_id, _ in pairs),
            tuple(path for _, path in pairs),
            starts.astype(np.int64),
            np.array(defaults, np.int64),
        )

    @staticmethod
    def of_catalogue(titles: "pa.Table", artworks: "pa.Table", day: int) -> "Layout":
        """Number what a catalogue shows on a day (days since 1970-01-01).

        Artworks keep the catalogue's order within a title, as `Catalogue.candidates` does.
        """
        candidates: dict[TitleId, list[tuple[str, str]]] = {}
        added = artworks["added_day"].cast("int32").to_pylist()
        withdrawn = artworks["withdrawn_day"].cast("int32").to_pylist()
        for title_id, artwork_id, path, first, last in zip(
            artworks["title_id"].to_pylist(),
            artworks["artwork_id"].to_pylist(),
            artworks["path"].to_pylist(),
            added,
            withdrawn,
            strict=True,
        ):
            if first <= day and (last is None or day < last):
                candidates.setdefault(title_id, []).append((artwork_id, path))
        return Layout.build(titles, candidates)

    @property
    def width(self) -> int:
        """Bytes of one ordinal in a map: 2, or 4 past 65,534 artworks."""
        return 2 if len(self.artwork_ids) < NONE_16 else 4

    @property
    def counts(self) -> Int[np.ndarray, " titles"]:
        """Number of candidates of each title."""
        return np.diff(self.starts)

    @cached_property
    def slot_of(self) -> dict[TitleId, int]:
        """Slot of each title."""
        return {title: slot for slot, title in enumerate(self.title_ids.tolist())}

    @property
    def is_text(self) -> bool:
        """Whether title ids are text."""
        return self.title_ids.dtype == object

    def slots(
        self, title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId]
    ) -> tuple[Int[np.ndarray, "any"], Bool[np.ndarray, "any"]]:
        """Slot of each title, and whether it has one (where not, the slot is 0)."""
        ids = as_ids(title_ids)
        if self.is_text or ids.dtype == object:
            slot_of = self.slot_of
            found = np.fromiter((slot_of.get(t, -1) for t in ids.ravel()), np.int64, ids.size)
            at = found.reshape(ids.shape)
            return np.maximum(at, 0), at >= 0
        at = np.minimum(self.title_ids.searchsorted(ids), len(self.title_ids) - 1)
        known = self.title_ids[at] == ids
        return np.where(known, at, 0), known

    def candidates(self, slot: int) -> tuple[str, ...]:
        """Artwork ids of a title, in the order of their ordinals."""
        return self.artwork_ids[int(self.starts[slot]) : int(self.starts[slot + 1])]

    def translate(self, older: "Layout") -> Int[np.ndarray, " older_artworks"]:
        """This layout's ordinal of each artwork of an older one; −1 where it is gone."""
        slot_of_ordinal = np.repeat(self.title_ids, self.counts)
        here = {
            key: ordinal
            for ordinal, key in enumerate(
                zip(slot_of_ordinal.tolist(), self.artwork_ids, strict=True)
            )
        }
        there = np.repeat(older.title_ids, older.counts).tolist()
        return np.array(
            [here.get(key, -1) for key in zip(there, older.artwork_ids, strict=True)], np.int64
        )

    def choices_of(
        self, older: "Layout", choices: Int[np.ndarray, " older_titles"]
    ) -> Int[np.ndarray, " titles"]:
        """A map's choices of an older layout in this one; −1 where what it shows is gone."""
        moved, made = np.append(self.translate(older), -1), np.full(len(self.title_ids), -1)
        slots, known = self.slots(older.title_ids)
        there = (choices >= 0) & (choices < len(moved))
        made[slots[known]] = moved[np.where(there, choices, -1)][known]
        return made

    def to_bytes(self) -> bytes:
        """The layout as JSON, the form its digest is taken of."""
        return dumps(
            {
                "title_ids": self.title_ids.tolist(),
                "artwork_ids": self.artwork_ids,
                "paths": self.paths,
                "starts": self.starts.tolist(),
                "defaults": self.defaults.tolist(),
            }
        )

    @staticmethod
    def from_bytes(raw: bytes, digest: bytes | None = None) -> "Layout":
        """Read `to_bytes` back.

        Args:
            raw: as stored.
            digest: that its content must have; None: any.

        Raises:
            ValueError: it is no layout, or another one than its name says.
        """
        try:
            got = loads(raw)
            texts = {name: _all_of(got[name], str, name) for name in ("artwork_ids", "paths")}
            numbers = {name: _all_of(got[name], int, name) for name in ("starts", "defaults")}
            is_text = isinstance(got["title_ids"], list) and str in map(type, got["title_ids"])
            titles: list[TitleId] = [
                *(_all_of(got["title_ids"], str, "title_ids") if is_text else ()),
                *(() if is_text else _all_of(got["title_ids"], int, "title_ids")),
            ]
            layout = Layout(
                as_ids(titles),
                tuple(texts["artwork_ids"]),
                tuple(texts["paths"]),
                np.array(numbers["starts"], np.int64),
                np.array(numbers["defaults"], np.int64),
            )
        except (KeyError, TypeError, OverflowError, ValueError) as error:
            raise ValueError(f"not a layout: {type(error).__name__}: {error}") from None
        if digest is not None and layout.digest != digest:
            raise ValueError(f"the layout of this name has the content {layout.digest.hex()}")
        return layout


def as_ids(title_ids: Shaped[np.ndarray, "any"] | Sequence[TitleId]) -> np.ndarray:
    """Title ids as int64, or as objects where one of them is text.

    NumPy's own arrays of text would cut NULs from their ends, and make text of numbers beside.
    """
    if isinstance(title_ids, np.ndarray) and title_ids.dtype != object:
        is_text = title_ids.dtype.kind in "UT"
        return title_ids.astype(object) if is_text else title_ids.astype(np.int64, copy=False)
    objects = np.array(title_ids, object)
    if all(type(title) is int for title in objects.ravel()):
        return objects.astype(np.int64)
    return objects


def distinct_words(title_ids: np.ndarray, bits: int = 64) -> UInt64[np.ndarray, " titles"]:
    """Words of titles that seeds mix in, no two alike.

    Args:
        title_ids: from `as_ids`.
        bits: of each word that must differ; at 64 two of a million titles are alike once in 37
            million catalogues.

    Raises:
        BadInput: two titles have one word: by both.
    """
    words = title_words(title_ids) & np.uint64((1 << bits) - 1)
    order = np.argsort(words, kind="stable")
    alike = np.flatnonzero(words[order][1:] == words[order][:-1])
    if len(alike):
        one, other = (title_ids[order[alike[0] + at]] for at in (0, 1))
        raise BadInput(
            f"titles {one!r:.60} and {other!r:.60} have one hash, and so would share their draws; "
            "give one of them another title_id"
        )
    return words


def layout_key(digest: bytes) -> str:
    """The shared value of a store that holds a layout."""
    return f"layout:{digest.hex()}"


def _all_of(values: object, kind: type[Value], name: str) -> list[Value]:
    """A list of values of one type.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(values, list) or not all(type(value) is kind for value in values):
        raise ValueError(f"{name} is no list of {kind.__name__}")
    return values


NO_TITLES = Layout(np.array([LARGEST_NUMBER]), ("",), ("",), np.array([0, 1]), np.array([0]))
"""A numbering of nothing that a catalogue shows: every title gets the placeholder."""
