"""`/v1/events`: what members did."""

import uuid

from fastapi import APIRouter, HTTPException

from data import clock
from data.check.known import Known
from data.check.rows import check_events
from data.log.records import decode, encode
from data.privacy.pseudonym import Pseudonyms
from data.records import EVENTS, SCHEMA_VERSION
from data.schema import Schema
from data.sound import id_problem
from serve.live import metrics
from serve.live.page_request import refuse_kind
from serve.live.recorder import LogFullError, Recorder, on_disk
from serve.live.request_facts import folded_of_page
from serve.live.schema import Event, Events
from serve.live.service import LiveService


def event_routes(service: LiveService) -> APIRouter:
    """Take in events."""
    router = APIRouter()

    @router.post("/v1/events")
    async def events(batch: Events) -> dict[str, int]:
        """Impressions, plays, progress, thumbs and declared kinds; answered when on disk."""
        now, model = clock.now_us(), service.source.model
        try:
            for event in batch.events:
                refuse_kind(event.title_id, None if model is None else model.layout.is_text)
            declared = service.declared() or Schema()
            rows = [_row(event, now, service.names, declared) for event in batch.events]
            rows = readable(rows, declared)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        if not await _logged(service.recorder, rows):
            metrics.UNLOGGED.labels("event").inc(len(rows))
            raise HTTPException(503, "the log is full; send again", {"Retry-After": "1"})
        for event in batch.events:
            metrics.EVENTS.labels(event.kind).inc()
        return {"accepted": len(rows)}

    return router


async def _logged(recorder: Recorder, rows: list[dict[str, object]]) -> bool:
    """Whether events are logged; not where a buffer, a disk or a server takes no more."""
    try:
        return await on_disk(recorder.events(rows))
    except LogFullError:
        return False


def _row(event: Event, now: int, names: Pseudonyms, declared: Schema) -> dict[str, object]:
    """An event as it is logged.

    Raises:
        ValueError: its profile id is none, or it tells facts that are not its to tell.
    """
    if wrong := id_problem(event.profile_id):
        raise ValueError(f"profile_id: {wrong}")
    said = event.model_dump(exclude={"facts"})
    row: dict[str, object] = {**dict.fromkeys(EVENTS.names), **said}
    del row["own"]
    if event.facts:
        if event.kind != "impression":
            raise ValueError(f"facts are an impression's to tell; leave them out of {event.kind}")
        row["own"], odd = folded_of_page(event.facts, declared)
        for name in odd:
            metrics.UNSOUND.labels(name).inc()
    row |= {"schema_version": SCHEMA_VERSION, "received": now}
    row["profile_id"] = names.of(event.profile_id)
    row["event_id"] = event.event_id or uuid.uuid4().hex
    row["time"] = now if event.time is None else event.time
    return row


def readable(
    rows: list[dict[str, object]], declared: Schema | None = None
) -> list[dict[str, object]]:
    """Events that whoever reads the log will take, by what they read it with.

    Args:
        rows: of events.
        declared: of the catalogue: kinds of events beside those that Marquee comes with.

    Raises:
        ValueError: one is not; says which, counting from 0.
    """
    table = decode("events", [encode("events", row) for row in rows])
    for problem in check_events(table, "events", Known(schema=declared or Schema())):
        raise ValueError(str(problem))
    return rows
