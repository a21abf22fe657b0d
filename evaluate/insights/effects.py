"""What an attribute of artwork adds to the reward of a draw, for everybody and for an audience.

Titles are held against themselves: of each decision, what its candidates with the attribute would
have earned, drawn evenly, less what those without it would have. Both sides are weighted by how
unlikely each draw was, so that artwork shown to those who like it is not flattered.

Source: Hájek (1971), comment on "An essay on the logical foundations of survey sampling"; the
deviation by members is the linearised one of a ratio (Binder 1983).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import false_discovery_control, norm

from evaluate.insights.attributes import Attribute
from evaluate.insights.draws import LoggedDraws

FEWEST = 30
"""Draws that weigh as much (Kish), of each side, below which nothing is said."""
Z = 1.96


@dataclass(frozen=True)
class AttributeEffect:
    """What an attribute adds."""

    attribute: str
    audience: str
    """`segment=value`, or everybody."""
    members: int
    draws: int
    """With the attribute and without it, in titles that have both."""
    reward_with: float
    """Of a draw."""
    reward_without: float
    adds: float
    low: float
    high: float
    """95% interval of `adds`."""
    over_rest: float
    """`adds`, less what it adds for all others; of everybody `adds` itself."""
    rest_low: float
    rest_high: float
    chance: float
    """Share of findings at least as sure as this one that would be chance (Benjamini and Hochberg
    1995): that it adds anything for everybody, or other than for all others."""


@dataclass(frozen=True)
class AttributeEffects:
    """All attributes for all audiences, the surest first."""

    everybody: list[AttributeEffect]
    audiences: list[AttributeEffect]


class _Sides:
    """Weights of draws with an attribute and without it, of decisions that had both."""

    def __init__(
        self, draws: LoggedDraws, attribute: Attribute, reward: Float[np.ndarray, " draws"]
    ) -> None:
        has, known = attribute.has & attribute.known, attribute.known
        counts = [(has[rows].sum(), (known[rows] & ~has[rows]).sum()) for rows in draws.candidates]
        of_list = np.array(counts, float)
        n_with, n_without = of_list[draws.among].T
        both = (n_with > 0) & (n_without > 0)
        self.draws, self.reward = draws, reward
        there = draws.propensity * both
        weight = np.divide(1.0, there, out=np.zeros(len(there)), where=both)
        shown = has[draws.artwork]
        self.has = weight * shown / np.maximum(n_with, 1)
        self.lacks = weight * (known[draws.artwork] & ~shown) / np.maximum(n_without, 1)

    def of(self, part: Bool[np.ndarray, " draws"]) -> "_Side | None":
        """Both sides among some draws; None where too little is known."""
        has, lacks = self.has * part, self.lacks * part
        if min(_size(has), _size(lacks)) < FEWEST:
            return None
        reward = self.reward
        mean_has, mean_lacks = (w @ reward / w.sum() for w in (has, lacks))
        tells = has * (reward - mean_has) / has.sum() - lacks * (reward - mean_lacks) / lacks.sum()
        return _Side(float(mean_has - mean_lacks), tells, has, lacks)


@dataclass(frozen=True)
class _Side:
    adds: float
    tells: Float[np.ndarray, " draws"]
    """What each draw adds to the error."""
    has: Float[np.ndarray, " draws"]
    lacks: Float[np.ndarray, " draws"]


def effects_of(draws: LoggedDraws, attributes: Sequence[Attribute]) -> AttributeEffects:
    """What each attribute adds for everybody, and for each audience over all others.

    Args:
        draws: of a log.
        attributes: of the catalogue's artworks.
    """
    level = _levels(draws)
    everybody, audiences = (
        list[tuple[AttributeEffect, float]](),
        list[tuple[AttributeEffect, float]](),
    )
    every = np.ones(len(draws.reward), bool)
    for attribute in attributes:
        sides = _Sides(draws, attribute, draws.reward - level)
        whole = sides.of(every)
        if whole is None:
            continue
        error = _deviation(whole.tells, draws)
        everybody.append(_effect(draws, attribute, "everybody", every, (whole, whole.adds, error)))
        for audience, part in draws.audiences.items():
            inside, outside = sides.of(part), sides.of(~part)
            if inside is None or outside is None:
                continue
            error = _deviation(inside.tells - outside.tells, draws)
            apart = inside.adds - outside.adds
            audiences.append(_effect(draws, attribute, audience, part, (inside, apart, error)))
    return AttributeEffects(_surest(everybody), _surest(audiences))


def _effect(
    draws: LoggedDraws,
    attribute: Attribute,
    audience: str,
    part: Bool[np.ndarray, " draws"],
    found: tuple[_Side, float, float],
) -> tuple[AttributeEffect, float]:
    """An effect whose chance is still to be said, and its probability were there none."""
    side, apart, error = found
    own = Z * _deviation(side.tells, draws)
    drawn = (side.has > 0) | (side.lacks > 0)
    made = AttributeEffect(
        attribute.name,
        audience,
        len(np.unique(draws.member[part & drawn])),
        int(drawn.sum()),
        float(side.has @ draws.reward / side.has.sum()),
        float(side.lacks @ draws.reward / side.lacks.sum()),
        side.adds,
        side.adds - own,
        side.adds + own,
        apart,
        apart - Z * error,
        apart + Z * error,
        1.0,
    )
    return made, float(2 * norm.sf(abs(apart) / error)) if error > 0 else 1.0


def _surest(found: list[tuple[AttributeEffect, float]]) -> list[AttributeEffect]:
    """With the share of chance among all that was asked, the least first."""
    if not found:
        return []
    shares = false_discovery_control([p for _, p in found])
    told = [
        AttributeEffect(**{**vars(one), "chance": float(share)})
        for (one, _), share in zip(found, shares, strict=True)
    ]
    return sorted(told, key=lambda one: (one.chance, -abs(one.over_rest)))


def _levels(draws: LoggedDraws) -> Float[np.ndarray, " draws"]:
    """What the candidates of each draw earn at all: taken off both sides, it cancels."""
    weight = 1 / draws.propensity
    lists = len(draws.candidates)
    total = np.bincount(draws.among, weight, minlength=lists)
    earned = np.bincount(draws.among, weight * draws.reward, minlength=lists)
    return (earned / np.maximum(total, 1e-12))[draws.among]


def _deviation(tells: Float[np.ndarray, " draws"], draws: LoggedDraws) -> float:
    """Of a sum of what draws tell, members being what is independent."""
    of_members = np.bincount(draws.member, tells)
    count = draws.members
    return float(np.sqrt((of_members**2).sum() * count / max(1, count - 1)))


def _size(weight: Float[np.ndarray, " draws"]) -> float:
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0
