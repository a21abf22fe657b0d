"""Who members are: where they live, what they watch on, and how that leans their taste for style.

Leanings are drawn once, by name: a country leans the same way in every catalogue and for every
seed. Each table of leanings is standardised over the population.
"""

import numpy as np
from jaxtyping import Float, Int

from simulate.named_rng import named_normal

STYLES = ("warmth", "brightness", "closeness")

COUNTRIES = {
    "US": ("en", 0.26),
    "BR": ("pt", 0.14),
    "IN": ("hi", 0.14),
    "MX": ("es", 0.10),
    "JP": ("ja", 0.10),
    "DE": ("de", 0.09),
    "FR": ("fr", 0.09),
    "KR": ("ko", 0.08),
}
"""Country → its main language, share of members."""
MAIN_LANGUAGE = 0.8
"""Share of members who use their country's main language; the others use English."""
DEVICES = {"tv": 0.45, "phone": 0.30, "tablet": 0.13, "web": 0.12}
DAY_PARTS = {"morning": 0.15, "afternoon": 0.22, "evening": 0.45, "night": 0.18}
USUAL = 0.8
"""Share of visits on the member's usual device, and in the usual part of the day."""

SHARES = {
    "country": 0.16,
    "language": 0.05,
    "device": 0.17,
    "day_part": 0.14,
    "tenure": 0.06,
    "genres": 0.10,
}
"""Share of the variance of each style taste that comes from each fact's truth. Together .68; facts
show it with noise (a visit's device is the usual one four times in five, genres are counts), so
that they explain about half: neither hopeless nor given away."""


def standardised(
    values: Float[np.ndarray, "kinds styles"], weights: Float[np.ndarray, " kinds"]
) -> Float[np.ndarray, "kinds styles"]:
    """Mean 0 and variance 1 under `weights`."""
    weights = weights / weights.sum()
    centred = values - weights @ values
    return centred / np.sqrt(weights @ centred**2)


def leanings(fact: str, shares: dict[str, float]) -> Float[np.ndarray, "kinds styles"]:
    """How each value of a fact leans each style taste."""
    drawn = np.array([[named_normal("leaning", fact, v, s) for s in STYLES] for v in shares])
    return standardised(drawn, np.array(list(shares.values())))


def drawn_kinds(
    rng: np.random.Generator, shares: dict[str, float], count: int
) -> Int[np.ndarray, " members"]:
    """A value for each member: its place in `shares`."""
    edges = np.cumsum(list(shares.values()))[:-1]
    return np.searchsorted(edges, rng.random(count), "right")


def visited_kinds(
    rng: np.random.Generator, shares: dict[str, float], usual: Int[np.ndarray, " visits"]
) -> Int[np.ndarray, " visits"]:
    """The usual value, four times in five, or any."""
    any_of = drawn_kinds(rng, shares, len(usual))
    return np.where(rng.random(len(usual)) < USUAL, usual, any_of)


def theme_leanings(themes: tuple[str, ...]) -> Float[np.ndarray, "themes styles"]:
    """How a taste for each theme leans each style taste."""
    return np.array([[named_normal("leaning", "genre", t, s) for s in STYLES] for t in themes])


def theme_fame(themes: tuple[str, ...]) -> Float[np.ndarray, "countries themes"]:
    """Logarithm of how much each theme is watched in each country, by members of no taste."""
    everywhere = np.array([0.35 * named_normal("fame", theme) for theme in themes])
    local = [[0.35 * named_normal("fame", c, t) for t in themes] for c in COUNTRIES]
    return everywhere + np.array(local)
