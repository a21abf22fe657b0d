"""What may be shown to anybody, whatever a page knows: shown in place of what is taken down.

Look-ups know no rules and no facts. So whoever knows the rules (precompute, and the takedown itself
where it is given them) says beside the maps which artwork of a title no rule may forbid to
somebody; a look-up shows nothing else in place of what is taken down.
"""

from typing import NamedTuple

from data.lean.fast_json import dumps, loads
from serve.maps.store import MapStore
from serve.maps.takedown.listed import list_of_names
from serve.maps.takedown.sealed import sealed, unsealed

NAME = "instead"


class Instead(NamedTuple):
    """For titles that rules have to do with, the artwork that anybody may be shown."""

    version: int
    """When that was so, in microseconds since 1970-01-01 UTC."""
    artwork_ids: dict[str, tuple[list[str], list[str]]]
    """Title id as text → free artwork, and artwork whose share is capped, to be shown last."""

    def to_bytes(self) -> bytes:
        """As stored; bytes 16 to 24 are the version, as in a map."""
        return sealed(self.version, dumps(self.artwork_ids))

    @staticmethod
    def from_bytes(raw: bytes) -> "Instead":
        """Read `to_bytes` back.

        Raises:
            ValueError: it is nothing of the kind, or damaged.
        """
        version, text = unsealed(raw, "what the store says may be shown instead")
        try:
            said = loads(text).items()
            titles = {t: (list_of_names(free), list_of_names(more)) for t, (free, more) in said}
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"not what may be shown instead: {error}") from None
        return Instead(version, titles)


ANYTHING = Instead(0, {})
"""Where no rules are known."""


def read_instead(store: MapStore) -> Instead:
    """What may be shown instead; ANYTHING where nobody has said.

    Raises:
        StoreUnavailableError: the store does not answer.
        ValueError: what it says is damaged.
    """
    raw = store.get_shared(NAME)
    return ANYTHING if raw is None else Instead.from_bytes(raw)


def put_instead(store: MapStore, instead: Instead) -> None:
    """Say what may be shown instead, unless somebody has said so of a later moment.

    Where there are no rules, and none were known, nothing is written.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    if instead.artwork_ids or store.get_shared(NAME) is not None:
        store.put_newer(NAME, instead.to_bytes())
