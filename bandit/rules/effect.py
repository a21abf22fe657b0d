"""What the rules that hold for a page do to one title's candidates.

Prohibitions go first: what is denied, or not allowed, is no candidate, whatever else is said of it.
A pin decides among what is left; floors and caps bound the probabilities of what is left where
nothing is pinned. A cap means nothing where a single candidate is left.

Where a condition asks for a fact that is not known, prohibitions and caps hold and permissions do
not: an artwork that Germany may not see is not shown to somebody who may be there. Where that
would leave nothing, only what is known to hold does. Caps, floors and pins give way before
prohibitions do: what is held in doubt need not hold together for any page.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from bandit.draws import text_word
from bandit.rules.rule import NO, PERHAPS, YES, Rule

FREE = -1
"""The rank of what is pinned where nothing is."""
PROHIBITING = ("deny", "allow")
"""Effects that say what may be shown at all."""
NEAR = 1e-9
"""Sums of shares that miss 1 by less are 1."""


class Touch(NamedTuple):
    """A rule, and the candidates of one title that it is about."""

    rule: Rule
    ranks: tuple[int, ...]


class Contradiction(ValueError):
    """Rules that cannot hold together; the message says why not."""


@dataclass(frozen=True)
class Effect:
    """What rules make of a title's candidates, rank by rank."""

    allowed: Bool[np.ndarray, " ranks"]
    floors: Float[np.ndarray, " ranks"]
    caps: Float[np.ndarray, " ranks"]
    pinned: int
    """Rank that is always shown; FREE: none."""
    word: int
    """A hash of all of it, which seeds mix in; 0: no rule changes anything."""
    rules: tuple[str, ...]
    """Ids of the rules that hold."""

    @property
    def bounded(self) -> bool:
        """Whether probabilities must lie within bounds."""
        return bool((self.floors > 0).any() or (self.caps[self.allowed] < 1).any())


def effect_of(
    names: Sequence[str], touching: Sequence[Touch], states: Sequence[int]
) -> Effect | None:
    """What rules do to a title; None: nothing.

    Args:
        names: artwork ids of the title's candidates.
        touching: the rules about them.
        states: of each rule, NO, PERHAPS or YES.

    Raises:
        Contradiction: they cannot hold together, even where only what is known to hold does.
    """
    if PERHAPS not in states:
        return _resolved(names, touching, states, doubt=False)
    effects = [touch.rule.effect for touch in touching]
    both = list(zip(effects, states, strict=True))
    surely = [NO if what == "cap" and state == PERHAPS else state for what, state in both]
    barely = [state if what in PROHIBITING else NO for what, state in both]
    for doubt in (True, False):
        for some in (states, surely, barely):
            with suppress(Contradiction):
                return _resolved(names, touching, some, doubt)
    return _resolved(names, touching, barely, doubt=False)


def _resolved(
    names: Sequence[str], touching: Sequence[Touch], states: Sequence[int], doubt: bool
) -> Effect | None:
    """The effect, where prohibitions hold in doubt or do not."""
    least = PERHAPS if doubt else YES
    allowed, held = np.ones(len(names), bool), list[str]()
    permitted = np.ones(len(names), bool)
    for rule, ranks in touching:
        if rule.effect == "allow":
            permitted[list(ranks)] = False
    for (rule, ranks), state in zip(touching, states, strict=True):
        at = list(ranks)
        if rule.effect == "deny" and state >= least:
            allowed[at] = False
        elif rule.effect == "allow" and state >= (YES if doubt else PERHAPS):
            permitted[at] = True
    allowed &= permitted
    if not allowed.any():
        raise Contradiction("together they leave nothing to show")
    floors, caps, pins = np.zeros(len(names)), np.ones(len(names)), set[int]()
    for (rule, ranks), state in zip(touching, states, strict=True):
        at = [rank for rank in ranks if allowed[rank]]
        if rule.effect == "pin" and state == YES:
            pins.update(at)
        elif rule.effect == "floor" and state == YES:
            floors[at] = np.maximum(floors[at], rule.bound)
        elif rule.effect == "cap" and state >= least:
            caps[at] = np.minimum(caps[at], rule.bound)
        if state >= _needed(rule, least) and (at or rule.effect in PROHIBITING):
            held.append(rule.id)
    if len(pins) > 1:
        raise Contradiction(
            "they pin " + " and ".join(repr(names[rank]) for rank in sorted(pins)[:2])
        )
    alone = int(allowed.sum()) == 1
    if alone or pins:
        floors[:], caps[:] = 0, 1
    _refuse_impossible(names, allowed, floors, caps)
    pinned = next(iter(pins)) if pins and not alone else FREE
    if allowed.all() and pinned == FREE and not floors.any() and (caps == 1).all():
        return None
    kept = [name for name, shown in zip(names, allowed, strict=True) if shown]
    pin = None if pinned == FREE else names[pinned]
    bounds = floors[allowed].tolist(), caps[allowed].tolist()
    word = text_word("ruled", pin, *bounds[0], *bounds[1], *kept) or 1
    return Effect(allowed, floors, np.where(allowed, caps, 0.0), pinned, word, tuple(held))


def _needed(rule: Rule, least: int) -> int:
    """The state from which on a rule holds; an `allow` does whether or not it allows."""
    if rule.effect == "allow":
        return NO
    return YES if rule.effect in ("pin", "floor") else least


def _refuse_impossible(
    names: Sequence[str],
    allowed: Bool[np.ndarray, " ranks"],
    floors: Float[np.ndarray, " ranks"],
    caps: Float[np.ndarray, " ranks"],
) -> None:
    """Refuse bounds that no probabilities keep.

    Raises:
        Contradiction: a floor above its cap, floors of more than 1, or caps of less.
    """
    over = np.flatnonzero(floors > caps)
    if len(over):
        rank = int(over[0])
        raise Contradiction(
            f"the floor of {names[rank]!r}, {floors[rank]:g}, is above its cap, {caps[rank]:g}"
        )
    if floors.sum() > 1 + NEAR:
        raise Contradiction(f"their floors come to {floors.sum():g}, more than 1")
    if caps[allowed].sum() < 1 - NEAR:
        raise Contradiction(
            f"their caps leave {1 - caps[allowed].sum():g} of the probability to no artwork"
        )
