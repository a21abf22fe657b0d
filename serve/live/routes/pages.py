"""`/v1/decide`: decisions for a page or several."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response

from serve.live.page_request import deadline_ms
from serve.live.schema import DecideAnswer, DecideBatch, DecideRequest
from serve.live.service import LiveService

Deadline = Annotated[str | None, Header()]
JSON = "application/json"


def page_routes(service: LiveService) -> APIRouter:
    """Decide pages."""
    router = APIRouter()

    @router.post("/v1/decide", response_model=DecideAnswer)
    async def decide(page: DecideRequest, x_deadline_ms: Deadline = None) -> Response:
        """Decide a page; always 200 with an image a title, `reason` says if by a fallback."""
        try:
            due = service.due(deadline_ms(x_deadline_ms))
            answer = await service.answer(page.model_dump(), due)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return Response(answer, media_type=JSON)

    @router.post("/v1/decide/batch", response_model=list[DecideAnswer])
    async def decide_batch(batch: DecideBatch, x_deadline_ms: Deadline = None) -> Response:
        """Decide several pages, in the order given."""
        pages, answers = batch.requests, list[bytes]()
        # So that others' pages find places, and their turn between.
        together = max(1, min(service.batcher.batch, service.batcher.queue // 2))
        try:
            due = service.due(deadline_ms(x_deadline_ms))
            for start in range(0, len(pages), together):
                admitted = service.batcher.admits(due)
                some = pages[start : start + together]
                answers += await asyncio.gather(
                    *(service.answer(page.model_dump(), due, admitted) for page in some)
                )
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return Response(b"[" + b",".join(answers) + b"]", media_type=JSON)

    return router
