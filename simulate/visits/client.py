"""A member's device: asks a live service for pages over one kept connection."""

import http.client
import json
import time
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

from data.errors import BadInput

TRIES = 5
"""Before a service that does not answer, or whose log is full, is given up."""


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
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._connection.close()

    def decide(self, page: dict[str, Any]) -> dict[str, Any]:
        """The service's answer to a page."""
        return self._call("POST", "/v1/decide", page)

    def artwork_map(self, profile_id: str) -> dict[int, dict[str, Any]]:
        """A profile's precomputed choices, by title."""
        told = self._call("GET", f"/v1/maps/{quote(profile_id, safe='')}", None)
        return {row["title_id"]: row for row in told["titles"]}

    def events(self, events: list[dict[str, Any]]) -> None:
        """Tell what happened; returns when it is on disk."""
        self._call("POST", "/v1/events", {"events": events})

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        """One request; sent again where the connection broke or the log was full.

        Raises:
            BadInput: the service does not answer, or refuses.
        """
        sent = None if body is None else json.dumps(body)
        trouble = ""
        for turn in range(TRIES):
            try:
                headers = {"Content-Type": "application/json"}
                self._connection.request(method, path, sent, headers)
                answer = self._connection.getresponse()
                told = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                trouble = str(error) or type(error).__name__
            else:
                if answer.status == 200:
                    return json.loads(told)
                trouble = f"status {answer.status}: {told[:300].decode(errors='replace')}"
                if answer.status != 503:
                    break
            time.sleep(0.1 * 2**turn)
        raise BadInput(f"{self.url}{path}: {trouble}; is `python -m serve live` running there?")
