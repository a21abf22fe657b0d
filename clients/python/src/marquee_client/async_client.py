"""The client that does not wait: asyncio, connections kept open and shared out."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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

KEPT = 64
"""Connections that are kept open."""


class _Open(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class AsyncClient:
    """Asks a live service from an event loop; arguments and answers are those of `Client`."""

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
        self._tls = ssl.create_default_context() if self._server.tls else None
        self._idle = list[_Open]()

    async def decide(self, request: Request) -> Page:
        """See `Client.decide`."""
        try:
            answer = await self._post("/v1/decide", page_body(request), self.timeout)
            return page_of(request, answer)
        except (Unanswered, Refused) as failed:
            return (await self._without([request], failed))[0]

    async def decide_many(self, requests: Sequence[Request]) -> list[Page]:
        """See `Client.decide_many`."""
        pages = list[Page]()
        for at in range(0, len(requests), BATCH):
            some = requests[at : at + BATCH]
            body = {"requests": [page_body(request) for request in some]}
            try:
                answers = await self._post("/v1/decide/batch", body, self.timeout)
                pages += [page_of(*pair) for pair in zip(some, answers, strict=True)]
            except (Unanswered, Refused) as failed:
                pages += await self._without(some, failed)
        return pages

    async def send(self, events: Sequence[Event], timeout: float = 5.0) -> int:
        """See `Client.send`."""
        taken = 0
        for part in parts_of(events):
            try:
                body = {"events": event_bodies(part)}
                taken += (await self._post("/v1/events", body, timeout))["accepted"]
            except Unanswered as failed:
                words = f"events were not taken ({failed.reason}); send the same ones again"
                raise ConnectionError(words) from None
        return taken

    async def close(self) -> None:
        """Let go of connections."""
        idle, self._idle = self._idle, []
        for one in idle:
            one.writer.close()

    async def _without(
        self, requests: Sequence[Request], failed: Unanswered | Refused
    ) -> list[Page]:
        """Pages without the service; a store that does not answer holds up no other page."""
        if self._fallback.maps is None:
            return [self._fallback.page(request, failed) for request in requests]
        return await asyncio.to_thread(
            lambda: [self._fallback.page(request, failed) for request in requests]
        )

    async def _post(self, path: str, body: object, timeout: float) -> Any:
        """As `Client._post`."""
        sent, loop, reason = encoded(body), asyncio.get_running_loop(), "deadline"
        due = loop.time() + timeout
        for tried in range(1 + self.retries):
            left, asked, kept = due - loop.time(), None, bool(self._idle)
            if left <= 0:
                break
            try:
                async with asyncio.timeout(left):
                    status, held, asked = await self._once(path, sent, left)
                return answered(status, held)
            except Unanswered as failed:
                reason = failed.reason
            except TimeoutError:
                reason = "deadline"
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, IndexError):
                reason = "unreachable"
                if kept:
                    continue
            wait = pause(tried, asked)
            if loop.time() + wait >= due:
                break
            await asyncio.sleep(wait)
        raise Unanswered(reason)

    async def _once(self, path: str, sent: bytes, left: float) -> tuple[int, bytes, str | None]:
        server = self._server
        there = self._idle.pop() if self._idle else None
        if there is None or there.reader.at_eof() or there.writer.is_closing():
            there = _Open(*await asyncio.open_connection(server.host, server.port, ssl=self._tls))
        good = False
        try:
            lines = [
                f"POST {server.path}{path} HTTP/1.1",
                f"Host: {server.host}:{server.port}",
                *(f"{name}: {value}" for name, value in server.headers.items()),
                f"X-Deadline-Ms: {900 * left:.0f}",
                f"Content-Length: {len(sent)}",
            ]
            there.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + sent)
            await there.writer.drain()
            status, headers, held = await _answer(there.reader)
            good = headers.get("connection", "").lower() != "close"
            return status, held, headers.get("retry-after")
        finally:
            if good and len(self._idle) < KEPT:
                self._idle.append(there)
            else:
                there.writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """One answer of HTTP/1.1: its status, headers and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return status, headers, await reader.readexactly(int(headers.get("content-length", "0")))
    parts = list[bytes]()
    while size := int((await reader.readline()).partition(b";")[0], 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return status, headers, b"".join(parts)
