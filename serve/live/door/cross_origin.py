"""Pages of other origins in a browser: those that are allowed may ask, and read the answer.

Source: Fetch Standard, "CORS protocol"; https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from collections.abc import Collection

from starlette.types import Message, Scope, Send

KEPT_S = 600
"""Seconds for which a browser need not ask again whether it may."""
PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, X-Deadline-Ms"),
    (b"access-control-max-age", str(KEPT_S).encode()),
    (b"content-length", b"0"),
]


def allowed_origin(scope: Scope, origins: Collection[bytes]) -> bytes | None:
    """The origin of the page that sends a request, where it is one of these."""
    for name, value in scope["headers"]:
        if name == b"origin":
            return value if value in origins else None
    return None


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks if a page may send something; it sends no token with that."""
    asked = (name == b"access-control-request-method" for name, _ in scope["headers"])
    return scope["method"] == "OPTIONS" and any(asked)


async def answer_preflight(send: Send) -> None:
    """Say what pages of an allowed origin may send."""
    await send({"type": "http.response.start", "status": 204, "headers": [*PREFLIGHT]})
    await send({"type": "http.response.body", "body": b""})


def with_origin(send: Send, origin: bytes) -> Send:
    """A `send` whose answers pages of an origin may read."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            more = [
                (b"access-control-allow-origin", origin),
                (b"access-control-expose-headers", b"Retry-After"),
                (b"vary", b"Origin"),
            ]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    return told
