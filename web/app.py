"""The pages over HTTP, and all that they show as JSON.

Nothing here runs in the browser: no script, no style that is not ours, no other host. A form is
an address, so what somebody looks at can be sent to somebody else.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import FileResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.middleware.trustedhost import TrustedHostMiddleware

from data.errors import BadInput
from serve.live.routes.documentation import documentation
from serve.live.routes.files import IMAGE
from web.catalogue_view import CatalogueView, NamedTitle
from web.home_preview import HomePreview, home_preview
from web.pages_of import PagesOf
from web.title_record import TitleRecord, title_record
from web.why import Why, why

HERE = Path(__file__).parent
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
Asked = Annotated[str | None, Query(max_length=500)]


def web_app(pages: PagesOf) -> FastAPI:
    """The application of some pages."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(pages.followed.look)
        watch = asyncio.create_task(_watch(pages))
        yield
        watch.cancel()

    app = FastAPI(title="Marquee pages", version="1", lifespan=lifespan, docs_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.middleware("http")(_with_headers)
    app.add_exception_handler(BadInput, _refused)
    _add_data(app, pages)
    _add_pages(app, pages)
    _add_files(app, pages)
    app.include_router(documentation(app))
    return app


async def _watch(pages: PagesOf) -> None:
    while True:
        await asyncio.sleep(1.0)
        try:
            await asyncio.to_thread(pages.followed.look)
        except Exception as error:  # of a catalogue that is being written: the next look comes
            print(f"looked in vain: {error!r}", file=sys.stderr, flush=True)


async def _with_headers(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await answer(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """What cannot be shown, and what to do: a page for people, JSON for programs."""
    if request.url.path.startswith("/api/"):
        body = orjson.dumps({"detail": str(error)})
        return Response(body, 404, media_type="application/json")
    return _page("refused.html", 404, words=str(error))


def _add_data(app: FastAPI, pages: PagesOf) -> None:
    """What pages show, as JSON."""

    @app.get("/api/home")
    def home(member: Asked = None, other: Asked = None) -> HomePreview:
        """Home pages of a member or two; of the first two known if none is named."""
        view = pages.view()
        return home_preview(
            view, pages.members().pair({"member": member or "", "other": other or ""})
        )

    @app.get("/api/why")
    def why_shown(member: str, title: str) -> Why:
        """Why a member sees this artwork of a title."""
        view = pages.view()
        return why(view, pages.members().member(member), view.title(title).title_id)

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
    def home(member: Asked = None, other: Asked = None) -> Response:
        view, members = pages.view(), pages.members()
        found = home_preview(view, members.pair({"member": member or "", "other": other or ""}))
        return _page("home.html", shape=view.shape, found=found, suggested=members.suggested())

    @app.get("/why", include_in_schema=False)
    def why_shown(member: str = "", title: str = "") -> Response:
        view = pages.view()
        found = why(view, pages.members().member(member), view.title(title).title_id)
        return _page("why.html", shape=view.shape, found=found)

    @app.get("/title", include_in_schema=False)
    def of_title(title: str = "") -> Response:
        view = pages.view()
        found = title_record(view, view.title(title), pages.examples, pages.audience())
        return _page("title.html", shape=view.shape, found=found)

    @app.get("/titles", include_in_schema=False)
    def titles(name: Asked = None) -> Response:
        view = pages.view()
        found = _found(view, name)
        first = {title.title_id: view.model.fallback[title.title_id].artwork_id for title in found}
        return _page(
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
        return FileResponse(HERE / "static" / "web.css", media_type="text/css")

    @app.get("/favicon.ico", include_in_schema=False)
    def icon() -> Response:
        return FileResponse(HERE / "static" / "icon.svg", media_type="image/svg+xml")


def _found(view: CatalogueView, name: str | None) -> list[NamedTitle]:
    """Titles whose name or id has a text in it, those watched most first."""
    asked = (name or "").strip().casefold()
    among = [
        title
        for title in view.titles.values()
        if asked in title.name.casefold() or asked in str(title.title_id).casefold()
    ]
    return sorted(among, key=lambda title: -title.popularity)[:TITLES_LISTED]


PAGES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
)
PAGES.filters |= {
    "percent": lambda share: f"{100 * share:.0f}%",
    "tenths": lambda share: f"{100 * share:.1f}%",
    "number": lambda count: f"{count:,}",
}


def _page(template: str, status: int = 200, **content: object) -> Response:
    text = PAGES.get_template(template).render(**content)
    return Response(text, status, media_type="text/html; charset=utf-8")
