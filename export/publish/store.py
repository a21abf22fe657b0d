"""Where bundles are published: a local folder, or any file system that fsspec knows by URL."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import orjson

from data.bundle import CURRENT, Bundle

Note = Mapping[str, object]
"""What `publication.json` says of a bundle: the fields of a `Publication`, as JSON has them."""


class Store(Protocol):
    """Bundles under their ids, and which of them is live."""

    where: str

    def ids(self) -> list[str]:
        """Ids of the bundles that are there, oldest first."""
        ...

    def live(self) -> str | None:
        """Id of the live bundle; None: nothing was published."""
        ...

    def anchor(self) -> str | None:
        """Id of the bundle that no chain of publications may fall behind; None: there is none."""
        ...

    def point(self, bundle_id: str, pointer: str = CURRENT) -> None:
        """Make a bundle the live one, or the anchor, in one step for everyone who looks."""
        ...

    def add(self, bundle: Bundle) -> None:
        """Copy a bundle here unless it is here already; it appears whole or not at all.

        Call it without the lock.
        """
        ...

    def at_hand(self, bundle_id: str) -> AbstractContextManager[Path]:
        """A bundle's folder on this machine, for as long as the context lasts.

        Raises:
            BadInput: there is no such bundle here.
        """
        ...

    def note(self, bundle_id: str, publication: Note) -> None:
        """Write `publication.json` beside a bundle's manifest."""
        ...

    def noted(self, bundle_id: str) -> Note:
        """What `note` wrote; empty: nothing, or it is not readable."""
        ...

    def remove(self, bundle_id: str) -> None:
        """Remove a bundle; at no moment is a part of it taken for a whole one."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep other publishers out."""
        ...


def missing(bundle_id: str, store: Store) -> str:
    """That a store has no such bundle, and which it has."""
    there = ", ".join(store.ids()[-5:]) or "none"
    return f"{store.where} has no bundle {bundle_id!r:.80}; the newest are: {there}"


def as_text(publication: Note) -> bytes:
    """A publication as JSON for people to read."""
    return json.dumps(publication, indent=2, default=str).encode() + b"\n"


def from_text(raw: bytes) -> Note:
    """A publication from JSON; empty if it is none."""
    try:
        note = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return note if isinstance(note, dict) else {}


def text_in(note: Note, field: str) -> str | None:
    """A field of a note that is text; None: it has none."""
    value = note.get(field)
    return value if isinstance(value, str) else None
