"""`/v1/explain`: why a page shows this artwork."""

import asyncio

from fastapi import APIRouter, HTTPException

from data import clock
from serve.live.cells.shown import parse_shown
from serve.live.explain.explained import ShownDraw, decided_page, finished
from serve.live.explain.explanation import Explanation
from serve.live.micro_batcher import MicroBatcher
from serve.live.page_request import PageRequest, parse_page
from serve.live.schema import DecideRequest
from serve.live.service import LiveService
from serve.live.snapshot import LiveModel


def explain_routes(service: LiveService) -> APIRouter:
    """Explain what pages show."""
    router = APIRouter()

    @router.post("/v1/explain")
    async def explain(asked: DecideRequest) -> Explanation:
        """Why a page of one title shows its artwork: as it is decided now, and not logged."""
        request = asked.model_dump()
        assigned = service.assigned(request)
        model = assigned.source.model
        if model is None:
            raise HTTPException(503, "no bundle is in use", {"Retry-After": "1"})
        try:
            page = parse_page(request, model.policy.bundle, model.declared, model.layout.is_text)
            if len(page.title_ids) != 1:
                raise ValueError(f"{len(page.title_ids)} titles; ask about one at a time")
            if not page.profiling:
                raise ValueError("the member opted out: they are shown what everybody is shown")
            if page.mode == "unpersonalised":
                raise ValueError("such a page shows what everybody is shown; leave mode out")
            page, shown = service.placed(page, assigned), parse_shown(request)
            if shown and assigned.cell is None:
                raise ValueError("the page shows what its caller says; leave shown out")
            if assigned.policy is not None:
                raise ValueError(
                    f"the member is in {assigned.cell}, which shows what it shows to all; nothing "
                    "is drawn for them"
                )
            # Decided where pages are: rules keep what they have worked out, one page at a time.
            mapped = await _mapped(assigned.batcher, model, page)
            decided = decided_page(model, page, clock.now_us(), mapped)
            made = await asyncio.to_thread(finished, model, page, decided)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return made

    return router


async def _mapped(batcher: MicroBatcher, model: LiveModel, page: PageRequest) -> ShownDraw | None:
    """The draw of the member's map that a page goes on with."""
    drawn = await batcher.fallbacks.mapped(page, model)
    if not drawn:
        return None
    choice = drawn[page.title_ids[0]].choice
    return ShownDraw(choice.artwork_id, choice.decision_id or "", choice.propensity, choice.level)
