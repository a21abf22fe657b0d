"""`python -m bench probation`: what bounding new artwork costs, and saves, where truth is known.

Every title has four artworks that the model knows and one that comes new. The model believes of new
artwork what it is worth, twice as much, or two fifths; nights add what was seen. The same worlds
are lived with and without the rules of `evaluate probation`, which each night are written as rules,
held against the catalogue and kept by the product's own probabilities.
"""

from dataclasses import dataclass, field

import numpy as np
from rich.progress import track

from bandit.head_policy import HeadPolicy
from bandit.rules.book import RuleBook
from bandit.rules.decide import ruled_probabilities
from bench.serving.random_maps import numbered_layout
from data.rules.as_json import parse_rule
from data.rules.compiled import rule_book
from data.rules.traits import ArtworkTraits
from evaluate.probation.standing import standing
from evaluate.probation.terms import (
    ANYWHERE,
    WHO,
    OnProbation,
    ProbationTerms,
    probation_rules,
    spendings,
)

KNOWN, HEADS, HISTORY, LOGGED = 4, 20, 2000, 800
"""Artwork of a title; heads; draws of each that the model saw, and of titles in the log."""
NEW = KNOWN
"""Code of the new artwork of each title."""
WORTH = (1.25, 1.0, 0.6, 0.0)
"""Of new artwork, to the best of its title, in turn."""
BELIEFS = {"rightly": (1.0, 50), "too well": (2.0, 200), "too badly": (0.4, 200)}
"""What the model makes of new artwork: times its worth, and as if it had seen so many draws."""
BY_SEED = np.random.default_rng


@dataclass
class ProbationLife:
    """One world, day after day."""

    titles: int
    pages: int
    """Draws of each title a day."""
    belief: str
    seed: int
    terms: ProbationTerms | None
    """None: without probation."""
    regret: float = 0.0
    cost: list[float] = field(default_factory=list)
    """Of new artwork, a day: takes expected less than of each title's best known."""
    bounded: list[float] = field(default_factory=list)
    """The same of artwork on probation alone."""
    stated: list[float] = field(default_factory=list)
    found: dict[int, int] = field(default_factory=dict)
    """Title whose new artwork is best → its draws when half of the pages show it."""
    stopped: dict[int, int] = field(default_factory=dict)
    """Title → draws of its new artwork when it was taken out."""
    worst: np.ndarray = field(init=False)
    """Takes that each title's new artwork has cost."""

    def __post_init__(self) -> None:
        rng = BY_SEED([self.seed, 1])
        known = rng.beta(12, 90, (self.titles, KNOWN))
        self.worth = np.array([WORTH[title % len(WORTH)] for title in range(self.titles)])
        new = known.max(1) * self.worth
        self.truth = np.column_stack([known, new])
        self.rng = BY_SEED([self.seed, 2])
        times, strength = BELIEFS[self.belief]
        believed = np.clip(np.where(self.worth > 0, new, known.mean(1)) * times, 0.005, 0.9)
        won = self.rng.binomial(HISTORY, known).astype(float)
        self.won = np.column_stack([won + 1, believed * strength])
        self.lost = np.column_stack([HISTORY - won + 9, (1 - believed) * strength])
        self.log = [[self._history(known[title])] for title in range(self.titles)]
        self.probing = np.zeros(self.titles, bool)
        self.layout = numbered_layout(self.titles, KNOWN + 1)
        self.worst = np.zeros(self.titles)
        self.draws = np.zeros(self.titles, int)

    def _history(self, known: np.ndarray) -> np.ndarray:
        """A log of the known artwork of a title, drawn evenly: what was drawn, how, what came."""
        actions = self.rng.integers(0, KNOWN, LOGGED)
        taken = self.rng.random(LOGGED) < known[actions]
        return np.stack([actions, np.full(LOGGED, 1 / KNOWN), taken])

    def live(self, days: int) -> None:
        """Live through some days; rules are written before each."""
        policy = HeadPolicy("thompson", 0.02)
        free = RuleBook((), (), self.layout.artwork_ids, self.layout.starts)
        for _ in range(days):
            book = free if self.terms is None else self._night()
            slots = np.arange(self.titles)
            codes = book.codes(book.case({}, 0), slots)
            effects = book.effects
            effects.allowed[0], effects.caps[0] = True, 1.0  # code 0: no rule changes it
            heads = self.rng.beta(
                self.won[:, None], self.lost[:, None], (self.titles, HEADS, KNOWN + 1)
            ).astype(np.float32)
            self._day(ruled_probabilities(heads, effects, codes, policy))

    def _day(self, chances: np.ndarray) -> None:
        best = self.truth[:, :KNOWN].max(1)
        shown = np.stack([self.rng.multinomial(self.pages, row) for row in chances])
        taken = self.rng.binomial(shown, self.truth)
        self.won += taken
        self.lost += shown - taken
        self.regret += float((shown * (self.truth.max(1)[:, None] - self.truth)).sum())
        gaps = np.maximum(best - self.truth[:, NEW], 0)
        costs = self.pages * chances[:, NEW] * gaps
        self.cost.append(float(costs.sum()))
        self.bounded.append(float(costs[self.probing].sum()))
        self.worst += shown[:, NEW] * gaps
        self.draws += shown[:, NEW]
        for title in range(self.titles):
            if self.worth[title] > 1 and title not in self.found and chances[title, NEW] >= 0.5:
                self.found[title] = int(self.draws[title])
            actions = np.repeat(np.arange(KNOWN + 1), shown[title])
            rewards = np.concatenate(
                [np.arange(n) < k for n, k in zip(shown[title], taken[title], strict=True)]
            )
            self.log[title].append(np.stack([actions, chances[title][actions], rewards]))

    def _night(self) -> RuleBook:
        """The rules of the day, as the product writes and holds them."""
        assert self.terms is not None
        its = [self._judged(title, self.terms) for title in range(self.titles)]
        self.probing = np.array([one.state == "on probation" for one in its])
        self.stated.append(sum(one.at_most for one in spendings(its, self.terms).values()))
        written = [parse_rule({**rule, "who": WHO}) for rule in probation_rules(its, self.terms)]
        none = [frozenset[str]() for _ in self.layout.artwork_ids]
        titles = np.repeat(self.layout.title_ids, KNOWN + 1).tolist()
        traits = ArtworkTraits(self.layout.artwork_ids, titles, {}, none, none)
        ids = self.layout.title_ids.tolist()
        return rule_book(written, traits, ids, self.layout.artwork_ids, self.layout.starts)

    def _judged(self, title: int, terms: ProbationTerms) -> OnProbation:
        rows = np.concatenate(self.log[title], 1)
        actions, chances, rewards = rows[0].astype(int), rows[1], rows[2]
        beside = np.arange(len(actions)) >= LOGGED
        if title in self.stopped:  # it is no candidate since
            beside &= np.cumsum(actions == NEW) < self.stopped[title]
        stands = standing(
            NEW, range(KNOWN), actions, chances, rewards, beside, terms.draws, terms.alpha
        )
        if title not in self.stopped and stands.lost(terms.margin):
            self.stopped[title] = stands.draws
        state = "passed" if stands.draws >= terms.draws else "on probation"
        names = self.layout.candidates(title)
        return OnProbation(
            names[NEW],
            self.layout.title_ids.item(title),
            stands.draws,
            names[stands.best],
            stands.best_value,
            stands.difference,
            stands.low,
            stands.high,
            "stopped" if title in self.stopped else state,
            stands.gap,
            {ANYWHERE: float(self.pages)},
        )


def probation(
    worlds: int = 10,
    titles: int = 40,
    pages: int = 400,
    days: int = 28,
    budget: float = 40.0,
    seed: int = 0,
    quick: bool = False,
) -> dict[str, object]:
    """Live through worlds with and without probation, and with a budget.

    Args:
        worlds: Lived through; intervals are over them.
        titles: Of each, with one new artwork in five.
        pages: Draws of a title a day.
        days: Lived.
        budget: Takes that new artwork may cost a day, of all titles together.
        seed: Of the first world.
        quick: One small world: to see that it works.
    """
    if quick:
        worlds, titles, days = 1, 8, 5
    ways = {
        "without": None,
        "with": ProbationTerms(),
        "with a budget": ProbationTerms(budgets={ANYWHERE: budget}),
    }
    figures: dict[str, object] = {
        "worlds": worlds,
        "titles": titles,
        "days": days,
        "budget": budget,
    }
    for belief in BELIEFS:
        lives: dict[str, list[ProbationLife]] = {name: [] for name in ways}
        for at in track(range(worlds), f"new artwork believed {belief}"):
            for name, terms in ways.items():
                life = ProbationLife(titles, pages, belief, seed + at, terms)
                life.live(days)
                lives[name].append(life)
        base = np.array([life.regret for life in lives["without"]])
        figures[f"believed {belief}"] = {
            name: _figures(its, base, budget if "budget" in name else None)
            for name, its in lives.items()
        }
    return figures


def _figures(
    lives: list[ProbationLife], base: np.ndarray, budget: float | None
) -> dict[str, object]:
    regret = np.array([life.regret for life in lives])
    ratio = regret / base
    good = [t for life in lives for t in range(life.titles) if life.worth[t] > 1]
    found = [draws for life in lives for draws in life.found.values()]
    bad = [life.worst[life.worth == 0] for life in lives]
    dead = np.concatenate(bad)
    cost = np.array([life.cost for life in lives])
    stops = [life.worth[t] for life in lives for t in life.stopped]
    said: dict[str, object] = {
        "regret": round(float(regret.mean()), 1),
        "regret_to_without": round(float(ratio.mean()), 3),
        "regret_interval": round(1.96 * float(ratio.std(ddof=1)) / len(ratio) ** 0.5, 3)
        if len(ratio) > 1
        else None,
        "found": round(len(found) / len(good), 3),
        "draws_until_found_p50": float(np.median(found)) if found else None,
        "draws_until_found_p90": float(np.quantile(found, 0.9)) if found else None,
        "cost_of_an_artwork_without_takes_mean": round(float(dead.mean()), 1),
        "cost_of_the_worst_artwork": round(float(dead.max()), 1),
        "cost_a_day_mean": round(float(cost.mean()), 2),
        "cost_of_the_worst_day": round(float(cost.max()), 1),
        "stopped_by_worth": {f"{worth:g}": stops.count(worth) for worth in WORTH},
    }
    if lives[0].stated:
        stated = np.array([life.stated for life in lives])
        bounded = np.array([life.bounded for life in lives])
        under = bounded <= stated + 1e-9
        said["days_within_what_was_stated"] = round(float(under.mean()), 4)
    if budget is not None:
        bounded = np.array([life.bounded for life in lives])
        said["days_over_budget"] = int((bounded > budget).sum())
        said["days"] = bounded.size
    return said
