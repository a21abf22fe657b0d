"""Artwork maps looked up in the page's own process: the service's look-up, wrapped for pages."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from marquee_client.records import Decision, Request
from marquee_client.shared.serve.maps.lookup import Lookup
from marquee_client.shared.serve.maps.open_store import open_map_store
from marquee_client.shared.serve.maps.page_urls import LEVELS

__all__ = ["Lookup", "Maps", "open_maps"]


class Maps:
    """Look-ups of one store, from any thread; each thread reads by its own.

    Args:
        make: opens a look-up.
    """

    def __init__(self, make: Callable[[], Lookup]) -> None:
        self._make, self._own = make, threading.local()
        self.lookup()

    def lookup(self) -> Lookup:
        """This thread's look-up: the quickest way, and arrays of URLs (`urls`, `urls_many`)."""
        own = getattr(self._own, "lookup", None)
        if own is None:
            own = self._own.lookup = self._make()
        return own

    def decisions(self, request: Request, titles: Sequence[Any]) -> dict[Any, Decision]:
        """What a member's map shows; what a map shows was logged when it was drawn.

        Args:
            request: of the page; a member who opted out has no map and is shown what all are.
            titles: of the page.
        """
        page = self.lookup().page(request.profile_id if request.profiling else "")
        canvases = [request.canvas] if isinstance(request.canvas, str) else request.canvas
        if canvases or request.languages:
            page = page.canvas(*(canvases or ["main"])[:1], request.languages or ())
        beside = page.assets(list(titles), request.languages or ()) if request.kinds else {}
        found = {}
        for at, title in enumerate(titles):
            url, level = page.resolve(title)
            own = {kind: _told(beside[kind][at]) for kind in request.kinds or () if kind in beside}
            assets = {kind: asset for kind, asset in own.items() if asset} or None
            found[title] = Decision(title, None, url, None, None, LEVELS[level], assets=assets)
        return found


def _told(asset: Any) -> dict[str, Any] | None:
    """An asset as the service tells it; its propensity stands in the log of the map's draws."""
    if asset is None:
        return None
    told = {"asset_id": asset.asset_id, "text": asset.text, "frames": list(asset.frames)}
    return told | {"propensity": None if asset.drawn else 1.0}


def open_maps(url: str, base_url: str = "", timeout: float = 0.05) -> Maps:
    """Open a store of artwork maps.

    Args:
        url: a folder (LMDB), `redis://host:port/db` or `redis+cluster://host:port`.
        base_url: put before each artwork's path.
        timeout: seconds that a read from Redis may take.

    Raises:
        ValueError: no store goes by that name, or it is damaged.
    """
    # One for all threads: LMDB is opened once a process.
    store = open_map_store(url, readonly=True, timeout=timeout)
    return Maps(lambda: Lookup(store, base_url=base_url))
