"""Artwork maps looked up in the page's own process: the service's look-up, wrapped for pages."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from marquee_client.records import Decision, Request
from marquee_client.shared.serve.maps.lookup import Lookup
from marquee_client.shared.serve.maps.open_store import open_map_store
from marquee_client.shared.serve.maps.page_urls import LEVELS
from marquee_client.shared.serve.maps.rows.row_lookup import RowLookup

__all__ = ["Lookup", "Maps", "RowLookup", "open_maps"]


class Maps:
    """Look-ups of one store, from any thread; each thread reads by its own.

    Args:
        make: opens a look-up.
    """

    def __init__(self, make: Callable[[], RowLookup]) -> None:
        self._make, self._own = make, threading.local()
        self.lookup()

    def lookup(self) -> RowLookup:
        """This thread's look-up: the quickest way, and arrays (`urls`, `urls_many`, `rows`)."""
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
        page = self.lookup().page(_profile(request))
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

    def rows(self, request: Request, titles: Sequence[Any], row: str = "") -> dict[Any, Decision]:
        """What a member's map shows of titles that stand beside each other, drawn as one row.

        Each has its propensity given what stands left of it, and the id to send with its
        impression, where the page was logged (`open_maps(..., log=FOLDER)`). What cannot be drawn
        so is as in `decisions`.

        Args:
            request: of the page.
            titles: in reading order, each once.
            row: its name, where the page has several.
        """
        profile = _profile(request)
        canvases = [request.canvas] if isinstance(request.canvas, str) else request.canvas
        canvas = (canvases or ["main"])[0] if canvases or request.languages else None
        opened = self.lookup().rows([profile], [titles], row, canvas, request.languages or ())
        found = {}
        columns = (opened.urls[0], opened.artwork_ids[0], opened.decision_ids[0])
        chances = opened.propensities[0].tolist()
        for title, url, artwork, name, p in zip(titles, *columns, chances, strict=True):
            if artwork is not None:
                found[title] = Decision(title, artwork, url, name, p, LEVELS[0])
        rest = [title for title in titles if title not in found]
        return found | (self.decisions(request, rest) if rest else {})


def _profile(request: Request) -> str:
    """Whose map a page reads; nobody's where it shows what all members are shown."""
    told = request.profiling and request.mode != "unpersonalised"
    return request.profile_id if told else ""


def _told(asset: Any) -> dict[str, Any] | None:
    """An asset as the service tells it; its propensity stands in the log of the map's draws."""
    if asset is None:
        return None
    told = {"asset_id": asset.asset_id, "text": asset.text, "frames": list(asset.frames)}
    return told | {"propensity": None if asset.drawn else 1.0}


def open_maps(url: str, base_url: str = "", timeout: float = 0.05, log: str | None = None) -> Maps:
    """Open a store of artwork maps.

    Args:
        url: a folder (LMDB), `redis://host:port/db` or `redis+cluster://host:port`.
        base_url: put before each artwork's path.
        timeout: seconds that a read from Redis may take.
        log: folder on this machine that pages opened as rows are logged to, which `python -m data
            roll` reads; each thread writes a file of its own. None: nothing is logged.

    Raises:
        ValueError: no store goes by that name, it is damaged, or the log is no folder.
        OSError: the log's folder cannot be used.
    """
    # One for all threads: LMDB is opened once a process.
    store = open_map_store(url, readonly=True, timeout=timeout)
    return Maps(lambda: RowLookup(store, log, base_url=base_url))
