"""Insights over HTTP: a page, and the same as JSON."""

from fastapi import APIRouter, Response

from web.pages_of import PagesOf
from web.render import page
from web.watch.insights_seen import NO_EXAMPLES, InsightsSeen

SOON = 5
"""Seconds after which the page looks again while the log is being read."""
SURE, MOST = 0.1, 40
"""Share of chance up to which an audience's finding is shown; findings of a page."""


def insight_routes(pages: PagesOf) -> APIRouter:
    """What a log says of artwork over the whole catalogue."""
    router = APIRouter()

    @router.get("/api/insights")
    def insights() -> InsightsSeen:
        """Which attributes of artwork work for whom, and who is on artwork that is shown to whom.

        `reading` while the log is read, the first time as well.
        """
        return pages.insights.now(pages.view())

    @router.get("/insights", include_in_schema=False)
    def insights_page() -> Response:
        view = pages.view()
        nothing = InsightsSeen(False, NO_EXAMPLES, None)
        seen = nothing if pages.examples is None else pages.insights.now(view)
        found = seen.insights
        apart = [] if found is None else found.effects.audiences
        sure = [one for one in apart if one.chance <= SURE]
        return page(
            "insights.html",
            shape=view.shape,
            bundle=view.model.policy.bundle,
            seen=seen,
            found=found,
            sure=sure[:MOST],
            told=len(sure),
            asked=len(apart),
            share=SURE,
            wait=SOON if seen.reading else None,
        )

    return router
