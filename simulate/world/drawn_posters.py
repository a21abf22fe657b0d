"""Which posters a catalogue has: what each is asked to show, how good it is, when it is there."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from simulate.named_rng import named_generator, named_seed
from simulate.posters.brief import Brief, drawn_brief
from simulate.posters.subjects import Subjects
from simulate.world.titles import START, Title

MISLEADING = 0.12
"""Share of posters that show what the title is not."""
TAGGED = 0.5
"""Share of artworks that somebody tagged."""
STEADY = 2
"""The first artworks of a title, which come with it and stay."""


class Poster(NamedTuple):
    """One artwork before it is rendered."""

    artwork_id: str
    title: Title
    brief: Brief
    quality: float
    misleading: bool
    added: date
    withdrawn: date | None
    tagged: bool


def drawn_poster(subjects: Subjects, title: Title, k: int, seed: int, arrivals: float) -> Poster:
    """Artwork `k` of a title.

    Args:
        subjects: the pool that misleading posters borrow from.
        title: whose it is.
        k: its number among the title's artworks.
        seed: of the catalogue.
        arrivals: share of artwork that is added after day 0.
    """
    rng = named_generator("artwork", seed, title.title_id, k)
    lead, cast = k % len(title.cast), title.cast
    misleading = k >= STEADY and rng.random() < MISLEADING / (1 - STEADY / max(6, k + 1))
    if misleading:
        others = [
            name
            for name, theme in zip(subjects.names, subjects.themes_of, strict=True)
            if theme not in title.themes
        ]
        if others:
            cast = tuple(str(name) for name in rng.choice(others, min(2, len(others)), False))
        misleading = bool(others)
    brief = drawn_brief(rng, named_seed("pixels", seed, title.title_id, k), title.name, cast, lead)
    added, withdrawn = title.launch, None
    if k >= STEADY and rng.random() < arrivals:
        added = max(added, START) + timedelta(days=int(rng.integers(1, 22)))
    if k >= STEADY and rng.random() < arrivals / 2:
        withdrawn = max(added, START) + timedelta(days=int(rng.integers(5, 30)))
    quality = float(np.sqrt(0.5) * (brief.richness + rng.standard_normal()))
    return Poster(
        artwork_id=f"{title.title_id}-{k}",
        title=title,
        brief=brief,
        quality=quality,
        misleading=misleading,
        added=added,
        withdrawn=withdrawn,
        tagged=bool(rng.random() < TAGGED),
    )
