"""The terms of probation, and the rules that keep to them."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from data.records import TitleId
from data.rules.as_json import RuleJson

WHO = "marquee"
"""Who wants the rules that the system writes."""
ANYWHERE = ""
"""The surface of a budget for all of them."""
SMALLEST = 0.001
"""A share below which nothing is worth bounding: the artwork waits for a budget."""


@dataclass(frozen=True)
class ProbationTerms:
    """How much is risked on new artwork.

    Raises:
        ValueError: a share is none, the floor is above the cap, or a number makes no sense.
    """

    draws: int = 200
    floor: float = 0.05
    cap: float = 0.2
    margin: float = 0.2
    """Of what the title's best earns."""
    alpha: float = 0.05
    budgets: Mapping[str, float] = field(default_factory=dict)
    """Surface → takes that new artwork may cost a day there; ANYWHERE: on all together."""

    def __post_init__(self) -> None:
        if not 0 < self.floor <= self.cap < 1:
            raise ValueError(
                f"floor {self.floor:g} and cap {self.cap:g}: give shares above 0 and below 1, the "
                "floor not above the cap"
            )
        if self.draws < 1 or not 0 < self.margin < 1 or not 0 < self.alpha < 1:
            raise ValueError("draws are at least 1, margin and alpha above 0 and below 1")
        if any(not 0 < takes < float("inf") for takes in self.budgets.values()):
            raise ValueError("a budget is a number of takes a day, above 0")


@dataclass(frozen=True)
class OnProbation:
    """One new artwork, and what becomes of it."""

    artwork_id: str
    title_id: TitleId
    draws: int
    best_id: str
    best_value: float
    difference: float
    low: float
    high: float
    state: Literal["on probation", "passed", "stopped"]
    gap: float
    """What a draw of it may cost at most."""
    daily: Mapping[str, float]
    """Draws of its title a day, by surface."""


@dataclass(frozen=True)
class Spending:
    """What new artwork may cost a day on a surface, at most, whatever the policy does."""

    surface: str
    at_most: float
    """Takes a day, under the rules that are written."""
    budget: float | None
    scale: float
    """Share of floors and caps that the budget leaves."""


def spendings(artworks: Sequence[OnProbation], terms: ProbationTerms) -> dict[str, Spending]:
    """How far floors and caps must shrink to keep to budgets, by surface.

    An artwork is drawn at most with its cap, so it costs at most the draws of its title, times the
    cap, times what a draw of it may cost. Draws of which no surface is known may be of any, and
    count on each.
    """
    its = [one for one in artworks if one.state == "on probation"]
    by_surface = set(terms.budgets) - {ANYWHERE} or {ANYWHERE}
    if by_surface != {ANYWHERE}:
        by_surface |= {surface for one in its for surface in one.daily if surface}
    found = {}
    for surface in sorted(by_surface):
        worst = sum(
            terms.cap * one.gap * daily
            for one in its
            for name, daily in one.daily.items()
            if surface == name or ANYWHERE in (surface, name)
        )
        found[surface] = (worst, terms.budgets.get(surface))
    scales = {
        surface: min(1.0, budget / worst) if budget is not None and worst > 0 else 1.0
        for surface, (worst, budget) in found.items()
    }
    total = sum(scales[surface] * worst for surface, (worst, _) in found.items())
    of_all = terms.budgets.get(ANYWHERE)
    shrink = min(1.0, of_all / total) if of_all is not None and total > 0 else 1.0
    if ANYWHERE in found:
        shrink = 1.0  # it is the only surface, and in its scale already
    return {
        surface: Spending(
            surface, worst * scales[surface] * shrink, budget, scales[surface] * shrink
        )
        for surface, (worst, budget) in found.items()
    }


def probation_rules(artworks: Sequence[OnProbation], terms: ProbationTerms) -> list[RuleJson]:
    """The rules of artwork on probation, and of artwork that was stopped.

    A floor and a cap for each surface with a budget, else for all pages; a deny where it is over.
    """
    rules: list[RuleJson] = []
    spent = spendings(artworks, terms)
    for one in artworks:
        about: RuleJson = {"about": {"artwork": one.artwork_id}}
        mark = hashlib.blake2b(one.artwork_id.encode(), digest_size=6).hexdigest()
        if one.state == "stopped":
            why = (
                f"stop-loss: after {one.draws} draws it earns less than {one.best_id} by "
                f"{-one.high:.4f} or more a draw, which is over {terms.margin:.0%} of "
                f"{one.best_value:.4f}; take this rule out to try it again"
            )
            rules.append({"id": f"stop-{mark}", "effect": "deny", **about, "why": why})
            continue
        if one.state == "passed":
            continue
        if list(spent) != [ANYWHERE]:
            rules.append(_bound("cap", mark, about, terms.cap, ANYWHERE, terms))
        for surface, spending in spent.items():
            cap = terms.cap * spending.scale
            if cap < SMALLEST:
                where = {"where": {"surface": surface}} if surface else {}
                why = "new artwork waits: the budget leaves it less than one draw in a thousand"
                wait = f"probation-wait-{mark}-{_tail(surface)}"
                rules.append({"id": wait, "effect": "deny", **about, **where, "why": why})
                continue
            floor = min(terms.floor, cap)
            rules.append(_bound("floor", mark, about, floor, surface, terms))
            rules.append(_bound("cap", mark, about, cap, surface, terms))
    return rules


def _bound(
    effect: str, mark: str, about: RuleJson, share: float, surface: str, terms: ProbationTerms
) -> RuleJson:
    where = {"where": {"surface": surface}} if surface else {}
    return {
        "id": f"probation-{effect}-{mark}-{_tail(surface)}",
        "effect": effect,
        **about,
        **where,
        "share": math.floor(share * 1e6) / 1e6,
        "why": f"on probation until it has {terms.draws} draws",
    }


def _tail(surface: str) -> str:
    """A surface as part of a rule's name, which takes no odd letters."""
    return hashlib.blake2b(surface.encode(), digest_size=3).hexdigest() if surface else "all"
