"""One wrapper around the whole application: what does not pass it costs next to nothing.

In order: the origin of a browser's page, the token, its rate (all from the headers alone), the kind
and stated length of the body, then the body itself, counted and timed. The application gets bodies
whole. A request whose connection closes before its body is whole never reaches it.
"""

import asyncio
import time
from collections.abc import Iterable

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.live import metrics
from serve.live.door.cross_origin import (
    allowed_origin,
    answer_preflight,
    is_preflight,
    with_origin,
)
from serve.live.door.rates import RateLimits
from serve.live.door.routes import SAFE, RouteLimits, limits_of
from serve.live.door.tokens import Tokens

BODY_SECONDS = 5.0
"""A body must be there by then."""
READING_BYTES = 64 << 20
"""Of bodies that are being read at once, in a process; more are turned away."""
READING_BODIES = 512
"""That are being read at once."""
AT_ONCE = "marquee.body"
"""Of a scope: the whole body, where it came with the head; whoever serves may leave it out."""
HOLDER = "marquee.holder"
"""Of a scope: the name of the token that a request came with."""


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, words: str, wait: float | None = None) -> None:
        super().__init__(words)
        self.status, self.words, self.wait = status, words, wait


class _Gone(Exception):
    """Who asked has closed the connection."""


class Door:
    """Lets requests through to an application.

    Args:
        app: behind it.
        tokens: that are given out; with none everything is open.
        origins: of pages that may send to it from a browser, besides its own.
        body_seconds: that a body may take to arrive.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        origins: Iterable[str] = (),
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self.app, self.tokens = app, tokens
        self.origins = {origin.encode() for origin in origins}
        self.body_seconds = body_seconds
        self._rates = RateLimits(time.monotonic())
        self._reading = self._bodies = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        there = scope.pop(AT_ONCE, None)
        if self.origins:
            origin = allowed_origin(scope, self.origins)
            if origin is not None:
                send = with_origin(send, origin)
                if is_preflight(scope):
                    await answer_preflight(send)
                    return
        try:
            body = await self._admitted(scope, receive, there)
        except Refused as refused:
            metrics.TURNED_AWAY.labels(refused.status).inc()
            await _refuse(send, refused)
            return
        except _Gone:
            metrics.TURNED_AWAY.labels("gone").inc()
            return
        await self.app(scope, _replayed(body, receive, there is not None), send)

    async def _admitted(self, scope: Scope, receive: Receive, there: bytearray | None) -> bytes:
        """The body of a request that passes."""
        headers = dict(scope["headers"])
        limits = limits_of(scope["path"], scope["method"])
        if scope["method"] not in SAFE:
            self._same_origin(headers)
        if limits.scope is not None and self.tokens:
            scope[HOLDER] = self._held(headers, limits)
        length = _length(headers)
        if limits.typed and scope["method"] not in SAFE:
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != b"application/json":
                raise Refused(415, "send JSON, with `Content-Type: application/json`")
        if length > limits.body:
            raise Refused(413, f"the request is larger than {limits.body} bytes")
        if there is None:
            return await self._body(receive, limits.body, length)
        if len(there) > limits.body:
            raise Refused(413, f"the request is larger than {limits.body} bytes")
        return bytes(there)

    def _same_origin(self, headers: dict[bytes, bytes]) -> None:
        """Refuse what another site's page sends from somebody's browser."""
        origin = headers.get(b"origin")
        if origin is None or origin in self.origins:
            return
        if origin.partition(b"://")[2] != headers.get(b"host"):
            words = "pages of this origin may not send here; allow it by --origins"
            raise Refused(403, words)

    def _held(self, headers: dict[bytes, bytes], limits: RouteLimits) -> str:
        """The name of the token that a request bears."""
        holder = self.tokens.holder(headers.get(b"authorization", b""))
        if holder is None:
            raise Refused(401, "send the service's token as `Authorization: Bearer …`")
        if limits.scope not in holder.scopes:
            raise Refused(403, f"the token {holder.name!r} has no scope to {limits.scope}")
        wait = self._rates.wait(holder, time.monotonic())
        if wait > 0:
            words = f"the token {holder.name!r} may make {holder.rate:g} requests a second"
            raise Refused(429, words, wait)
        return holder.name

    async def _body(self, receive: Receive, limit: int, length: int) -> bytes:
        if self._bodies >= READING_BODIES or self._reading + length > READING_BYTES:
            raise Refused(503, "too many requests are being read; send again", 1.0)
        self._bodies += 1
        size = 0
        try:
            parts: list[bytes] = []
            async with asyncio.timeout(self.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _Gone
                    part = message.get("body", b"")
                    size += len(part)
                    self._reading += len(part)
                    if size > limit:
                        raise Refused(413, f"the request is larger than {limit} bytes")
                    if self._reading > READING_BYTES:
                        raise Refused(503, "too many requests are being read; send again", 1.0)
                    parts.append(part)
                    if not message.get("more_body"):
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError:
            seconds = f"{self.body_seconds:g} s"
            raise Refused(408, f"the request's body was not there within {seconds}") from None
        finally:
            self._bodies -= 1
            self._reading -= size


def _length(headers: dict[bytes, bytes]) -> int:
    """What a request says of its body's size; 0 where it does not."""
    try:
        return max(0, int(headers.get(b"content-length", b"0")))
    except ValueError:
        raise Refused(400, "Content-Length is not a number") from None


def _replayed(body: bytes, receive: Receive, unread: bool) -> Receive:
    """A `receive` that gives the whole body first, then what comes after it.

    Args:
        body: of the request.
        receive: of whoever serves.
        unread: it would give the body once more.
    """
    whole: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def replay() -> Message:
        nonlocal whole, unread
        if whole is not None:
            message, whole = whole, None
            return message
        if unread:
            unread = False
            await receive()
        return await receive()

    return replay


async def _refuse(send: Send, refused: Refused) -> None:
    body = orjson.dumps({"detail": refused.words})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # What was not read of the body is not read: the connection is of no more use.
        (b"connection", b"close"),
    ]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.wait is not None:
        headers.append((b"retry-after", str(max(1, round(refused.wait))).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
