"""What changes anything, or costs much, is asked for by our own pages or by programs alone."""

from collections.abc import Awaitable, Callable

import orjson
from fastapi import Request, Response

BODY = 64 << 20
"""Bytes that a request may bring."""
SAFE = ("GET", "HEAD", "OPTIONS")


async def refuse_other_sites(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Refuse what another site's page sends from somebody's browser, and what is too large.

    A browser says which site a form is on (`Sec-Fetch-Site`, `Origin`); a program that says
    neither has no cookie of ours that it was not given.
    """
    if request.method in SAFE:
        return await answer(request)
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site not in (None, "same-origin", "none") or origin not in (None, ours):
        return _refused(403, "another site sent this; open the page here and send it again")
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        return _refused(411, "say how long the request is (Content-Length)")
    if int(length) > BODY:
        return _refused(413, f"the request has more than {BODY >> 20} MiB; send fewer images")
    return await answer(request)


def _refused(status: int, words: str) -> Response:
    return Response(orjson.dumps({"detail": words}), status, media_type="application/json")
