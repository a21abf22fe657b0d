"""`python -m serve lookup`: the image that a profile is shown for each title."""

from typing import NamedTuple

from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store
from serve.maps.page_urls import LEVELS


class TitleImage(NamedTuple):
    """What one title shows."""

    url: str
    level: str


class ProfileImages(NamedTuple):
    """What a profile's titles show."""

    profile: str
    titles: dict[str, TitleImage]
    """By title id, in the order asked for."""
    reasons: dict[str, int]
    """Why pages were not personalised, counted."""


def lookup(
    profile: str,
    titles: list[int] | None = None,
    store: str = "artifacts/maps",
    base_url: str = "",
) -> ProfileImages:
    """Print the image that a profile is shown for each title.

    Args:
        profile: Profile id.
        titles: Video ids; all titles of the catalogue when left out.
        store: Where precompute wrote the maps.
        base_url: Put before each artwork's path, which counts from the catalogue folder: the URL of
            that folder, not of images/ in it.
    """
    client = Lookup(open_map_store(store, readonly=True, timeout=1.0), base_url=base_url)
    page = client.page(profile)
    images = {}
    for title in titles or page:
        url, level = page.resolve(title)
        images[str(title)] = TitleImage(url, LEVELS[level])
    return ProfileImages(profile, images, dict(client.reasons))


def show(images: ProfileImages) -> None:
    """Print a line a title for people."""
    for title, image in images.titles.items():
        print(f"{title}\t{image.url}\t{image.level}")
