"""What one request asks for of its page's artwork: these candidates alone, and none of those.

It is part of the policy as rules are: candidates that are logged are those that are left, and their
probabilities those with which they were drawn.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from data.records import TitleId

NAMES = 1000
"""Artwork that a request names, at most, in each of the two."""


class AskedArtwork(NamedTuple):
    """What may be shown on a page besides what rules say."""

    candidates: Mapping[TitleId, frozenset[str]]
    """Title → its artwork that may be shown; all of it where it is not named."""
    exclude: frozenset[str]
    """Artwork that may not."""

    def left(self, title: TitleId, names: Sequence[str]) -> tuple[bool, ...] | None:
        """Which of a title's candidates may be shown; None: all of them."""
        among = self.candidates.get(title)
        left = tuple(
            (among is None or name in among) and name not in self.exclude for name in names
        )
        return None if all(left) else left


def parse_asked(request: Mapping[str, object], title_ids: Sequence[TitleId]) -> AskedArtwork | None:
    """Candidates and exclusions of a request, checked; None: it has none.

    Args:
        request: JSON as `serve.live.schema.DecideRequest` documents it.
        title_ids: of its page.

    Raises:
        ValueError: they make no sense; what, and what to send.
    """
    exclude = _names(request.get("exclude"), "exclude")
    given = request.get("candidates")
    if given is None:
        return AskedArtwork({}, exclude) if exclude else None
    if not isinstance(given, Mapping):
        raise ValueError('candidates must be an object, as {"7": ["castle-eggs"]}: ids by title')
    titles = {str(title): title for title in title_ids}
    candidates: dict[TitleId, frozenset[str]] = {}
    for title, names in given.items():
        if title not in titles:
            raise ValueError(
                f"candidates name title {title!r:.60}, which is not in title_ids; leave it out"
            )
        candidates[titles[title]] = _names(names, f"candidates of title {title:.60}")
        if not candidates[titles[title]]:
            raise ValueError(
                f"candidates of title {title:.60} are none; name some, or leave the title out"
            )
    if sum(map(len, candidates.values())) > NAMES:
        raise ValueError(f"candidates name more than {NAMES:,} artworks; send several pages")
    return AskedArtwork(candidates, exclude) if candidates or exclude else None


def _names(value: object, what: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{what} must be a list of artwork ids, as text")
    if len(value) > NAMES:
        raise ValueError(f"{what} has {len(value):,} ids; send the {NAMES:,} that matter most")
    return frozenset(value)
