"""The client that waits: one connection a thread, kept open."""

import http.client
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from marquee_client.maps import Maps
from marquee_client.protocol import (
    BATCH,
    PLACEHOLDER,
    Fallback,
    Refused,
    Server,
    Unanswered,
    answered,
    encoded,
    event_bodies,
    page_body,
    page_of,
    parts_of,
    pause,
)
from marquee_client.records import Artwork, Event, Page, Request


class Client:
    """Asks a live service; safe to share between threads.

    Args:
        url: of the service, http://host:port.
        token: that it was given out for this page server.
        timeout: seconds that a page may take in all, retries among them.
        retries: times that a request is sent again at most.
        maps: looked up where the service does not answer, from `open_maps`.
        defaults: title → artwork, where neither answers.
        placeholder: URL for titles of which nothing is known.

    Raises:
        ValueError: the URL is none of HTTP, or no header can carry the token.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        timeout: float = 0.2,
        retries: int = 2,
        maps: Maps | None = None,
        defaults: Mapping[Any, Artwork] | None = None,
        placeholder: str = PLACEHOLDER,
    ) -> None:
        self._server, self.timeout, self.retries = Server.of(url, token), timeout, retries
        self._fallback = Fallback(maps, defaults or {}, placeholder)
        self._own = threading.local()

    def decide(self, request: Request) -> Page:
        """Decide a page; there is an image for each title whatever happens.

        `Page.reason` says why it was not decided live, and `Page.detail` what the service says is
        wrong with the request, or with the token.
        """
        try:
            return page_of(request, self._post("/v1/decide", page_body(request), self.timeout))
        except (Unanswered, Refused) as failed:
            return self._fallback.page(request, failed)

    def decide_many(self, requests: Sequence[Request]) -> list[Page]:
        """Decide several pages in a request for every 64; as `decide`."""
        pages = list[Page]()
        for at in range(0, len(requests), BATCH):
            some = requests[at : at + BATCH]
            body = {"requests": [page_body(request) for request in some]}
            try:
                answers = self._post("/v1/decide/batch", body, self.timeout)
                pages += [page_of(*pair) for pair in zip(some, answers, strict=True)]
            except (Unanswered, Refused) as failed:
                pages += [self._fallback.page(request, failed) for request in some]
        return pages

    def send(self, events: Sequence[Event], timeout: float = 5.0) -> int:
        """Send events, and wait until the service has them on disk; how many it took.

        Args:
            events: any number; each counts once, however often it is sent.
            timeout: seconds for each thousand.

        Raises:
            Refused: one of them makes no sense; none of its thousand is logged.
            ConnectionError: the service did not take them; send the same ones again.
        """
        taken = 0
        for part in parts_of(events):
            try:
                body = {"events": event_bodies(part)}
                taken += self._post("/v1/events", body, timeout)["accepted"]
            except Unanswered as failed:
                words = f"events were not taken ({failed.reason}); send the same ones again"
                raise ConnectionError(words) from None
        return taken

    def explain(self, request: Request) -> Any:
        """Why a page of one title shows its artwork, as /v1/explain answers.

        Raises:
            Refused: the request makes no sense to the service, or the token may not make it.
            ConnectionError: the service does not answer.
        """
        try:
            return self._post("/v1/explain", page_body(request), 5.0)
        except Unanswered as failed:
            raise ConnectionError(f"no explanation came ({failed.reason})") from None

    def close(self) -> None:
        """Let go of this thread's connection."""
        connection = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()
            self._own.connection = None

    def _post(self, path: str, body: object, timeout: float) -> Any:
        """An answer's content, after as many tries as there is time for.

        Raises:
            Refused: as `answered`.
            Unanswered: nothing came in time.
        """
        sent, due, reason = encoded(body), time.monotonic() + timeout, "deadline"
        for tried in range(1 + self.retries):
            left = due - time.monotonic()
            if left <= 0:
                break
            asked, kept = None, getattr(self._own, "connection", None) is not None
            try:
                status, held, asked = self._once(path, sent, left)
                return answered(status, held)
            except Refused:
                raise
            except Unanswered as failed:
                reason = failed.reason
            except TimeoutError:
                self.close()
                reason = "deadline"
            except (OSError, http.client.HTTPException):
                self.close()
                reason = "unreachable"
                if kept:  # the service may have closed it since: that is no reason to wait
                    continue
            wait = pause(tried, asked)
            if time.monotonic() + wait >= due:
                break
            time.sleep(wait)
        raise Unanswered(reason)

    def _once(self, path: str, sent: bytes, left: float) -> tuple[int, bytes, str | None]:
        server = self._server
        connection = getattr(self._own, "connection", None)
        if connection is None:
            kind = http.client.HTTPSConnection if server.tls else http.client.HTTPConnection
            connection = self._own.connection = kind(server.host, server.port, timeout=left)
        connection.timeout = left
        if connection.sock is not None:
            connection.sock.settimeout(left)
        headers = {**server.headers, "X-Deadline-Ms": f"{900 * left:.0f}"}
        connection.request("POST", server.path + path, sent, headers)
        answer = connection.getresponse()
        held = answer.read()
        return answer.status, held, answer.headers.get("Retry-After")
