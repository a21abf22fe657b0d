"""The monitor and the bundles over HTTP: pages, and the same as JSON."""

from fastapi import APIRouter, Response

from evaluate.monitor.page import monitor_content
from web.pages_of import PagesOf
from web.render import page
from web.watch.bundles import BundleRecord, bundle_records
from web.watch.watcher import Watched

SOON = 5
"""Seconds after which a page looks again while a log is being read."""


def watch_routes(pages: PagesOf) -> APIRouter:
    """What the log says of the live policy."""
    router = APIRouter()

    @router.get("/api/monitor")
    def monitored() -> Watched:
        """What the monitor found when it last read the log; `reading` while it reads it again."""
        return pages.watcher.now()

    @router.get("/api/bundles")
    def bundles() -> list[BundleRecord]:
        """Bundles of the store: what each promised, and what its draws earned."""
        return _bundles(pages)

    @router.get("/monitor", include_in_schema=False)
    def monitor() -> Response:
        found = pages.watcher.now()
        wait = found.reading or (found.as_of is None and found.trouble is None)
        content = monitor_content(found.checks, found.curves, found.days)
        return page(
            "monitor_page.html",
            bundle=pages.view().model.policy.bundle,
            shape=pages.view().shape,
            found=found,
            bundles=_bundles(pages),
            wait=SOON if wait else None,
            **content,
        )

    return router


def _bundles(pages: PagesOf) -> list[BundleRecord]:
    log = pages.watcher.log
    earned = pages.watcher.now().bundles if log is not None else []
    return bundle_records(pages.followed.bundles, earned)
