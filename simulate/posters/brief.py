"""What a poster is asked to be, and what it then shows: the truth that no model reads."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from data.errors import BadInput

COMPOSITIONS = ("close-up", "wide", "ensemble")


@dataclass(frozen=True)
class Brief:
    """One poster to render; the same brief gives the same pixels, in any order and process."""

    seed: int
    """Of everything left open: layout, hues, background, lettering."""
    title: str
    """The lettering."""
    subjects: tuple[str, ...]
    """Names of the subjects to show, the lead first."""
    composition: str
    """One of COMPOSITIONS."""
    warmth: float
    """−1 (blues and greens) … 1 (reds and golds)."""
    brightness: float
    """−1 (night) … 1 (full light)."""
    closeness: float
    """−1 (a small figure in a wide frame) … 1 (a face that fills it)."""
    richness: float
    """Of colour and contrast, 0 is usual, ±2 much: what makes a poster good for everybody."""

    def __post_init__(self) -> None:
        if self.composition not in COMPOSITIONS:
            raise BadInput(
                f"there is no composition {self.composition!r}; use one of {COMPOSITIONS}"
            )
        if not self.subjects:
            raise BadInput(f"the poster of {self.title!r} shows no subject; give at least 1")
        for name in ("warmth", "brightness", "closeness"):
            if not -1 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} is {getattr(self, name)}; it must be from −1 to 1")


class VisibleSubjects(NamedTuple):
    """What a rendered poster shows."""

    subjects: tuple[str, ...]
    weights: tuple[float, ...]  # share of the visible area of all subjects; they sum to 1


def drawn_brief(
    rng: np.random.Generator, seed: int, title: str, cast: tuple[str, ...], lead: int
) -> Brief:
    """A brief with random style that shows members of `cast`, the one at `lead` foremost."""
    ensemble = len(cast) > 1 and rng.random() < 0.3
    composition = "ensemble" if ensemble else ("close-up", "wide")[int(rng.random() < 0.5)]
    count = {"close-up": 1 + (rng.random() < 0.15), "wide": 1 + (rng.random() < 0.3)}.get(
        composition, int(rng.integers(2, 5))
    )
    order = [cast[(lead + i) % len(cast)] for i in range(min(int(count), len(cast)))]
    low, high = {"close-up": (0.5, 1.0), "wide": (-1.0, -0.5), "ensemble": (-0.35, 0.25)}[
        composition
    ]
    warmth, brightness = rng.choice((-1, 1), 2) * rng.uniform(0.4, 1.0, 2)
    return Brief(
        seed,
        title,
        tuple(order),
        composition,
        float(warmth),
        float(brightness),
        float(rng.uniform(low, high)),
        float(np.clip(rng.standard_normal(), -2, 2)),
    )
