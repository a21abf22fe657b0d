"""The live service over HTTP: decide, maps, images, events, health and metrics.

`POST /v1/decide` is answered by a plain ASGI function in front of FastAPI, which serves the rest
and documents everything: routing, validation and injection cost more than a decision's product.
"""

import asyncio
import gc
import hmac
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import orjson
from fastapi import Depends, FastAPI, File, Header, HTTPException, Response, UploadFile

from data import clock
from data.days import DAY_US
from data.records import EVENT_KINDS, EVENTS, SCHEMA_VERSION
from serve.live import metrics
from serve.live.micro_batcher import Pages
from serve.live.recorder import LogFullError, Recorder
from serve.live.reload import ModelSource
from serve.live.schema import TITLES_LIMIT, DecideAnswer, DecideBatch, DecideRequest, Events
from serve.live.snapshot import Ask, request_nonce
from serve.maps.artwork_map import CorruptMapError
from serve.maps.map_reader import MapReader
from serve.maps.store import MapStore, StoreUnavailableError

BODY_LIMIT = 1 << 20
IMAGE_LIMIT = 8 << 20
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Live:
    """The service's parts, put together for one process.

    Args:
        source: where the model comes from.
        recorder: where decisions and events are logged.
        store: precomputed maps; None has none.
        token: bearer token that writing end points ask for; empty asks for none.
        deadline: seconds a page may take when it does not say.
        queue: pages that may be open at once; more are shed.
        watch: seconds between looks at `current`.
    """

    def __init__(
        self,
        source: ModelSource,
        recorder: Recorder,
        store: MapStore | None = None,
        token: str = "",
        deadline: float = 0.05,
        queue: int = 10,
        watch: float = 1.0,
    ) -> None:
        self.source, self.recorder, self.store = source, recorder, store
        self.token, self.deadline, self.watch = token, deadline, watch
        self.pages = Pages(source, recorder, store, queue)
        self.draining = False
        self.app = _routes(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI call."""
        if scope["type"] == "http" and scope["path"] == "/v1/decide" and scope["method"] == "POST":
            await self._decide(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _decide(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = time.perf_counter()
        status = 200
        try:
            given, deadline = orjson.loads(await _body(receive)), self._deadline(scope)
            body = await self.answer(given, asyncio.get_running_loop().time() + deadline)
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

    def _deadline(self, scope: Scope) -> float:
        for name, value in scope["headers"]:
            if name == b"x-deadline-ms":
                return min(float(value), 60_000) / 1000
        return self.deadline

    async def answer(self, given: dict[str, Any], due: float, admitted: bool = False) -> bytes:
        """A page's answer as JSON.

        Args:
            given: the request.
            due: when it must be there, of the event loop's clock.
            admitted: it came with others that were let in, so it is not shed.

        Raises:
            ValueError: the request does not make sense.
        """
        if self.pages.full and not admitted:
            return self.pages.shed(_titles(given)).to_json()
        ask, facts = _ask(given, self.source)
        return (await self.pages.decide(ask, facts, due, given.get("cell"))).to_json()

    async def start(self) -> None:
        """Load the model and go on watching `current`."""
        await asyncio.to_thread(self.source.look)
        self._count_reload({"loaded": 0, "refused": 0, "no_current": 0})
        # What is there now stays: a full collection that walks all of it would hold up pages.
        gc.collect()
        gc.freeze()
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.watch)
            before = dict(self.source.events)
            await asyncio.to_thread(self.source.look)
            self._count_reload(before)
            metrics.LOG_QUEUE.set(self.recorder.waiting())

    def _count_reload(self, before: dict[str, int]) -> None:
        for outcome, count in self.source.events.items():
            if count > before[outcome]:
                metrics.RELOADS.labels(outcome).inc(count - before[outcome])
        if self.source.model is not None:
            metrics.BUNDLE.labels(self.source.model.policy.bundle).set(1)

    async def stop(self) -> None:
        """Stop watching and put everything that was decided on disk."""
        self.draining = True
        self._watcher.cancel()
        gc.unfreeze()
        await asyncio.to_thread(self.recorder.close)
        if self.store is not None:
            self.store.close()


def _ask(given: dict[str, Any], source: ModelSource) -> tuple[Ask, dict[str, Any]]:
    profile_id, title_ids = given["profile_id"], _titles(given)
    if not isinstance(profile_id, str) or not 0 < len(profile_id) <= 500:
        raise ValueError("profile_id must be a string of 1 to 500 characters")
    facts, day = given.get("facts") or {}, given.get("day")
    if not isinstance(facts, dict):
        raise ValueError("facts must be an object")
    if day is not None and type(day) is not int:
        raise ValueError("day must be a whole number: days since 1970-01-01")
    bundle = source.model.policy.bundle if source.model is not None else ""
    nonce = request_nonce(bundle, str(given.get("request_id") or uuid.uuid4().hex))
    today = clock.now_us() // DAY_US if day is None else day
    fresh = given.get("fresh") or False
    if not isinstance(fresh, bool):
        raise ValueError("fresh must be true or false")
    return Ask(profile_id, title_ids, today, nonce, fresh, given.get("cell")), facts


def _titles(given: dict[str, Any]) -> list[int]:
    title_ids = given["title_ids"]
    if not isinstance(title_ids, list) or len(title_ids) > TITLES_LIMIT:
        raise ValueError(f"title_ids must be a list of at most {TITLES_LIMIT} numbers")
    if not all(type(title) is int for title in title_ids):
        raise ValueError("title_ids must be whole numbers")
    return list(dict.fromkeys(title_ids))


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


def _routes(live: Live) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await live.start()
        yield
        await live.stop()

    app = FastAPI(title="Marquee live", version="1", lifespan=lifespan)

    def may_write(authorization: Annotated[str, Header()] = "") -> None:
        expected = f"Bearer {live.token}"
        if live.token and not hmac.compare_digest(authorization.encode(), expected.encode()):
            raise HTTPException(401, "send the service's token as `Authorization: Bearer …`")

    @app.post("/v1/decide", response_model=DecideAnswer)
    async def decide(
        page: DecideRequest, x_deadline_ms: Annotated[float | None, Header()] = None
    ) -> Response:
        """Decide a page; always 200 with an image a title, `reason` says if by a fallback."""
        seconds = live.deadline if x_deadline_ms is None else x_deadline_ms / 1000
        due = asyncio.get_running_loop().time() + seconds
        return Response(await live.answer(page.model_dump(), due), media_type="application/json")

    @app.post("/v1/decide/batch", response_model=list[DecideAnswer])
    async def decide_batch(
        batch: DecideBatch, x_deadline_ms: Annotated[float | None, Header()] = None
    ) -> Response:
        """Decide several pages, in the order given."""
        seconds = live.deadline if x_deadline_ms is None else x_deadline_ms / 1000
        due = asyncio.get_running_loop().time() + seconds
        try:
            admitted = not live.pages.full
            answers = await asyncio.gather(
                *(live.answer(page.model_dump(), due, admitted) for page in batch.requests)
            )
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return Response(b"[" + b",".join(answers) + b"]", media_type="application/json")

    @app.get("/v1/maps/{profile_id}")
    async def artwork_map(profile_id: str) -> dict[str, Any]:
        """The artwork map of a profile: what precompute chose, and the decisions behind it."""
        model = live.source.model
        if live.store is None or model is None:
            raise HTTPException(404, "this service has no map store or no model")
        try:
            reader = MapReader(live.store, model.layout)
            today = clock.now_us() // DAY_US
            found = await asyncio.to_thread(reader.draws, profile_id, today)
        except (StoreUnavailableError, CorruptMapError) as error:
            metrics.FALLBACKS.labels("store", getattr(error, "reason", "map_corrupt")).inc()
            found = None
        if found is None:
            return {"profile_id": profile_id, "version": None, "titles": []}
        held, draws = found
        layout = model.layout
        return {
            "profile_id": profile_id,
            "version": held.version,
            "titles": [
                {
                    "title_id": layout.title_ids.item(slot),
                    "artwork_id": layout.artwork_ids[ordinal],
                    "url": model.base_url + layout.paths[ordinal],
                    "decision_id": name,
                    "propensity": propensity,
                }
                for slot, ordinal, name, propensity in zip(
                    draws.slots.tolist(),
                    draws.ordinals.tolist(),
                    draws.ids,
                    draws.propensities.tolist(),
                    strict=True,
                )
            ],
        }

    @app.post("/v1/score")
    async def score(image: Annotated[UploadFile, File()], title_id: int) -> dict[str, Any]:
        """Score an image that the catalogue does not have: its vector as a title's candidate."""
        raw = await image.read(IMAGE_LIMIT + 1)
        if len(raw) > IMAGE_LIMIT:
            raise HTTPException(413, f"the image is larger than {IMAGE_LIMIT} bytes")
        model = live.source.model
        if model is None or model.images is None:
            raise HTTPException(404, "the model in use scores no images")
        try:
            scored = await asyncio.to_thread(model.images.score, raw, title_id)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return scored._asdict()

    @app.post("/v1/events", dependencies=[Depends(may_write)])
    async def events(given: Events) -> dict[str, int]:
        """Impressions, plays, progress and thumbs; answered when they are on disk."""
        now = clock.now_us()
        rows = []
        for event in given.events:
            if event.kind not in EVENT_KINDS:
                raise HTTPException(422, f"kind {event.kind!r} is not one of {EVENT_KINDS}")
            row = dict.fromkeys(EVENTS.names) | event.model_dump()
            row |= {"schema_version": SCHEMA_VERSION, "received": now}
            row["event_id"] = event.event_id or uuid.uuid4().hex
            row["time"] = now if event.time is None else event.time
            rows.append(row)
        try:
            await asyncio.wrap_future(live.recorder.events(rows))
        except LogFullError:
            metrics.UNLOGGED.labels("event").inc(len(rows))
            raise HTTPException(503, "the log is full; send again", {"Retry-After": "1"}) from None
        for row in rows:
            metrics.EVENTS.labels(row["kind"]).inc()
        return {"accepted": len(rows)}

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def ready(response: Response) -> dict[str, Any]:
        """A model is loaded and the process is not shutting down."""
        model = live.source.model
        response.status_code = 200 if model is not None and not live.draining else 503
        return {
            "bundle": model.policy.bundle if model is not None else None,
            "refused": live.source.refused,
            "draining": live.draining,
        }

    @app.get("/metrics")
    async def prometheus() -> Response:
        """Prometheus' text format, all workers together."""
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")

    return app
