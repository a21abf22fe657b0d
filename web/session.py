"""Who looks at the pages: sign-in by the service's tokens, and what each may do.

Without tokens the pages are open to whoever is on this machine. A session's cookie is a number of
256 random bits of which the server keeps a hash; no script of any page can read it.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Annotated
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from data import clock
from data.errors import BadInput
from serve.live.door.tokens import SCOPES, Scope, Tokens
from web.render import PAGES, page

COOKIE = "marquee_session"
SECONDS = 12 * 3600
KEPT = 1000
"""Sessions; the oldest end first."""
OPEN = ("/sign-in", "/static/web.css", "/favicon.ico")
"""What somebody sees who is not signed in."""


@dataclass(frozen=True)
class Visitor:
    """Who asks."""

    name: str
    """Of their token; empty: nobody signs in here."""
    scopes: tuple[Scope, ...]
    leaves: bool = False
    """Whether they came by a session that they can end."""


ANYBODY = Visitor("", SCOPES)
_visitor: ContextVar[Visitor | None] = ContextVar("visitor", default=None)


class NotAllowed(BadInput):
    """What the visitor's token is not for."""


def visitor() -> Visitor:
    """Who asks for what is being answered."""
    return _visitor.get() or ANYBODY


def needs(scope: Scope) -> Visitor:
    """The visitor, if they may do this.

    Raises:
        NotAllowed: their token has no such scope.
    """
    asks = visitor()
    if scope not in asks.scopes:
        raise NotAllowed(
            f"the token {asks.name!r} may {' and '.join(asks.scopes)}, and this needs {scope!r}; "
            f"sign in with one that `python -m serve token --scopes read,{scope}` gave out"
        )
    return asks


PAGES.globals |= {"visitor": visitor}


class Sessions:
    """Signed-in visitors.

    Args:
        tokens: that were given out; none: everybody may do everything.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._held: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def begin(self, token: str) -> str | None:
        """The cookie of a new session; None: nobody holds this token."""
        holder = self.tokens.holder(b"Bearer " + token.strip().encode(errors="replace"))
        if holder is None:
            return None
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._held[_hash(cookie)] = holder.sha256, clock.now() + SECONDS
            while len(self._held) > KEPT:
                self._held.popitem(last=False)
        return cookie

    def end(self, cookie: str) -> None:
        """End a session."""
        with self._lock:
            self._held.pop(_hash(cookie), None)

    def visitor(self, request: Request) -> Visitor | None:
        """Who sent a request, by its token or its session; None: nobody known."""
        if not self.tokens:
            return ANYBODY
        bearer = request.headers.get("authorization")
        if bearer is not None:
            holder = self.tokens.holder(bearer.encode(errors="replace"))
            return None if holder is None else Visitor(holder.name, holder.scopes)
        with self._lock:
            held = self._held.get(_hash(request.cookies.get(COOKIE, "")))
        if held is None or held[1] < clock.now():
            return None
        # Asked anew each time: a token that was taken back ends the sessions it began.
        holder = self.tokens.given_out(held[0])
        return None if holder is None else Visitor(holder.name, holder.scopes, leaves=True)

    async def admit(
        self, request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Answer whom it knows and who may read; send others to sign in."""
        path = request.url.path
        known = self.visitor(request)
        if known is None and path not in OPEN:
            if path.startswith(("/api/", "/csv/", "/openapi.json")) or request.method != "GET":
                words = "send a token as `Authorization: Bearer …`, or sign in on the pages"
                body = orjson.dumps({"detail": words})
                return Response(body, 401, {"WWW-Authenticate": "Bearer"}, "application/json")
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"/sign-in?next={quote(path + query)}", 303)
        set_by = _visitor.set(known)
        try:
            if known is not None and path not in OPEN and path != "/sign-out":
                needs("read")
            return await answer(request)
        except NotAllowed as error:
            return page("refused.html", 403, words=str(error))
        finally:
            _visitor.reset(set_by)

    def routes(self) -> APIRouter:
        """Where visitors sign in and out."""
        router = APIRouter(include_in_schema=False)

        @router.get("/sign-in")
        def form(next: str = "/") -> Response:
            return page("sign_in.html", next=_own(next), wrong=False)

        @router.post("/sign-in")
        def sign_in(
            token: Annotated[str, Form(max_length=500)], next: Annotated[str, Form()] = "/"
        ) -> Response:
            cookie = self.begin(token)
            if cookie is None:
                return page("sign_in.html", 401, next=_own(next), wrong=True)
            answer = RedirectResponse(_own(next), 303)
            answer.set_cookie(COOKIE, cookie, SECONDS, httponly=True, samesite="lax")
            return answer

        @router.post("/sign-out")
        def sign_out(request: Request) -> Response:
            self.end(request.cookies.get(COOKIE, ""))
            answer = RedirectResponse("/sign-in", 303)
            answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
            return answer

        return router


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode(errors="replace")).hexdigest()


def _own(address: str) -> str:
    """An address on these pages; the first page where it leads elsewhere."""
    ours = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if ours and address.isprintable() else "/"
