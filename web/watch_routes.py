"""The monitor and the bundles over HTTP: pages, and the same as JSON."""

from fastapi import APIRouter, Response

from data.errors import BadInput
from evaluate.monitor.page import monitor_content
from web.pages_of import PagesOf
from web.render import page
from web.watch.bundles import BundleRecord, bundle_records
from web.watch.experiments import ExperimentsSeen
from web.watch.live_service import LiveSeen, live_seen
from web.watch.watcher import NO_LOG, Watched

UNWATCHED = Watched(None, False, NO_LOG, "ok", [], {}, [], [])
SOON = 5
"""Seconds after which a page looks again while a log is being read."""


def watch_routes(pages: PagesOf) -> APIRouter:
    """What the log says of the live policy."""
    router = APIRouter()

    @router.get("/api/monitor")
    def monitored() -> Watched:
        """What the monitor found when it last read the log; `reading` while it reads it again."""
        if pages.log is None:
            raise BadInput(NO_LOG)
        return pages.watcher.now()

    @router.get("/api/bundles")
    def bundles() -> list[BundleRecord]:
        """Bundles of the store: what each promised, and what its draws earned."""
        return bundles_of(pages)

    @router.get("/api/live")
    def live() -> LiveSeen:
        """How long the live service's decisions took since it started, and why pages fell back."""
        return live_of(pages)

    @router.get("/api/experiments")
    def experiments() -> ExperimentsSeen:
        """Experiments, their cells, what came of each and what to do, as the log was read last."""
        return seen_experiments(pages)

    @router.get("/experiments", include_in_schema=False)
    def experiments_page() -> Response:
        seen = seen_experiments(pages)
        found = pages.watcher.now()
        first = found.experiments is None and found.trouble is None
        return page(
            "experiments.html",
            shape="",
            found=found,
            seen=seen,
            wait=SOON if found.reading or first else None,
        )

    @router.get("/monitor", include_in_schema=False)
    def monitor() -> Response:
        found = UNWATCHED if pages.log is None else pages.watcher.now()
        wait = found.reading or (found.as_of is None and found.trouble is None)
        content = monitor_content(found.checks, found.curves, found.days)
        return page(
            "monitor_page.html",
            bundle=pages.view().model.policy.bundle,
            shape=pages.view().shape,
            found=found,
            bundles=bundles_of(pages),
            live=None if pages.live is None else live_of(pages),
            wait=SOON if wait else None,
            **content,
        )

    return router


def live_of(pages: PagesOf) -> LiveSeen:
    """What the live service says of itself.

    Raises:
        BadInput: its address is not known.
    """
    if pages.live is None:
        raise BadInput("no live service is known; start the pages with --live ADDRESS")
    return live_seen(pages.live)


def seen_experiments(pages: PagesOf) -> ExperimentsSeen:
    """What is known of experiments now; nothing while the log is read for the first time.

    Raises:
        BadInput: none are followed.
    """
    if pages.experiments is None:
        raise BadInput(
            "no experiments are followed; start the pages with --experiments experiments.yaml"
        )
    return pages.watcher.now().experiments or ExperimentsSeen(str(pages.experiments))


def bundles_of(pages: PagesOf) -> list[BundleRecord]:
    """Bundles of the store, with what draws under each earned."""
    log = pages.watcher.log
    earned = pages.watcher.now().bundles if log is not None else []
    return bundle_records(pages.followed.bundles, earned)
