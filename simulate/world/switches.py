"""Switches that make the artwork environment harder; all are off in the world as it is."""

from dataclasses import dataclass, replace

import numpy as np

from data.errors import BadInput
from simulate.named_rng import named_normal
from simulate.world.artwork_world import ArtworkWorld


@dataclass(frozen=True)
class Switches:
    """What makes a world other than stationary and friendly."""

    drift_days: float = 0.0
    """Days in which tastes come full circle; 0: they stay. In a quarter of them a taste for warmth
    turns into one for brightness, a taste for one theme into one for the next; in half of them each
    turns into its opposite. Facts tell the tastes of day 0, so what they mean drifts: a learner
    must forget."""
    adversary: float = 0.0
    """SD, in logits, of a shock to every artwork that changes its sign every `adversary_days`: what
    was best for everybody becomes worst."""
    adversary_days: int = 3
    """See `adversary`."""
    change_cost: float = 0.0
    """Taken from the logit of a play when a title has another artwork than the member saw last:
    change is confusing. Below 0: change is refreshing."""
    lure: float = 0.0
    """Added to the logit of plays of artwork that misleads wholly: it was made to be clicked."""
    clickbait: float | None = None
    """In place of the effect of the same name; 0: misleading artwork costs nothing."""
    neighbour: float = 0.0
    """Added to the logit of a play for each SD of alikeness, in style and subject, with each image
    beside it in its row. −.3, two thirds of what style does by itself, is what is measured with:
    images dull each other where they are alike, and stand out where they are not. Nothing
    published has the size; YouTube's home feed lost plays to near duplicates (Wilhelm et al. 2018,
    "Practical Diversified Recommendations on YouTube", CIKM)."""

    def __post_init__(self) -> None:
        for name in ("drift_days", "adversary"):
            if getattr(self, name) < 0:
                raise BadInput(f"{name} is {getattr(self, name)}; it cannot be negative")
        if self.adversary_days < 1:
            raise BadInput(f"adversary_days is {self.adversary_days}; it must be at least 1")


def world_on(world: ArtworkWorld, switches: Switches, day: int) -> ArtworkWorld:
    """The world as it is on a day. `world` is the one of day 0."""
    if switches.clickbait is not None:
        world = replace(world, effects=replace(world.effects, clickbait=switches.clickbait))
    if switches.drift_days:
        angle = 2 * np.pi * day / switches.drift_days
        people = world.members
        world = world.with_members(
            replace(
                people,
                theme_tastes=_turned(people.theme_tastes, angle),
                style_tastes=_turned(people.style_tastes, angle),
            )
        )
    if switches.adversary:
        sign = 1 if (day // switches.adversary_days) % 2 == 0 else -1
        names = world.truth.catalogue.artwork_ids
        shock = np.array([named_normal("adversary", name) for name in names])
        world = replace(world, shock=switches.adversary * sign * shock)
    if switches.neighbour:
        world = replace(world, neighbour=switches.neighbour)
    if switches.lure:
        shock = 0.0 if world.shock is None else world.shock
        world = replace(world, shock=shock + switches.lure * world.truth.mislead)
    return world


def _turned(tastes: np.ndarray, angle: float) -> np.ndarray:
    """Tastes on their way from each column to the next and back: variances stay as they are."""
    turned = np.cos(angle) * tastes + np.sin(angle) * np.roll(tastes, 1, axis=1)
    return turned.astype(tastes.dtype)
