"""The pages over HTTP, and all that they show as JSON.

Nothing here runs in the browser: no script, no style that is not ours, no other host. A form is
an address, so what somebody looks at can be sent to somebody else.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import urlencode

import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, RedirectResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from data.errors import BadInput
from evaluate.look.render import STYLE
from serve.live.routes.documentation import documentation, wrong_fields
from serve.live.routes.files import IMAGE
from web.csv_routes import csv_routes
from web.insight_routes import insight_routes
from web.lab_routes import lab_routes
from web.operate_routes import operate_routes
from web.pages_of import PagesOf
from web.render import HERE, page
from web.rules_routes import rules_routes
from web.saliency_routes import saliency_routes
from web.same_site import refuse_other_sites
from web.session import NotAllowed
from web.view.catalogue_view import CatalogueView, NamedTitle
from web.view.composed import asked_member, asked_members, facts_of_form, form
from web.view.home_preview import HomePreview, home_preview
from web.view.title_record import TitleRecord, title_record
from web.view.why import Why, why
from web.watch_routes import watch_routes

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]
"""Names that a browser may have it by: another site's name that leads here reads nothing."""
TITLES_LISTED = 60
ROUTES = (
    lab_routes,
    saliency_routes,
    insight_routes,
    watch_routes,
    operate_routes,
    rules_routes,
    csv_routes,
)
Asked = Annotated[str | None, Query(max_length=500)]
Facts = Annotated[str | None, Query(max_length=8000)]


def web_app(pages: PagesOf) -> FastAPI:
    """The application of some pages."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(pages.followed.look)
        tasks = [asyncio.create_task(work) for work in (_watch(pages), _warm(pages))]
        yield
        for task in tasks:
            task.cancel()
        pages.worker.close()

    app = FastAPI(title="Marquee pages", version="1", lifespan=lifespan, docs_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.middleware("http")(pages.sessions.admit)
    app.middleware("http")(refuse_other_sites)
    app.middleware("http")(_with_headers)
    app.add_exception_handler(BadInput, _refused)
    app.add_exception_handler(OSError, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(404, _no_page)
    _add_data(app, pages)
    _add_pages(app, pages)
    _add_files(app, pages)
    for routes in ROUTES:
        app.include_router(routes(pages))
    app.include_router(pages.sessions.routes())
    app.include_router(documentation(app))
    return app


async def _watch(pages: PagesOf) -> None:
    while True:
        await asyncio.sleep(1.0)
        try:
            await asyncio.to_thread(pages.followed.look)
        except Exception as error:  # of a catalogue that is being written: the next look comes
            print(f"looked in vain: {error!r}", file=sys.stderr, flush=True)


async def _warm(pages: PagesOf) -> None:
    """See the whole catalogue before somebody waits for it."""
    try:
        await asyncio.to_thread(lambda: pages.lab.warm(pages.view()))
    except BadInput:
        return  # the lab says so to who asks


async def _with_headers(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await answer(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """What cannot be shown, and what to do: a page for people, JSON for programs."""
    status = 403 if isinstance(error, NotAllowed) else 422 if request.method == "POST" else 404
    words = str(error)
    if isinstance(error, RequestValidationError):
        status, words = 422, wrong_fields(error)
    if isinstance(error, OSError):  # not its path, which is nobody's business
        status, words = 503, f"the disk refused ({error.strerror}); mend it, and send this again"
    if request.url.path.startswith("/api/"):
        body = orjson.dumps({"detail": words})
        return Response(body, status, media_type="application/json")
    return page("refused.html", status, words=words)


async def _no_page(request: Request, _: Exception) -> Response:
    """An address that leads nowhere: a page for people, JSON for programs."""
    words = f"there is no page {request.url.path:.200}"
    if "text/html" in request.headers.get("accept", ""):
        return page("refused.html", 404, words=words)
    return Response(orjson.dumps({"detail": words}), 404, media_type="application/json")


def _add_data(app: FastAPI, pages: PagesOf) -> None:
    """What pages show, as JSON."""

    @app.get("/api/home")
    def home(member: Asked = None, other: Asked = None, facts: Facts = None) -> HomePreview:
        """Home pages of a member or two; of the first two known if none is named.

        The second may be somebody composed: `facts` as JSON, as `/v1/decide` takes them.
        """
        view = pages.view()
        named = _named(member, other, facts)
        return home_preview(view, asked_members(view, pages.members(), named))

    @app.get("/api/why")
    def why_shown(title: str, member: Asked = None, facts: Facts = None) -> Why:
        """Why a member sees this artwork of a title, or somebody composed of `facts`, as JSON."""
        view = pages.view()
        who = asked_member(view, pages.members(), _named(member, None, facts))
        return why(view, who, view.title(title).title_id, pages.examples)

    @app.get("/api/title")
    def of_title(title: str) -> TitleRecord:
        """A title's artworks and what became of them."""
        view = pages.view()
        return title_record(view, view.title(title), pages.examples, pages.audience())

    @app.get("/api/titles")
    def titles(name: Asked = None) -> list[NamedTitle]:
        """Titles by a part of their name or their id."""
        return _found(pages.view(), name)


def _add_pages(app: FastAPI, pages: PagesOf) -> None:
    @app.get("/", include_in_schema=False)
    def home(member: Asked = None, other: Asked = None, facts: Facts = None) -> Response:
        view, members = pages.view(), pages.members()
        found = home_preview(view, asked_members(view, members, _named(member, other, facts)))
        return page(
            "home.html",
            shape=view.shape,
            found=found,
            suggested=members.suggested(),
            fields=form(view, members, facts or ""),
            composed=bool(facts),
        )

    @app.get("/compose", include_in_schema=False)
    def compose(request: Request, member: Asked = None) -> Response:
        told = facts_of_form(pages.view(), dict(request.query_params))
        named = {"member": member} if member else {}
        return RedirectResponse(f"/?{urlencode({**named, 'facts': told})}", status_code=303)

    @app.get("/why", include_in_schema=False)
    def why_shown(member: Asked = None, title: str = "", facts: Facts = None) -> Response:
        view = pages.view()
        who = asked_member(view, pages.members(), _named(member, None, facts))
        found = why(view, who, view.title(title).title_id, pages.examples)
        return page("why.html", shape=view.shape, found=found)

    @app.get("/title", include_in_schema=False)
    def of_title(title: str = "") -> Response:
        view = pages.view()
        found = title_record(view, view.title(title), pages.examples, pages.audience())
        return page("title.html", shape=view.shape, found=found)

    @app.get("/titles", include_in_schema=False)
    def titles(name: Asked = None) -> Response:
        view = pages.view()
        found = _found(view, name)
        first = {title.title_id: view.model.fallback[title.title_id].artwork_id for title in found}
        return page(
            "titles.html",
            shape=view.shape,
            found=found,
            asked=name or "",
            first=first,
            all=len(view.titles),
        )


def _add_files(app: FastAPI, pages: PagesOf) -> None:
    @app.get("/thumbnail", include_in_schema=False)
    def picture(request: Request, artwork: str, size: int = 320) -> Response:
        view = pages.view()
        path = view.paths.get(artwork)
        try:
            if not path:
                raise BadInput(f"artwork {artwork!r:.60} has no picture")
            made = pages.thumbnails.of(view.catalogue.root / path, size)
        except BadInput:
            return Response(IMAGE, media_type="image/svg+xml")
        headers = {"ETag": made.etag, "Cache-Control": "max-age=60"}
        if request.headers.get("if-none-match") == made.etag:
            return Response(status_code=304, headers=headers)
        return Response(made.content, media_type="image/webp", headers=headers)

    @app.get("/static/web.css", include_in_schema=False)
    def style() -> Response:
        return FileResponse(STYLE, media_type="text/css")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        return FileResponse(HERE / "static" / "icon.svg", media_type="image/svg+xml")


def _named(member: str | None, other: str | None, facts: str | None) -> dict[str, str]:
    """What an address names of members."""
    return {"member": member or "", "other": other or "", "facts": facts or ""}


def _found(view: CatalogueView, name: str | None) -> list[NamedTitle]:
    """Titles whose name or id has a text in it, those watched most first."""
    asked = (name or "").strip().casefold()
    among = [
        title
        for title in view.titles.values()
        if asked in title.name.casefold() or asked in str(title.title_id).casefold()
    ]
    return sorted(among, key=lambda title: -title.popularity)[:TITLES_LISTED]
