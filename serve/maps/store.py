"""Where artwork maps are kept: one interface, LMDB in a folder or Redis.

A store keeps bytes by profile and a few shared values (layouts, the unpersonalised map). It
never replaces a map by one of an earlier version, whatever the order in which runs finish.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

from data.errors import Unavailable
from data.lean.ids import ID_BYTES

MAGIC = b"MQ"
"""What a map begins with, and any value whose version lies where a map's does."""
VERSION = slice(16, 24)
"""Bytes of a map that hold its version, big-endian (serve/maps/artwork_map.py)."""


class StoreUnavailableError(Unavailable):
    """The store did not answer; `reason` is the word to count it under."""

    def __init__(self, reason: str, message: str, alone: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.alone = alone
        """It says nothing of other profiles: these may be asked for at once."""


class MapStore(Protocol):
    """Maps by profile; every method may raise `StoreUnavailableError`."""

    def get(self, profile_id: str) -> bytes | None:
        """One map, or None."""
        ...

    def get_many(self, profile_ids: Sequence[str]) -> list[bytes | None]:
        """Maps in the order asked for."""
        ...

    def put_many(self, profile_ids: Sequence[str], maps: Sequence[bytes]) -> int:
        """Store maps that are not older than what is there; gives how many were written."""
        ...

    def delete(self, profile_ids: Sequence[str]) -> None:
        """Forget profiles."""
        ...

    def profiles(self) -> Iterator[str]:
        """Every profile that has a map, in any order."""
        ...

    def get_shared(self, name: str) -> bytes | None:
        """A value that all profiles share."""
        ...

    def put_shared(self, name: str, value: bytes) -> None:
        """Replace a shared value."""
        ...

    def put_newer(self, name: str, value: bytes) -> bool:
        """Replace a shared value unless what is there is later, versions as in maps; whether so."""
        ...

    def put_over(self, name: str, value: bytes, seen: bytes | None) -> bool:
        """Replace a shared value that is still what was seen, None: there was none; whether so."""
        ...

    def look(self) -> None:
        """See whether the store is whole; called about once a second."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def known_key(profile_id: str) -> bytes | None:
    """A profile's key; None of what can be no profile's id, so that it has no map.

    An id has 1 to 500 bytes of UTF-8 and begins with no NUL: shared values do.
    """
    try:
        key = profile_id.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return key if 0 < len(key) <= ID_BYTES and key[0] else None


def profile_key(profile_id: str) -> bytes:
    """A profile's key.

    Raises:
        ValueError: empty, longer than 500 bytes, starting with a NUL, or no text.
    """
    key = known_key(profile_id)
    if key is None:
        size = len(profile_id.encode(errors="surrogatepass"))
        raise ValueError(
            f"profile_id {profile_id[:40]!r} ({size} bytes): use 1 to 500 bytes of text, no NUL"
            " first"
        )
    return key
