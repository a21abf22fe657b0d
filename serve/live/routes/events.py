"""`/v1/events`: what members did."""

import asyncio
import uuid

from fastapi import APIRouter, HTTPException

from data import clock
from data.privacy.pseudonym import Pseudonyms
from data.records import EVENT_KINDS, EVENTS, SCHEMA_VERSION
from serve.live import metrics
from serve.live.recorder import LogFullError
from serve.live.schema import Event, Events
from serve.live.service import LiveService


def event_routes(service: LiveService) -> APIRouter:
    """Take in events."""
    router = APIRouter()

    @router.post("/v1/events")
    async def events(batch: Events) -> dict[str, int]:
        """Impressions, plays, progress and thumbs; answered when they are on disk."""
        now = clock.now_us()
        rows = [_row(event, now, service.names) for event in batch.events]
        try:
            await asyncio.wrap_future(service.recorder.events(rows))
        except LogFullError:
            metrics.UNLOGGED.labels("event").inc(len(rows))
            raise HTTPException(503, "the log is full; send again", {"Retry-After": "1"}) from None
        for event in batch.events:
            metrics.EVENTS.labels(event.kind).inc()
        return {"accepted": len(rows)}

    return router


def _row(event: Event, now: int, names: Pseudonyms) -> dict[str, object]:
    """An event as it is logged.

    Raises:
        HTTPException: of no kind that there is.
    """
    if event.kind not in EVENT_KINDS:
        raise HTTPException(422, f"kind {event.kind!r} is not one of {EVENT_KINDS}")
    row: dict[str, object] = {**dict.fromkeys(EVENTS.names), **event.model_dump()}
    row |= {"schema_version": SCHEMA_VERSION, "received": now}
    row["profile_id"] = names.of(event.profile_id)
    row["event_id"] = event.event_id or uuid.uuid4().hex
    row["time"] = now if event.time is None else event.time
    return row
