"""Titles: what they truly are, and what their records say of it."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from simulate.named_rng import named_generator
from simulate.posters.subjects import Subjects

START = date(2026, 1, 1)
"""Day 0."""
ZIPF = 0.9
"""Popularity of rank r is r^−ZIPF, as view counts of films are (Cha et al. 2009, fig. 3)."""
LATENT = 4
"""Numbers that tell what no record does of a title: its mood, its wit."""

FIRST = (
    "Silent",
    "Copper",
    "Midnight",
    "Paper",
    "Hollow",
    "Golden",
    "Distant",
    "Crooked",
    "Velvet",
    "Burning",
    "Northern",
    "Broken",
    "Second",
    "Secret",
    "Last",
    "Wild",
    "Gentle",
    "Iron",
    "Lost",
    "Electric",
    "Crimson",
    "Winter",
    "Stolen",
    "Quiet",
    "Painted",
    "Hidden",
    "Falling",
    "Endless",
    "Borrowed",
    "Salt",
    "Glass",
    "Thunder",
    "Little",
    "Brave",
    "Lonely",
    "Modern",
    "Forgotten",
    "Scarlet",
)
SECOND = (
    "Orchard",
    "Harbour",
    "Parade",
    "Empire",
    "Garden",
    "Letters",
    "River",
    "Kingdom",
    "Carnival",
    "Station",
    "Summer",
    "Sky",
    "Promise",
    "Mirror",
    "Island",
    "Orchestra",
    "Lantern",
    "Highway",
    "Detective",
    "Family",
    "Waltz",
    "Frontier",
    "Shore",
    "Hours",
    "Machine",
    "Festival",
    "Compass",
    "Winter",
    "Valley",
    "Crossing",
    "Signal",
    "Theatre",
    "Voyage",
    "Winds",
    "Lullaby",
    "Alibi",
)
PATTERNS = ("The {0} {1}", "{0} {1}", "{0} {1}", "A {0} {1}", "{1} of the {0}", "{0} & {1}")


class Title(NamedTuple):
    """One title; `themes` and `latent` are truth, the rest is public."""

    title_id: int
    name: str
    genres: tuple[str, ...]
    cast: tuple[str, ...]
    themes: dict[str, float]  # theme → weight; they sum to 1
    latent: tuple[float, ...]
    popularity: float
    launch: date
    runtime_minutes: float


def drawn_titles(subjects: Subjects, count: int, seed: int, arrivals: float) -> list[Title]:
    """Titles whose cast comes from `subjects`.

    Args:
        subjects: the pool of cast members.
        count: how many titles.
        seed: titles of another seed have other ids.
        arrivals: share of titles that launch during the first four weeks.
    """
    base = 10_000_000 + 10_000 * (seed % 400_000)
    ranks = named_generator("ranks", seed).permutation(count) + 1
    shares = ranks**-ZIPF / (np.arange(1, count + 1) ** -ZIPF).sum()
    taken: set[str] = set()
    return [
        _title(subjects, base + i, named_generator("title", seed, i), float(share), arrivals, taken)
        for i, share in enumerate(shares)
    ]


def _title(
    subjects: Subjects,
    title_id: int,
    rng: np.random.Generator,
    popularity: float,
    arrivals: float,
    taken: set[str],
) -> Title:
    cast = _cast(subjects, rng)
    themes_of = dict(zip(subjects.names, subjects.themes_of, strict=True))
    weights: dict[str, float] = {}
    for place, name in enumerate(cast):  # the lead's theme weighs most
        theme = themes_of[name]
        weights[theme] = weights.get(theme, 0.0) + (1.5 if place == 0 else 1.0)
    if rng.random() < 0.15:  # a genre that no cast member shows
        weights.setdefault(str(rng.choice(subjects.themes)), 0.8)
    total = sum(weights.values())
    weights = {k: v / total for k, v in sorted(weights.items(), key=lambda item: -item[1])}
    launched = rng.random() >= arrivals
    days = -int(rng.integers(0, 900)) if launched else int(rng.integers(1, 28))
    series = rng.random() < 0.45
    minutes = rng.choice((22, 24, 42, 48, 52, 60)) if series else rng.normal(104, 15)
    return Title(
        title_id,
        _name(rng, taken),
        tuple(weights),
        cast,
        weights,
        tuple(rng.standard_normal(LATENT).tolist()),
        popularity,
        START + timedelta(days=days),
        float(round(max(float(minutes), 20.0))),
    )


def _cast(subjects: Subjects, rng: np.random.Generator) -> tuple[str, ...]:
    """Two to four subjects of one to three themes, in random order."""
    size = min(int(rng.integers(2, 5)), len(subjects.names))
    few = min(int(rng.choice((1, 2, 2, 3, 3))), len(subjects.themes), size)
    themes = rng.permutation(len(subjects.themes))
    pool = [np.flatnonzero(subjects.theme_rows == t) for t in themes]
    pool = [rng.permutation(rows) for rows in pool]
    cast = [int(pool[i % few][i // few]) for i in range(size) if i // few < len(pool[i % few])]
    # Themes with a single subject leave places free: others fill them.
    rest = [int(row) for row in rng.permutation(len(subjects.names)) if row not in cast]
    cast += rest[: size - len(cast)]
    return tuple(subjects.names[row] for row in rng.permutation(cast))


def _name(rng: np.random.Generator, taken: set[str]) -> str:
    """A name that no title has yet."""
    while True:
        first, second = FIRST[rng.integers(len(FIRST))], SECOND[rng.integers(len(SECOND))]
        name = PATTERNS[rng.integers(len(PATTERNS))].format(first, second)
        if len(taken) > len(FIRST) * len(SECOND):
            name += f" {rng.integers(2, 100)}"
        if name not in taken:
            taken.add(name)
            return name
