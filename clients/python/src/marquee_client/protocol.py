"""What requests, answers and failures mean: shared by the clients that wait and those that do not.

A request is sent again where nothing was decided about it, with the same id: where no connection
was to be had or it broke, and where the service says that it is too busy. Whatever else it says is
about the request, and sending it again would not help.
"""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from marquee_client.maps import Maps
from marquee_client.records import Artwork, Decision, Event, Page, Request, Source

AGAIN = (408, 429, 502, 503, 504)
"""Status → send it again, a little later."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds before the second try, doubled with each; half of it at random."""
PLACEHOLDER = "/static/placeholder.svg"
EVENTS_A_REQUEST = 1000
BATCH = 64
"""Pages a request."""


class Refused(ValueError):
    """The service says that a request makes no sense, or may not be made; not sent again."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status}: {words}")
        self.status, self.words, self.reason = status, words, f"refused_{status}"


class Unanswered(Exception):
    """Nothing came back in time; `reason` is the word to count it under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Server(NamedTuple):
    """Where the service is."""

    tls: bool
    host: str
    port: int
    path: str
    """Before /v1, of a service behind a proxy."""
    headers: Mapping[str, str]

    @classmethod
    def of(cls, url: str, token: str | None) -> "Server":
        """Of its URL.

        Raises:
            ValueError: it is none of HTTP, or no header can carry the token.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r:.80} is no URL of a service; write http://host:port")
        tls = parts.scheme == "https"
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token is not None:
            if not (token.isascii() and token.isprintable()) or " " in token:
                raise ValueError("the token is none; give what `python -m serve token` printed")
            headers["Authorization"] = f"Bearer {token}"
        port = parts.port or (443 if tls else 80)
        return cls(tls, parts.hostname, port, parts.path.rstrip("/"), headers)


def page_body(request: Request) -> dict[str, Any]:
    """A page as the service reads it."""
    said = {name: value for name, value in asdict(request).items() if value is not None}
    return {**said, "title_ids": list(request.title_ids)}


def event_bodies(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events as the service reads them."""
    return [{k: v for k, v in asdict(event).items() if v is not None} for event in events]


def encoded(body: object) -> bytes:
    """JSON."""
    return json.dumps(body, separators=(",", ":")).encode()


def pause(tried: int, asked: str | None = None) -> float:
    """Seconds to wait after a try that failed.

    Args:
        tried: so often already.
        asked: `Retry-After` of the answer.
    """
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**tried)
    wait = longest * (0.5 + 0.5 * random.random())
    return wait if asked is None or not asked.isdigit() else max(wait, float(asked))


def answered(status: int, body: bytes) -> Any:
    """What an answer holds.

    Raises:
        Refused: the service says that the request makes no sense.
        Unanswered: it says that it cannot answer now, or what came is no answer.
    """
    try:
        held = json.loads(body)
    except ValueError:
        raise Unanswered("no_json") from None
    if status == 200:
        return held
    if status in AGAIN:
        raise Unanswered(f"status_{status}")
    words = held.get("detail", "") if isinstance(held, dict) else ""
    raise Refused(status, str(words)[:1000]) from None


def page_of(request: Request, answer: Mapping[str, Any]) -> Page:
    """A page out of the service's answer.

    Raises:
        Unanswered: it is none.
    """
    try:
        named = {one["title_id"]: one for one in answer["decisions"]}
        decisions = [_decision(named[title]) for title in dict.fromkeys(request.title_ids)]
        bundle, reason, logged = answer["bundle"], answer["reason"], answer["logged"]
    except (KeyError, TypeError):
        raise Unanswered("no_answer") from None
    return Page(request.request_id, decisions, "service", reason, bundle, bool(logged))


def _decision(one: Mapping[str, Any]) -> Decision:
    return Decision(
        one["title_id"],
        one["artwork_id"],
        one["url"],
        one["decision_id"],
        one["propensity"],
        one["level"],
        one.get("pictures"),
        one.get("assets"),
        one.get("joint_propensity"),
    )


class Fallback(NamedTuple):
    """What pages show where the service does not answer."""

    maps: Maps | None = None
    defaults: Mapping[Any, Artwork] = {}
    placeholder: str = PLACEHOLDER

    def page(self, request: Request, failed: "Unanswered | Refused") -> Page:
        """A page without the service: of the member's map, else of the defaults; never raises."""
        titles = list(dict.fromkeys(request.title_ids))
        found: dict[Any, Decision] = {}
        source: Source = "defaults"
        # Maps tell no artwork: nothing says whether a page may show it that names what it may.
        named = request.candidates is not None or request.exclude or request.shown
        if self.maps is not None and not named:
            found = self.maps.decisions(request, titles)
            source = "maps"
        own = {one.title_id: one.artwork_id for one in request.shown or ()}
        decisions = []
        for title in titles:
            one = found.get(title)
            if one is None or one.level == "placeholder":
                one = self._default(request, title, own.get(title)) or one
            decisions.append(
                one or Decision(title, None, self.placeholder, None, None, "placeholder")
            )
        detail = failed.words if isinstance(failed, Refused) else ""
        return Page(request.request_id, decisions, source, failed.reason, detail=detail)

    def _default(self, request: Request, title: Any, shown: str | None) -> Decision | None:
        """A title's default, as far as the page may show it; what it shows itself stays."""
        known = self.defaults.get(title)
        if shown is not None:
            same = known is not None and known.artwork_id == shown
            url = known.url if known is not None and same else self.placeholder
            return Decision(title, shown, url, None, None, "shown")
        if known is None:
            return None
        every = request.candidates or {}
        may = every.get(title, every.get(str(title)))
        gone = known.artwork_id is None and (may is not None or request.exclude)
        if gone or known.artwork_id in (request.exclude or ()):
            return None
        if may is not None and known.artwork_id not in may:
            return None
        return Decision(title, known.artwork_id, known.url, None, None, "default")


def parts_of(events: Sequence[Event]) -> list[Sequence[Event]]:
    """Events by requests."""
    return [events[at : at + EVENTS_A_REQUEST] for at in range(0, len(events), EVENTS_A_REQUEST)]
