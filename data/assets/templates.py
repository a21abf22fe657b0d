"""Evidence as a template: "With {watched_cast}, whom you watch", filled where facts match.

A slot is filled from the title, or from what title and member have in common. Where they have
nothing in common there is nothing to say, and the template is no candidate for that member.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

OF_TITLE = ("name", "genre", "cast")
OF_BOTH = ("watched_genre", "watched_cast")
SLOTS = (*OF_TITLE, *OF_BOTH)
"""The title's name, first genre and first cast member; and what of them the member watches most."""
_SLOT = re.compile(r"\{([^{}]*)\}")


class Filled(NamedTuple):
    """A template in words."""

    text: str
    match: float
    """How much of what the member watches speaks for it, 0 to 1; 1 where nothing depends on it."""


def slots_of(template: str) -> list[str]:
    """The names in braces."""
    return _SLOT.findall(template)


def slot_problem(template: str) -> str | None:
    """What is wrong with a template, in words; None: nothing."""
    named = slots_of(template)
    if not named:
        return "it has no slot in braces"
    strange = [name for name in named if name not in SLOTS]
    if strange:
        return f"slot {strange[0]!r:.40} is none of {', '.join(SLOTS)}"
    if "{" in _SLOT.sub("", template) or "}" in _SLOT.sub("", template):
        return "a brace is not closed"
    return None


def fill(
    template: str,
    name: str,
    genres: Sequence[str],
    cast: Sequence[str],
    watched: Mapping[str, Mapping[str, float]],
) -> Filled | None:
    """A template for a title and a member; None where a slot has nothing to say.

    Args:
        template: a sound one.
        name: of the title.
        genres: of the title.
        cast: of the title.
        watched: `genre` and `cast` → titles that the member watched, by name.
    """
    values: dict[str, str] = {"name": name}
    match = 1.0
    if genres:
        values["genre"] = genres[0]
    if cast:
        values["cast"] = cast[0]
    for slot in set(slots_of(template)) & set(OF_BOTH):
        kind = slot.removeprefix("watched_")
        counts = watched.get(kind, {})
        shared = [one for one in (genres if kind == "genre" else cast) if counts.get(one, 0) > 0]
        if not shared:
            return None
        best = max(shared, key=lambda one: counts[one])
        values[slot] = best
        match = min(match, counts[best] / sum(counts.values()))
    if not set(slots_of(template)) <= set(values):
        return None
    return Filled(_SLOT.sub(lambda found: values[found[1]], template), match)
