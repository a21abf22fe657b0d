"""The version that pages are read in: one value with all that it points to.

The layout and what all members are shown change together, and never back to an earlier run's,
whichever run ends last: the value begins as a map does, so a store compares its version as it
compares those of maps.
"""

import struct
from typing import NamedTuple
from zlib import crc32

from serve.maps.store import MAGIC, MapStore

NAME = "current"
HEADER = struct.Struct(">2sH4sI4xQ8s")
FORMAT = 1
_KIND = b"VRSN"


class Current(NamedTuple):
    """What a store's readers open pages with."""

    version: int
    """Of the run that said so."""
    layout: bytes
    """Digest of the layout that pages are opened in."""
    best: bytes | None
    """What all members are shown, as a map; None: nothing is."""

    def to_bytes(self) -> bytes:
        """As stored; bytes 16 to 24 are the version, as in a map."""
        head = (MAGIC, FORMAT, _KIND, self._content(), self.version, self.layout)
        return HEADER.pack(*head) + (self.best or b"")

    def _content(self) -> int:
        return crc32(struct.pack(">Q", self.version) + self.layout + (self.best or b""))

    @staticmethod
    def from_bytes(raw: bytes) -> "Current":
        """Read `to_bytes` back.

        Raises:
            ValueError: it is nothing of the kind, or damaged.
        """
        try:
            *kind, content, version, layout = HEADER.unpack_from(raw)
        except struct.error as error:
            raise ValueError(f"no version of a store: {error}") from None
        current = Current(version, layout, raw[HEADER.size :] or None)
        if kind != [MAGIC, FORMAT, _KIND] or content != current._content():
            raise ValueError("what the store says of its version is damaged")
        return current


def read_current(store: MapStore) -> Current | None:
    """What a store says, also one that an earlier version wrote; None: nothing was written.

    Raises:
        StoreUnavailableError: it does not answer.
        ValueError: what it says is damaged.
    """
    raw = store.get_shared(NAME)
    if raw is not None:
        return Current.from_bytes(raw)
    layout = store.get_shared("layout")
    return None if layout is None else Current(0, layout, store.get_shared("unpersonalised"))


def put_current(store: MapStore, current: Current) -> bool:
    """Point readers at a version; whether it was not older than what they read already."""
    return store.put_newer(NAME, current.to_bytes())
