"""What members see on their home page, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from data import clock
from data.days import DAY_US
from data.records import TitleId
from serve.live.page_request import PageRequest
from serve.live.snapshot import LiveModel, PageDecisions
from web.view.catalogue_view import CatalogueView, NamedTitle
from web.view.members import Member

ONE = Lock()
"""Rules keep what they have worked out, and pages come in threads: they are decided one by one."""


@dataclass(frozen=True)
class Tile:
    """One title as one member sees it."""

    title_id: TitleId
    name: str
    artwork_id: str
    propensity: float
    candidates: int
    differs: bool
    """Whether the other member sees another artwork."""


@dataclass(frozen=True)
class SeenRow:
    """A row as each member sees it."""

    name: str
    tiles: list[list[Tile]]
    """A list a member, the same titles in the same order."""


@dataclass(frozen=True)
class Looker:
    """A member as a page describes them."""

    profile_id: str
    words: list[str]
    query: str
    """What names them in an address."""

    @classmethod
    def of(cls, member: Member) -> "Looker":
        """A member, described."""
        return cls(member.profile_id, member.words, member.query)


@dataclass(frozen=True)
class HomePreview:
    """Home pages of one member or two."""

    bundle: str
    members: list[Looker]
    rows: list[SeenRow]
    titles: int
    differing: int
    """Titles that the two see with different artwork."""


def home_preview(view: CatalogueView, members: list[Member]) -> HomePreview:
    """Home pages as live decides them today, for members of whom only their profiles are known.

    The draws are those of the live service: it shows these until the epoch ends, the facts change
    or another bundle is published. Draws of precomputed maps that still last are not looked up.

    Args:
        view: of what is published.
        members: one or two.
    """
    titles = [title for row in view.rows for title in row.title_ids]
    decided = [decide(view, member, titles) for member in members]
    shown = [dict(zip(page.title_ids, page.ordinals, strict=True)) for page in decided]
    differing = {title for title in titles if len({seen[title] for seen in shown}) > 1}
    chances = [dict(zip(page.title_ids, page.propensities, strict=True)) for page in decided]
    layout = view.model.layout

    def tile(title: NamedTitle, seen: dict[TitleId, int], likely: dict[TitleId, float]) -> Tile:
        name, slot = title.title_id, view.model.slot_of[title.title_id]
        artwork = layout.artwork_ids[seen[name]]
        return Tile(
            name,
            title.name,
            artwork,
            likely[name],
            int(layout.counts[slot]),
            name in differing,
        )

    rows = [
        SeenRow(
            row.name,
            [
                [tile(view.titles[title], seen, likely) for title in row.title_ids]
                for seen, likely in zip(shown, chances, strict=True)
            ],
        )
        for row in view.rows
    ]
    lookers = [Looker.of(member) for member in members]
    return HomePreview(view.model.policy.bundle, lookers, rows, len(titles), len(differing))


def decide(
    view: CatalogueView, member: Member, titles: list[TitleId], model: LiveModel | None = None
) -> PageDecisions:
    """A member's page, as live decides it today, or as another model of the view does."""
    [told] = _told(view, member.facts)
    with ONE:
        page = _page(member.profile_id, titles, told)
        [decided] = (model or view.model).decide([page], member.facts)
    return decided


def title_chances(
    view: CatalogueView, facts: pa.StructArray, title: TitleId
) -> Float[np.ndarray, "members candidates"]:
    """Probability of each candidate of a title, in the layout's order, for members of these facts.

    Args:
        view: of what is published.
        facts: as FACTS, a row a member.
        title: one of the layout's.
    """
    model = view.model
    count = int(model.layout.counts[model.slot_of[title]])
    pages = [_page("", [title], told) for told in _told(view, facts)]
    with ONE:
        decided = view.model.decide(pages, facts)
    return np.array([page.probabilities[0, :count] for page in decided])


def _page(profile_id: str, titles: list[TitleId], facts: dict[str, object]) -> PageRequest:
    return PageRequest(profile_id, titles, clock.now_us() // DAY_US, 0, facts)


def _told(view: CatalogueView, facts: pa.StructArray) -> list[dict[str, object]]:
    """Facts as requests tell them, of which rules ask; nothing where there are no rules."""
    if view.model.rules is None:
        return [{}] * len(facts)
    return [_as_request(row or {}) for row in facts.to_pylist()]


def _as_request(facts: Mapping[str, object]) -> dict[str, object]:
    told: dict[str, object] = {}
    for name, value in facts.items():
        if name == "own" and isinstance(value, list):
            told |= {own: _own_fact(held) for own, held in value}
        elif isinstance(value, list):
            told[name] = dict(value)
        elif value is not None:
            told[name] = value
    return told


def _own_fact(held: Mapping[str, list | None]) -> object:
    """A declared fact: a name, a number, several, or names with numbers."""
    names, numbers = held["names"], held["numbers"]
    if names and numbers:
        return dict(zip(names, numbers, strict=False))
    values = names or numbers or []
    return values[0] if len(values) == 1 else values
