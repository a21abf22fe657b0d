"""What each end point asks of a request: a scope, a kind of body and its largest size."""

from typing import NamedTuple

from serve.live.door.tokens import Scope


class RouteLimits(NamedTuple):
    """What a request to a route must keep to."""

    scope: Scope | None = "read"  # None: open to everybody
    body: int = 64 << 10  # bytes
    typed: bool = False  # whether a body must say that it is JSON


ROUTES = {
    "/healthz": RouteLimits(None, 0),
    "/readyz": RouteLimits(None, 0),
    "/static/placeholder.svg": RouteLimits(None, 0),
    "/v1/decide": RouteLimits("write", 256 << 10, True),
    "/v1/decide/batch": RouteLimits("write", 1 << 20, True),
    "/v1/explain": RouteLimits("read", 256 << 10, True),
    "/v1/events": RouteLimits("write", 1 << 20, True),
    "/v1/score": RouteLimits("read", 9 << 20),
}
RULES = RouteLimits("rules", 64 << 10)
"""Changes of rules: a scope of their own, since page servers must write and not steer."""
SAFE = ("GET", "HEAD", "OPTIONS")
OTHERS = RouteLimits()
"""Maps, files of artworks, metrics, documentation, and whatever is added and not named above."""


def limits_of(path: str, method: str) -> RouteLimits:
    """What a path asks for."""
    if method not in SAFE and (path == "/v1/rules" or path.startswith("/v1/rules/")):
        return RULES._replace(typed=method != "DELETE")
    return ROUTES.get(path, OTHERS)
