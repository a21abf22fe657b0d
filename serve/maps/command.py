"""`python -m serve lookup`: the image that a profile is shown for each title."""

import sys
from typing import NamedTuple

from data.command_line.names import names
from data.errors import BadInput
from data.pictures import MAIN
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store
from serve.maps.page_urls import LEVELS


class TitleImage(NamedTuple):
    """What one title shows."""

    url: str
    level: str
    canvas: str | None = None
    """Of the picture, where a canvas was asked for."""
    assets: dict[str, str] | None = None
    """Ids of what is shown beside it, by kind; None: artwork stands alone."""


class ProfileImages(NamedTuple):
    """What a profile's titles show."""

    profile: str
    titles: dict[str, TitleImage]
    """By title id, in the order asked for."""
    reasons: dict[str, int]
    """Why pages were not personalised, counted."""
    other_canvas: int = 0
    """Titles that have no picture of the canvas or the languages that were asked for."""


def lookup(
    profile: str,
    titles: list[str] | None = None,
    store: str = "artifacts/maps",
    base_url: str = "",
    canvas: str | None = None,
    languages: list[str] | None = None,
) -> ProfileImages:
    """Print the image that a profile is shown for each title, and what stands beside it.

    Args:
        profile: Profile id.
        titles: Title ids; all titles of the catalogue when left out.
        store: Where precompute wrote the maps.
        base_url: Put before each artwork's path, which counts from the catalogue folder: the URL of
            that folder, not of images/ in it.
        canvas: Of the pictures: a shape that images.parquet of the catalogue names; an artwork
            without one shows that of the nearest aspect. Main pictures when left out.
        languages: Of texts in pictures, the best first, and of what everybody sees beside them.
    """
    client = Lookup(open_map_store(store, readonly=True, timeout=1.0), base_url=base_url)
    if canvas not in (None, MAIN, *client.canvases):
        raise BadInput(
            f"--canvas {canvas}: no picture is of it; there are {', '.join(client.canvases)}"
        )
    page = client.page(profile)
    languages = names(languages or ())
    asked = canvas is not None or bool(languages)
    seen = page.canvas(canvas or MAIN, languages)
    images, other = dict[str, TitleImage](), 0
    listed = list(page) if client.knows_titles else []
    known = {str(title): title for title in listed}
    for title in listed if titles is None else [known.get(name, name) for name in titles]:
        url, level = page.resolve(title)
        given = seen.picture(title) if asked else None
        if given is not None:
            url, other = seen.resolve(title)[0], other + (not given.as_asked)
        beside = {
            kind: of[0].asset_id
            for kind, of in page.assets([title], languages).items()
            if of[0] is not None
        }
        canvas_of = given and given.picture.canvas
        images[str(title)] = TitleImage(url, LEVELS[level], canvas_of, beside or None)
    return ProfileImages(profile, images, dict(client.reasons), other)


def show(images: ProfileImages) -> None:
    """Print a line a title for people, and why it is not what was chosen for the profile."""
    for title, image in images.titles.items():
        more = [image.canvas] if image.canvas else []
        more += [f"{kind}={name}" for kind, name in (image.assets or {}).items()]
        print("\t".join([title, image.url, image.level, *more]))
    if images.reasons:
        print(f"not personalised: {', '.join(images.reasons)}", file=sys.stderr)
    if not images.titles:
        print(
            "the store names no titles: it does not answer, or precompute has not filled it",
            file=sys.stderr,
        )
    if images.other_canvas:
        print(
            f"{images.other_canvas:,} titles show another canvas or language than was asked for",
            file=sys.stderr,
        )
