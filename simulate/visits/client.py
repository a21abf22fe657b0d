"""A member's device: asks a live service for pages over one kept connection."""

import http.client
import json
import os
import time
from types import TracebackType
from typing import NotRequired, TypedDict
from urllib.parse import quote, urlsplit

from data.errors import BadInput

TRIES = 5
"""Before a service that does not answer, or whose log is full, is given up."""
Event = dict[str, object]
"""As docs/data.md has it, with times in microseconds."""


class BesideArtwork(TypedDict):
    """What stands beside an artwork."""

    asset_id: str


class Choice(TypedDict):
    """What a title is shown with."""

    title_id: int
    artwork_id: str
    decision_id: str | None
    level: str
    assets: NotRequired[dict[str, BesideArtwork]]
    """By kind, where the page asked for kinds."""


class PageRequest(TypedDict):
    """What a page asks for."""

    profile_id: str
    title_ids: list[int]
    facts: dict[str, object]
    request_id: str
    cell: str | None
    day: int
    kinds: NotRequired[list[str]]


class PageAnswer(TypedDict):
    """What it gets."""

    decisions: list[Choice]
    reason: str | None
    bundle: str | None
    logged: bool


class ProfileMap(TypedDict):
    """A profile's precomputed choices."""

    titles: list[Choice]


class Client:
    """The end points of `python -m serve live` that a device uses."""

    def __init__(self, url: str, seconds: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise BadInput(f"--url {url!r} is no address; write it as http://127.0.0.1:8080")
        self.url = url
        self._connection = http.client.HTTPConnection(
            parts.hostname, parts.port or 80, timeout=seconds
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def decide(self, page: PageRequest) -> PageAnswer:
        """The service's answer to a page."""
        answer: PageAnswer = json.loads(self._call("POST", "/v1/decide", json.dumps(page)))
        return answer

    def artwork_map(self, profile_id: str) -> dict[int, Choice]:
        """A profile's precomputed choices, by title."""
        answer: ProfileMap = json.loads(
            self._call("GET", f"/v1/maps/{quote(profile_id, safe='')}", None)
        )
        return {choice["title_id"]: choice for choice in answer["titles"]}

    def events(self, events: list[Event]) -> None:
        """Report what happened; returns when it is on disk."""
        self._call("POST", "/v1/events", json.dumps({"events": events}))

    def _call(self, method: str, path: str, body: str | None) -> bytes:
        """One request; sent again where the connection broke or the log was full.

        Raises:
            BadInput: the service does not answer, or refuses.
        """
        trouble = ""
        for turn in range(TRIES):
            try:
                headers = {"Content-Type": "application/json"}
                if token := os.environ.get("MARQUEE_TOKEN"):
                    headers["Authorization"] = f"Bearer {token}"
                self._connection.request(method, path, body, headers)
                response = self._connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                trouble = str(error) or type(error).__name__
            else:
                if response.status == 200:
                    return content
                trouble = f"status {response.status}: {content[:300].decode(errors='replace')}"
                if response.status != 503:
                    break
            time.sleep(0.1 * 2**turn)
        raise BadInput(f"{self.url}{path}: {trouble}; is `python -m serve live` running there?")
