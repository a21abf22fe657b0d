"""What goes to the service and what comes back, as /openapi.json of the service documents it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

TitleId = int | str
"""As the catalogue has them; 7 and "7" are two titles."""
Source = Literal["service", "maps", "defaults"]


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Shown:
    """What a page shows of a title by a logic of its own."""

    title_id: TitleId
    artwork_id: str
    propensity: float | None = None
    """With which it was drawn; None: it is not known."""


@dataclass(frozen=True)
class Request:
    """A page: who looks, at which titles, and what is known now."""

    profile_id: str
    title_ids: Sequence[TitleId]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """As country, device, surface, and those that the catalogue's schema declares."""
    request_id: str = field(default_factory=_new_id)
    """The same each time that this page is asked for again, so that a retry draws nothing anew."""
    day: int | None = None
    """Days since 1970-01-01; None: today."""
    cell: str | None = None
    """Of an experiment."""
    fresh: bool = False
    """Draw anew, whatever the map or other pages drew."""
    profiling: bool = True
    """False where the member opted out."""
    canvas: str | Sequence[str] | None = None
    """Of the pictures: `Decision.url` is of the first; None: main pictures."""
    languages: Sequence[str] | None = None
    """Of texts in pictures and of assets, the best first."""
    kinds: Sequence[str] | None = None
    """Of assets that the page shows beside artwork, in their order; None: artwork alone."""
    candidates: Mapping[TitleId, Sequence[str]] | None = None
    """Title → ids of its artwork that may be shown; all of it where a title is not named."""
    exclude: Sequence[str] | None = None
    """Ids of artwork that may not be shown."""
    audience: str | None = None
    """The same as the fact of that name, which the catalogue's schema declares."""
    mode: Literal["draw", "preview", "unpersonalised"] | None = None
    """preview: as a draw, and nothing is logged; unpersonalised: what all members are shown; None:
    a draw."""
    shown: Sequence[Shown] | None = None
    """What the page shows now: answered unchanged, logged beside what Marquee would have done."""


@dataclass(frozen=True)
class Decision:
    """What to show for one title."""

    title_id: TitleId
    artwork_id: str | None
    """None: looked up in the page's process, where maps tell the URL alone, or a placeholder."""
    url: str
    decision_id: str | None
    """To send with the impression; None: there is nothing to learn from it."""
    propensity: float | None
    """The probability that it was drawn with; None: it was not drawn here."""
    level: str
    """personalised, pinned, unpersonalised, default, placeholder, or shown: what the page said."""
    pictures: Mapping[str, Any] | None = None
    """By canvas asked for, where one was."""
    assets: Mapping[str, Any] | None = None
    """By kind asked for that the title has: asset_id, text, frames and propensity (None: drawn with
    a map, whose log says it)."""
    joint_propensity: float | None = None
    """Of the artwork and all assets; None: they were not drawn."""


@dataclass(frozen=True)
class Page:
    """A decision for each title asked for, in that order."""

    request_id: str
    decisions: list[Decision]
    source: Source
    reason: str | None
    """Why it was not decided live; None: it was."""
    bundle: str | None = None
    logged: bool = False
    """Whether the service has logged the decisions."""
    detail: str = ""
    """What the service says is wrong with the request, where it refused it."""


@dataclass(frozen=True)
class Artwork:
    """A title's default, where neither service nor maps answer."""

    url: str
    artwork_id: str | None = None


@dataclass(frozen=True)
class Event:
    """What a member did: impression, play, progress, thumb, or a kind that schema.yaml declares."""

    kind: str
    profile_id: str
    title_id: TitleId
    artwork_id: str | None = None
    decision_id: str | None = None
    """Of the decision that an impression shows."""
    time: int | str | None = None
    """Microseconds since 1970-01-01 UTC, or ISO 8601; None: when it arrives."""
    device: str | None = None
    surface: str | None = None
    row: int | None = None
    column: int | None = None
    minutes: float | None = None
    thumb: int | None = None
    value: float | None = None
    facts: Mapping[str, Any] | None = None
    """Of an impression: what the page alone knew."""
    event_id: str = field(default_factory=_new_id)
    """The same each time that it is sent again: it counts once."""
