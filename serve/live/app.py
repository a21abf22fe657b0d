"""The live service over HTTP, as an ASGI application.

`POST /v1/decide` is answered by a plain function in front of FastAPI, which serves the rest and
documents everything: routing, validation and injection cost more than a decision's product.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from serve.live import metrics
from serve.live.routes.events import event_routes
from serve.live.routes.health import health_routes
from serve.live.routes.images import image_routes
from serve.live.routes.maps import map_routes
from serve.live.routes.pages import page_routes
from serve.live.service import LiveService

BODY_LIMIT = 1 << 20
LONGEST_MS = 60_000
"""A page's deadline is cut to it."""
ROUTES = (page_routes, map_routes, image_routes, event_routes, health_routes)


class LiveApp:
    """Answers ASGI calls to a service."""

    def __init__(self, service: LiveService) -> None:
        self.service = service
        self.routed = routed_app(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] == "http" and scope["path"] == "/v1/decide" and scope["method"] == "POST":
            await self._decide(scope, receive, send)
        else:
            await self.routed(scope, receive, send)

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        status = 200
        try:
            request = orjson.loads(await _body(receive))
            due = self.service.due(_milliseconds(scope))
            body = await self.service.answer(request, due)
        except (ValueError, TypeError, KeyError) as error:
            status, body = 422, orjson.dumps({"detail": _complaint(error)})
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"content-length", str(len(body)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})
        metrics.DECIDE_LATENCY.observe(time.perf_counter() - start)
        counted = metrics.DECIDED if status == 200 else metrics.REQUESTS.labels("decide", status)
        counted.inc()


def routed_app(service: LiveService) -> FastAPI:
    """All end points, documented; its start and end are the service's."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(title="Marquee live", version="1", lifespan=lifespan)
    for routes in ROUTES:
        app.include_router(routes(service))
    return app


def _milliseconds(scope: Scope) -> float | None:
    """What a request says of its own deadline."""
    for name, value in scope["headers"]:
        if name == b"x-deadline-ms":
            return min(float(value), LONGEST_MS)
    return None


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > BODY_LIMIT:
            raise ValueError(f"the request is larger than {BODY_LIMIT} bytes")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _complaint(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
