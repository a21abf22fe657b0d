"""The live service over HTTP, as an ASGI application.

`POST /v1/decide` is answered by a plain function in front of FastAPI, which serves the rest and
documents everything: routing, validation and injection cost more than a decision's product.
"""

import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.types import Receive, Scope, Send

from serve.live import metrics
from serve.live.door.door import Door
from serve.live.door.tokens import Tokens
from serve.live.page_request import deadline_ms
from serve.live.routes.documentation import documentation, wrong_fields
from serve.live.routes.events import event_routes
from serve.live.routes.explain import explain_routes
from serve.live.routes.files import file_routes
from serve.live.routes.health import health_routes
from serve.live.routes.images import image_routes
from serve.live.routes.maps import map_routes
from serve.live.routes.pages import page_routes
from serve.live.routes.rules import rule_routes
from serve.live.schema import Refusal
from serve.live.service import LiveService

REFUSED: dict[int | str, str] = {
    400: "The request is no HTTP, or its body cannot be read.",
    401: "The service asks for a token.",
    403: "The token, or the page's origin, may not do this.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    413: "The request is too large.",
    415: "The body is not JSON.",
    422: "The request makes no sense: what, and where.",
    429: "The token has made too many requests.",
    503: "Send it again, a little later.",
}
"""Status → when any end point answers with it, and a `Refusal`."""
ROUTES = (
    page_routes,
    explain_routes,
    map_routes,
    image_routes,
    event_routes,
    rule_routes,
    health_routes,
    file_routes,
)


def live_app(
    service: LiveService, tokens: Tokens | None = None, origins: Iterable[str] = ()
) -> Door:
    """The application of a service, behind its door.

    Args:
        service: that answers.
        tokens: that are given out; with none everything is open.
        origins: of pages that may send to it from a browser, besides its own.
    """
    return Door(LiveApp(service), tokens or Tokens(()), origins)


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
            request = orjson.loads((await receive())["body"])
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

    # Its own documentation pages load scripts from another host.
    app = FastAPI(
        title="Marquee live",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={
            status: {"model": Refusal, "description": why} for status, why in REFUSED.items()
        },
    )
    app.add_exception_handler(RequestValidationError, _not_as_documented)
    for routes in ROUTES:
        app.include_router(routes(service))
    app.include_router(documentation(app))
    return app


async def _not_as_documented(_: Request, error: Exception) -> Response:
    """422, where and why; what was sent is not repeated: JSON cannot say all that JSON can hold."""
    words = json.dumps({"detail": wrong_fields(error)})
    return Response(words, 422, media_type="application/json")


def _milliseconds(scope: Scope) -> float | None:
    """What a request says of its own deadline."""
    for name, value in scope["headers"]:
        if name == b"x-deadline-ms":
            return deadline_ms(value.decode("latin-1"))
    return None


def _complaint(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
