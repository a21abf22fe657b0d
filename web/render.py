"""Pages out of templates."""

from pathlib import Path
from urllib.parse import urlencode

from fastapi import Response

from evaluate.look.render import environment

HERE = Path(__file__).parent
PAGES = environment(HERE / "templates")


def small(artwork: str, size: int = 320) -> str:
    """The address of an artwork's small picture."""
    return f"/thumbnail?{urlencode({'size': size, 'artwork': artwork})}"


PAGES.globals |= {"small": small}


def page(template: str, status: int = 200, /, **content: object) -> Response:
    """One page for people."""
    text = PAGES.get_template(template).render(**content)
    return Response(text, status, media_type="text/html; charset=utf-8")
