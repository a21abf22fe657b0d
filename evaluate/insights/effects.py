"""What an attribute of artwork adds to the reward of a draw, for everybody and for an audience.

Titles are held against themselves: of each decision, what its candidates with the attribute would
have earned, drawn evenly, less what those without it would have. Both sides are weighted by how
unlikely each draw was, so that artwork shown to those who like it is not flattered.

Source: Hájek (1971), comment on "An essay on the logical foundations of survey sampling"; the
deviation by members is the linearised one of a ratio (Binder 1983).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import false_discovery_control, norm

from evaluate.insights.attributes import Attribute
from evaluate.insights.draws import LoggedDraws, Segment

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


_Found = list[tuple[AttributeEffect, float]]


@dataclass(frozen=True)
class _Sums:
    """What draws with an attribute (side 1) and without it (side 0) come to, by value of a segment.

    All that is asked of any of these values is linear in such sums.
    """

    weight: Float[np.ndarray, "sides members values"]
    earned: Float[np.ndarray, "sides members values"]
    """Weighted rewards beyond the level of their title."""
    squares: Float[np.ndarray, "sides values"]
    """Of weights."""
    reward: Float[np.ndarray, "sides values"]
    """Weighted, as it was earned."""
    draws: Int[np.ndarray, "sides members values"]

    def others(self) -> "_Sums":
        """Of all values but each."""
        every = {one.name: getattr(self, one.name) for one in fields(self)}
        return _Sums(**{name: sums.sum(-1, keepdims=True) - sums for name, sums in every.items()})

    @cached_property
    def total(self) -> Float[np.ndarray, "sides values"]:
        """Of weights; 1 where there is no draw."""
        return np.where(self.draws.sum(1) > 0, self.weight.sum(1), 1.0)

    @cached_property
    def enough(self) -> Bool[np.ndarray, " values"]:
        """Where both sides have weight enough to say anything (Kish)."""
        there = self.draws.sum(1) >= FEWEST  # sizes are below it, and sums that are 0 are not quite
        sizes = np.divide(self.total**2, self.squares, out=np.zeros(there.shape), where=there)
        return np.all(sizes >= FEWEST, axis=0)

    @cached_property
    def adds(self) -> Float[np.ndarray, " values"]:
        """Mean with the attribute less the mean without it."""
        lacks, has = self.earned.sum(1) / self.total
        return has - lacks

    @cached_property
    def tells(self) -> Float[np.ndarray, "members values"]:
        """What each member adds to the error of it."""
        mean = self.earned.sum(1, keepdims=True) / self.total[:, None]
        lacks, has = (self.earned - self.weight * mean) / self.total[:, None]
        return has - lacks


class _Sides:
    """Draws with an attribute and without it, of decisions that had both, by their weights."""

    def __init__(
        self, draws: LoggedDraws, attribute: Attribute, level: Float[np.ndarray, " draws"]
    ) -> None:
        has, known = attribute.has & attribute.known, attribute.known
        counts = [((known[rows] & ~has[rows]).sum(), has[rows].sum()) for rows in draws.candidates]
        of_list = np.array(counts, float)
        both = np.all(of_list > 0, axis=1)
        self.rows = np.flatnonzero(both[draws.among] & known[draws.artwork])
        among, artwork = draws.among[self.rows], draws.artwork[self.rows]
        self.side = has[artwork].astype(np.int64)
        self.weight = 1 / (draws.propensity[self.rows] * of_list[among, self.side])
        self.reward = draws.reward[self.rows]
        self.earned = self.weight * (self.reward - level[self.rows])
        self.member, self.members = draws.member[self.rows], draws.members

    def sums(self, segment: Segment) -> _Sums:
        """By audience of a segment, draws to none of these last."""
        values = len(segment.audiences) + 1
        code = segment.code[self.rows]
        side = self.side * values + code
        cell = (self.side * self.members + self.member) * values + code
        shape = 2, self.members, values

        def by_side(numbers: Float[np.ndarray, " draws"]) -> Float[np.ndarray, "sides values"]:
            return np.bincount(side, numbers, 2 * values).reshape(2, values)

        return _Sums(
            np.bincount(cell, self.weight, 2 * self.members * values).reshape(shape),
            np.bincount(cell, self.earned, 2 * self.members * values).reshape(shape),
            by_side(self.weight**2),
            by_side(self.weight * self.reward),
            np.bincount(cell, None, 2 * self.members * values).reshape(shape),
        )


def effects_of(draws: LoggedDraws, attributes: Sequence[Attribute]) -> AttributeEffects:
    """What each attribute adds for everybody, and for each audience over all others.

    Args:
        draws: of a log.
        attributes: of the catalogue's artworks.
    """
    level = _levels(draws)
    all_of_them = Segment([], np.zeros(len(draws.reward), np.int64))
    everybody, audiences = _Found(), _Found()
    for attribute in attributes:
        sides = _Sides(draws, attribute, level)
        whole = sides.sums(all_of_them)
        if not whole.enough[0]:
            continue
        everybody += _effects(attribute.name, ["everybody"], whole, whole.adds, whole.tells)
        for segment in draws.segments:
            inside = sides.sums(segment)
            outside = inside.others()
            apart, tells = inside.adds - outside.adds, inside.tells - outside.tells
            both = inside.enough & outside.enough
            audiences += _effects(attribute.name, segment.audiences, inside, apart, tells, both)
    return AttributeEffects(_surest(everybody), _surest(audiences))


def _effects(
    attribute: str,
    audiences: Sequence[str],
    inside: _Sums,
    apart: Float[np.ndarray, " values"],
    tells: Float[np.ndarray, "members values"],
    told: Bool[np.ndarray, " values"] | None = None,
) -> _Found:
    """Effects whose chance is still to be said, and their probabilities were there none.

    Args:
        attribute: its name.
        audiences: the first values of the sums.
        inside: sums of these.
        apart: what is asked whether it is anything.
        tells: what each member adds to the error of that.
        told: of which enough is known; None: of all.
    """
    own, error = Z * _deviation(inside.tells), _deviation(tells)
    drawn = inside.draws.sum(0)
    members, draws = (drawn > 0).sum(0), drawn.sum(0)
    without, with_it = inside.reward / inside.total
    found = _Found()
    for at, audience in enumerate(audiences):
        if told is not None and not told[at]:
            continue
        numbers = (without, with_it, inside.adds, own, apart, error)
        lacks, has, adds, around, beyond, deviation = (float(each[at]) for each in numbers)
        ends = adds - around, adds + around
        rest = beyond, beyond - Z * deviation, beyond + Z * deviation
        made = AttributeEffect(
            *(attribute, audience, int(members[at]), int(draws[at])),
            *(has, lacks, adds, *ends, *rest, 1.0),
        )
        found.append((made, float(2 * norm.sf(abs(beyond) / deviation)) if deviation > 0 else 1.0))
    return found


def _surest(found: _Found) -> list[AttributeEffect]:
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


def _deviation(tells: Float[np.ndarray, "members values"]) -> Float[np.ndarray, " values"]:
    """Of sums of what members tell, these being what is independent."""
    count = len(tells)
    return np.sqrt((tells**2).sum(0) * count / max(1, count - 1))
