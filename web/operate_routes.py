"""What operators do over HTTP: make a bundle live, stop a ramp; each asks once more before it."""

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from data.errors import BadInput
from web.pages_of import PagesOf
from web.render import page
from web.session import needs
from web.watch.bundles import BundleRecord
from web.watch.operations import Asking
from web.watch_routes import bundles_of, seen_experiments

Text = Annotated[str, Form(max_length=500)]


def operate_routes(pages: PagesOf) -> APIRouter:
    """Deeds on bundles and ramps."""
    router = APIRouter(include_in_schema=False)

    @router.get("/bundles/live")
    def ask_live(bundle: str = "") -> Response:
        needs("publish")
        return _ask_live(pages, bundle)

    @router.post("/bundles/live")
    def make_live(bundle: Text, seen: Text, why: Text, who: Text = "") -> Response:
        by = needs("publish").name
        try:
            pages.operations.make_live(bundle, seen, Asking(who or by, why, by))
        except BadInput as error:
            return _ask_live(pages, bundle, str(error), why)
        pages.followed.look()
        return RedirectResponse("/monitor#bundles", 303)

    @router.get("/experiments/stop")
    def ask_stop(name: str = "") -> Response:
        needs("publish")
        return _ask_stop(pages, name)

    @router.post("/experiments/stop")
    def stop(name: Text, why: Text, who: Text = "") -> Response:
        by = needs("publish").name
        seen_experiments(pages)  # refuses where none are followed
        assert pages.experiments is not None
        try:
            pages.operations.stop_ramp(pages.experiments, name, Asking(who or by, why, by))
        except BadInput as error:
            return _ask_stop(pages, name, str(error), why)
        return RedirectResponse(f"/experiments#{name}", 303)

    return router


def _ask_live(pages: PagesOf, bundle: str, refused: str = "", why: str = "") -> Response:
    every = {one.bundle: one for one in bundles_of(pages)}
    if bundle not in every:
        raise BadInput(f"there is no bundle {bundle!r:.80}; the monitor lists those of the store")
    wanted: BundleRecord = every[bundle]
    return page(
        "ask_live.html",
        422 if refused else 200,
        shape="",
        wanted=wanted,
        live=next((one for one in every.values() if one.live), None),
        refused=refused,
        why=why,
    )


def _ask_stop(pages: PagesOf, name: str, refused: str = "", why: str = "") -> Response:
    every = {one.name: one for one in seen_experiments(pages).records}
    if name not in every:
        raise BadInput(f"there is no experiment {name!r:.80}; the page of experiments lists them")
    return page(
        "ask_stop.html",
        422 if refused else 200,
        shape="",
        one=every[name],
        refused=refused,
        why=why,
    )
