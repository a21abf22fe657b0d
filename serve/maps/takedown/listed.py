"""Artwork that no page may show any more, from this second on: a small list beside the maps.

Maps are made once a day; what a court or an artist forbids cannot wait for that. Whoever reads maps
looks at this list once a second. It begins as a map does, so a store compares its version as it
compares those of maps, and an older list never takes the place of a newer one.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from data.errors import Unavailable
from data.lean.fast_json import dumps, loads
from serve.maps.store import MAGIC, VERSION, MapStore
from serve.maps.takedown.sealed import sealed, unsealed

NAME = "takedown"
TRIES = 5
"""Times that a change is made, where somebody else changes the list at once."""
SETTLED = 0.3
"""Seconds after which a change that is still there stays: two who write at once read it again."""
LATEST_US = 253_402_300_800_000_000
"""The year 10000, of which no text speaks."""
KEPT = 1000
"""Changes that the list remembers."""


class TakedownChange(NamedTuple):
    """Who took an artwork down, or put it back, when and why."""

    artwork_id: str
    down: bool
    at_us: int
    who: str
    why: str


class Takedown(NamedTuple):
    """What is taken down, and what was changed before."""

    version: int
    artwork_ids: frozenset[str]
    changes: tuple[TakedownChange, ...] = ()

    def to_bytes(self) -> bytes:
        """As stored; bytes 16 to 24 are the version, as in a map."""
        body = {
            "artwork_ids": sorted(self.artwork_ids),
            "changes": [list(change) for change in self.changes],
        }
        return sealed(self.version, dumps(body))

    @staticmethod
    def from_bytes(raw: bytes) -> "Takedown":
        """Read `to_bytes` back.

        Raises:
            ValueError: it is nothing of the kind, or damaged.
        """
        version, text = unsealed(raw, "the store's list of what is taken down")
        try:
            got = loads(text)
            changes = tuple(TakedownChange(*change) for change in got["changes"])
            names = frozenset(list_of_names(got["artwork_ids"]))
            for one in changes:
                list_of_names([one.artwork_id, one.who, one.why])
                if type(one.down) is not bool or not 0 <= int(one.at_us) < LATEST_US:
                    raise TypeError(one)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a list of what is taken down: {error!r}") from None
        return Takedown(version, names, changes)


def list_of_names(value: object) -> list[str]:
    """A list of texts.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError("no list of texts")
    return value


NOTHING = Takedown(0, frozenset())


def read_takedown(store: MapStore) -> Takedown:
    """What is taken down.

    Raises:
        StoreUnavailableError: the store does not answer.
        ValueError: the list is damaged.
    """
    raw = store.get_shared(NAME)
    return NOTHING if raw is None else Takedown.from_bytes(raw)


def change_takedown(
    store: MapStore,
    artwork_ids: Sequence[str],
    down: bool,
    at_us: int,
    who: str,
    why: str,
    wait: Callable[[float], None] = time.sleep,
) -> Takedown:
    """Take artworks down, or put them back; the list as it is then, with this change in it.

    Args:
        store: of the maps.
        artwork_ids: that are changed.
        down: False puts them back.
        at_us: when, in microseconds since 1970-01-01 UTC.
        who: asks for it.
        why: it is asked for.
        wait: for some seconds, until what others write at the same time is seen.

    Raises:
        Unavailable: the store does not answer, or others change the list all the time.
    """
    mine = tuple(TakedownChange(name, down, at_us, who, why) for name in artwork_ids)
    remembered = set(mine[-KEPT:])
    held = _held(store)
    for _ in range(TRIES):
        names = frozenset(artwork_ids)
        left = held.artwork_ids | names if down else held.artwork_ids - names
        changes = (*held.changes, *mine)[-KEPT:]
        store.put_newer(NAME, Takedown(held.version + 1, left, changes).to_bytes())
        wait(SETTLED)
        held = _held(store)
        if remembered <= set(held.changes):
            return held
    raise Unavailable("others change what is taken down all the time")


def _held(store: MapStore) -> Takedown:
    """The list; of a damaged one nothing but its version, so that it can be written again."""
    try:
        return read_takedown(store)
    except ValueError:
        raw = store.get_shared(NAME) or b""
        version = int.from_bytes(raw[VERSION]) if raw.startswith(MAGIC) else 0
        return Takedown(version, frozenset())
