"""What in an image counts for a member, over HTTP: a page, a picture, and the same as JSON."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from web.lab.saliency import Saliency, picture_of
from web.pages_of import PagesOf
from web.render import page
from web.view.composed import asked_member
from web.view.home_preview import title_chances
from web.view.members import Member

Facts = Annotated[str, Query(max_length=8000)]
SHOWN = 6
"""Artworks that the page has maps of, the likeliest first."""


def saliency_routes(pages: PagesOf) -> APIRouter:
    """Maps of images."""
    router = APIRouter()

    @router.get("/api/saliency")
    def saliency(title: str, artwork: str, member: str = "", facts: Facts = "") -> Saliency:
        """What each part of an artwork's image adds to its score for a member.

        The member is named, or composed of `facts`, as JSON.
        """
        return _found(pages, _who(pages, member, facts), title, artwork)

    @router.get("/saliency/picture", include_in_schema=False)
    def picture(title: str, artwork: str, member: str = "", facts: Facts = "") -> Response:
        found = _found(pages, _who(pages, member, facts), title, artwork)
        made = picture_of(found, pages.lab.looks(pages.view()).pixels(artwork))
        headers = {"Cache-Control": "private, max-age=600"}
        return Response(made, media_type="image/webp", headers=headers)

    @router.get("/saliency", include_in_schema=False)
    def saliency_page(title: str, member: str = "", facts: Facts = "") -> Response:
        view, who = pages.view(), _who(pages, member, facts)
        named = view.title(title)
        layout, slot = view.model.layout, view.model.slot_of[named.title_id]
        chances = title_chances(view, who.facts, named.title_id)[0]
        pairs = zip(layout.candidates(slot), chances.tolist(), strict=True)
        likely = sorted(pairs, key=lambda pair: -pair[1])[:SHOWN]
        seen = [(_found(pages, who, title, artwork), chance) for artwork, chance in likely]
        return page(
            "saliency.html",
            shape=view.shape,
            bundle=view.model.policy.bundle,
            title=named,
            member=who,
            seen=seen,
            more=len(chances) - len(likely),
        )

    return router


def _who(pages: PagesOf, member: str, facts: str) -> Member:
    return asked_member(pages.view(), pages.members(), {"member": member, "facts": facts})


def _found(pages: PagesOf, member: Member, title: str, artwork: str) -> Saliency:
    view = pages.view()
    looks = pages.lab.looks(view)
    return pages.saliencies.of(looks, member, view.title(title).title_id, artwork)
