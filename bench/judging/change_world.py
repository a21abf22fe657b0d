"""Days on which titles were seen again, in worlds where a change of artwork does nothing."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float
from scipy.special import expit

PROFILES, TITLES, MOST = 800, 8, 8

CHANGES: dict[
    str, Callable[[Float[np.ndarray, " days"], Float[np.ndarray, " days"]], np.ndarray]
] = {
    "changes at random": lambda interest, late: np.full(len(interest), 0.3),
    "changes late in a series": lambda interest, late: 0.05 + 0.55 * late,
    "changes for members with interest": lambda interest, late: expit(interest - 1),
}
"""Probability of a change given a member's interest in the title and how late an exposure is."""


class ChangeWorld(NamedTuple):
    """One log."""

    seed: int
    way: str
    stops: bool = False  # whether a title is shown no more once it was taken


def days_seen(world: ChangeWorld) -> pa.Table:
    """Days as `change_effects` reads them from events; take falls with exposures."""
    g = np.random.default_rng(world.seed)
    shape = (PROFILES, TITLES, MOST)
    interest = g.normal(0, 0.8, (PROFILES, 1, 1)) + 0.4 * g.normal(size=(PROFILES, TITLES, 1))
    appeal = g.normal(0, 0.5, (1, TITLES, 1))
    number = np.broadcast_to(np.arange(MOST), shape)
    length = g.integers(1, MOST + 1, (PROFILES, TITLES, 1))
    shown = number < length
    logit = -1.5 + interest + appeal - 0.25 * np.minimum(number, 4)
    taken = g.random(shape) < expit(logit)
    if world.stops:
        before = np.cumsum(taken, 2) - taken
        shown &= before == 0
    again = shown & (number > 0)
    chance = CHANGES[world.way](
        np.broadcast_to(interest, shape).ravel(), (number / (MOST - 1)).ravel()
    ).reshape(shape)
    changed = again & (g.random(shape) < chance)
    profile, title, exposure = np.nonzero(shown)
    return pa.table(
        {
            "profile_id": profile,
            "title_id": title,
            "decision_id": pa.nulls(len(profile), pa.string()),
            "exposure": exposure + 1,
            "before": pa.array(["a" if seen else None for seen in again[shown]], pa.string()),
            "changed": changed[shown],
            "impressions": np.ones(len(profile), int),
            "taken": taken[shown],
        }
    )
