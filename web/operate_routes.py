"""What changes what members see, over HTTP: a new candidate, another live bundle, a ramp's end.

Each is asked for on a page of its own, and written down before it is done.
"""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from data.errors import BadInput
from data.rules.desk import RulesDesk
from web.lab.candidate import LONGEST_DAYS, CandidateTrial, add_candidate
from web.pages_of import PagesOf
from web.render import page
from web.session import needs
from web.watch.bundles import BundleRecord
from web.watch.operations import Asking
from web.watch_routes import bundles_of, seen_experiments

Text = Annotated[str, Form(max_length=500)]
FLOOR, CAP, DAYS = 0.05, 0.2, 14
"""Of a trial, where nothing else is asked for."""


class TrialForm(BaseModel):
    """What the form of a new candidate says."""

    title: str = Field(max_length=500)
    image: str = Field(max_length=32)
    """Its digest."""
    artwork: str = Field(max_length=500)
    """The id that it gets."""
    floor: float = FLOOR
    cap: float = CAP
    days: int = DAYS
    why: str = Field(max_length=500)
    who: str = Field(default="", max_length=500)


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

    @router.get("/lab/add")
    def ask_add(title: str = "", image: str = "") -> Response:
        needs("rules")
        view = pages.view()
        found, picture = view.title(title), pages.uploads.of(image)
        name = f"{found.title_id}-{picture.digest[:8]}"
        return _ask_add(pages, TrialForm(title=title, image=image, artwork=name, why=""))

    @router.post("/lab/add")
    def add(asked: Annotated[TrialForm, Form()]) -> Response:
        by = needs("rules").name
        try:
            added(pages, asked, Asking(asked.who or by, asked.why, by))
        except BadInput as error:
            return _ask_add(pages, asked, str(error))
        return RedirectResponse(f"/title?{urlencode({'title': asked.title})}", 303)

    return router


def added(pages: PagesOf, asked: TrialForm, asking: Asking) -> None:
    """Make an image of the lab a candidate, and show it.

    Raises:
        BadInput: as `web.lab.candidate.add_candidate`; or no rules are followed.
    """
    title = pages.view().title(asked.title).title_id
    picture = pages.uploads.of(asked.image)
    trial = CandidateTrial(asked.artwork.strip(), asked.floor, asked.cap, asked.days)
    catalogue = pages.followed.catalogue
    # Held against the catalogue with the new row, which nothing that is published knows yet.
    desk = RulesDesk.of_catalogue(pages.desk().file, catalogue)
    between = str(title), trial.artwork_id
    pages.operations.done(
        "artwork added",
        asking,
        between,
        lambda: add_candidate(catalogue, desk, title, picture, trial, asking),
    )
    pages.followed.look()


def _ask_add(pages: PagesOf, asked: TrialForm, refused: str = "") -> Response:
    view = pages.view()
    return page(
        "ask_add.html",
        422 if refused else 200,
        shape=view.shape,
        title=view.title(asked.title),
        asked=asked,
        refused=refused,
        most=LONGEST_DAYS,
    )


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
