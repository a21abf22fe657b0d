"""What is taken down, by the lists of all stores of maps that a service reads."""

from collections.abc import Mapping
from contextlib import suppress

from serve.live import metrics
from serve.maps.store import MapStore, StoreUnavailableError
from serve.maps.takedown.listed import read_takedown


class TakenLists:
    """Follows the lists; what one store takes down, no page of the service shows."""

    def __init__(self) -> None:
        self._held: dict[str | None, frozenset[str]] = {}

    def look(self, stores: Mapping[str | None, MapStore]) -> frozenset[str]:
        """See whether stores are whole, and what nobody may be shown any more.

        A list that is damaged, or of a store that does not answer, leaves what was known of it.

        Args:
            stores: by name, the service's own under None.

        Returns:
            Ids of artwork.
        """
        held = {name: self._held.get(name, frozenset()) for name in stores}
        for name, store in stores.items():
            with suppress(StoreUnavailableError):  # each page finds it, and counts it
                store.look()
                try:
                    held[name] = read_takedown(store).artwork_ids
                except ValueError:
                    metrics.FALLBACKS.labels("store", "takedown_damaged").inc()
        self._held = held
        return frozenset[str]().union(*held.values())
