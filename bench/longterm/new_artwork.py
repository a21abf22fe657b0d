"""New artwork whose worth takes weeks to come: who finds the best of a title at what regret."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from bench.longterm.stage import linear
from evaluate.longterm.progressive import TraceBelief, belief_of_means, belief_of_one_mean
from evaluate.longterm.trace_prior import TracePrior, learn_prior
from simulate.longterm.long_world import LongWorld
from simulate.longterm.roll_out import roll_out
from simulate.named_rng import named_generator

DAYS = 28
"""Of a trace: takes on the day of the impression and on each day after."""
PROXY_DAYS = 2
AT_ONCE = 2
"""Numbers before a trace that are seen on its first day: early and late ends of the play itself."""
AGES = np.concatenate([np.zeros(AT_ONCE, int), np.arange(DAYS)])
"""Day on which each number comes."""
SCALE = 0.1
"""Of the doubt that is explored: the product's own share (`posterior_scale`)."""
DRAWS = 400
"""Of Thompson sampling a day, by which impressions are shared out."""


@dataclass(frozen=True)
class ArtworkRegret:
    """What new artwork of a title costs until the best of it is found, in one seed.

    Attributes:
        posters: as rendered, one in ten misleading; or baited, half of each title's.
        seed: of the world.
        learner: progressive (all that was seen, how a play ended among it), takes alone
            (progressive, by takes), foretold (the first two days of all, and what they foretell),
            waiting, two days (their takes) or oracle (every trace known at once).
        regret: takes of 28 days lost, for each impression; mean over titles.
        even: the same of even draws.
        titles: with new artwork.
    """

    posters: str
    seed: int
    learner: str
    regret: float
    even: float
    titles: int


class _Pools(NamedTuple):
    """Traces after impressions: the same members and random numbers for each artwork."""

    traces: Float[np.ndarray, "titles candidates members numbers"]
    """What came at once, then takes by day."""
    known: Float[np.ndarray, "titles members facts"]
    """Of each member before the impression."""

    def beyond_habits(self, older: int) -> Float[np.ndarray, "titles candidates members numbers"]:
        """Traces less what their members were expected to do anyway, by older titles' members.

        It is the same for all artwork of a title, so it moves no comparison; members differ far
        more from each other than artwork does.

        Args:
            older: titles from which it is learnt.
        """
        x, y = self.known[:older], self.traces[:older].mean(1)
        weights = linear(x.reshape(-1, x.shape[-1]), y.reshape(-1, len(AGES)).astype(float))
        return self.traces - (self.known @ weights)[:, None].astype(np.float32)


# Each is a size of the run, or names it.
def artwork_regrets(
    posters: str, world: LongWorld, members: int, impressions: int, days: int, seed: int
) -> list[ArtworkRegret]:
    """Play the learners on titles with new artwork, after a prior of the other titles'.

    Args:
        posters: what the world's posters are called.
        world: members and titles; two thirds of the titles are the older ones.
        members: impressions of each artwork that are drawn from.
        impressions: a title and day.
        days: how long learners go on.
        seed: of all that is random.
    """
    older = len(world.artworks) * 2 // 3
    pools = _pools(world, members, seed).beyond_habits(older)
    # An artwork's own part: what differs from its title's, whose mean is known from other artwork.
    own = pools - pools.mean((1, 2), keepdims=True)
    old = own[:older].reshape(-1, members, len(AGES))
    item = np.repeat(np.arange(len(old)), members)
    prior = learn_prior(item, old.reshape(-1, len(AGES)))
    rows = []
    new = own[older:]
    for name, chooser in LEARNERS.items():
        rng = named_generator("new artwork", seed, name)
        lost = [_regret(prior, title, chooser, impressions, days, rng) for title in new]
        worth = new[..., AT_ONCE:].sum(-1).mean(-1)
        even = float((worth.max(1) - worth.mean(1)).mean())
        rows.append(ArtworkRegret(posters, seed, name, float(np.mean(lost)), even, len(new)))
    return rows


def _pools(world: LongWorld, members: int, seed: int) -> _Pools:
    rng = named_generator("pools", seed)
    titles, candidates = world.artworks.shape
    made = np.zeros((titles, candidates, members, len(AGES)), np.float32)
    effects, rate = world.effects, world.usual_takes
    known = np.zeros((titles, members, 8))
    for title in range(titles):
        who = rng.integers(0, world.members, members)
        part, draws = world.part(who), rng.random((members, 3))
        visits, own, usual = expit(part.activity), part.takes[:, title].mean(1), rate[who]
        facts = (visits**0, visits, visits**2, usual, visits * usual, own, own**2, usual**2)
        known[title] = np.stack(facts, axis=1)
        for at in range(candidates):
            odds = np.exp(part.logit[:, title, at])
            played = draws[:, 0] < odds / (1 + odds)
            taken = played & (draws[:, 1] < part.liked[:, title, at])
            misled, quits = world.mislead[title, at], played & ~taken
            soon = effects.early_honest + (effects.early_misled - effects.early_honest) * misled
            early = quits & (draws[:, 2] < soon)
            moved = effects.joy * taken - effects.fall * misled * quits
            moved = moved - effects.hidden * misled * played
            course = roll_out(part, part.even, DAYS - 1, seed + title, moved)
            made[title, at, :, :3] = np.stack([early, quits & ~early, taken], axis=1)
            made[title, at, :, 3:] = course.takes
    return _Pools(made, known)


class _Seen(NamedTuple):
    """Sums of traces by the day of their impressions, of each candidate."""

    shown: Int[np.ndarray, "candidates days"]
    sums: Float[np.ndarray, "candidates days numbers"]

    def by_day(
        self, candidate: int, today: int, numbers: slice
    ) -> tuple[Float[np.ndarray, " known"], Float[np.ndarray, " known"]]:
        """How many were seen of each number of a trace before today, and their mean."""
        ages = today - np.arange(today)  # days of each earlier day's traces that are seen
        reached = ages[:, None] > AGES[numbers]
        count = (self.shown[candidate, :today, None] * reached).sum(0).astype(np.float64)
        sums = (self.sums[candidate, :today, numbers] * reached).sum(0)
        known = int(np.argmin(count > 0)) if not (count > 0).all() else len(count)
        return count[:known], sums[:known] / count[:known]

    def whole(self, candidate: int, today: int, age: int, first: int) -> tuple[float, float]:
        """Impressions of at least an age, and the mean of their first days' takes."""
        until = max(today - age + 1, 0)
        count = float(self.shown[candidate, :until].sum())
        total = float(self.sums[candidate, :until, AT_ONCE : AT_ONCE + first].sum())
        return count, total / count if count else 0.0


Chooser = Callable[[TracePrior, _Seen, int, int], tuple[float, float]]


def _progressive(first: int, days: int = DAYS) -> Chooser:
    """Belief of the whole from a trace as far as it is seen.

    Args:
        first: number of the trace that is looked at first; 0: what came at once as well.
        days: of it that are looked at.
    """
    looked = int((AGES[first:] < days).sum())

    def chooser(prior: TracePrior, seen: _Seen, candidate: int, today: int) -> tuple[float, float]:
        of = TracePrior(
            prior.mean[first:], prior.covariance[first:, first:], prior.noise[first:, first:]
        )
        count, mean = seen.by_day(candidate, today, slice(first, None))
        belief: TraceBelief = belief_of_means(of, count[:looked], mean[:looked])
        return belief.total_after(AT_ONCE - first)

    return chooser


def _of_first(days: int, age: int) -> Chooser:
    """Belief of the takes of the first days, from impressions of at least an age."""
    own = slice(AT_ONCE, AT_ONCE + days)

    def chooser(prior: TracePrior, seen: _Seen, candidate: int, today: int) -> tuple[float, float]:
        about = float(prior.mean[own].sum()), float(prior.covariance[own, own].sum())
        count, mean = seen.whole(candidate, today, age, days)
        if not count:
            return about
        return belief_of_one_mean(about, float(prior.noise[own, own].sum()) / count, mean)

    return chooser


LEARNERS: dict[str, Chooser] = {
    "progressive": _progressive(0),
    "takes alone": _progressive(AT_ONCE),
    "foretold": _progressive(0, PROXY_DAYS),
    "waiting": _of_first(DAYS, DAYS),
    "two days": _of_first(PROXY_DAYS, PROXY_DAYS),
    "oracle": _of_first(DAYS, 1),
}


# Each is a part of one title's play.
def _regret(
    prior: TracePrior,
    pool: Float[np.ndarray, "candidates members numbers"],
    chooser: Chooser,
    impressions: int,
    days: int,
    rng: np.random.Generator,
) -> float:
    """Takes lost an impression, over all days, by Thompson sampling of a learner's beliefs."""
    candidates, members, _ = pool.shape
    worth = pool[..., AT_ONCE:].sum(-1, dtype=np.float64).mean(-1)
    seen = _Seen(np.zeros((candidates, days)), np.zeros((candidates, days, len(AGES))))
    lost = 0.0
    for today in range(days):
        beliefs = np.array([chooser(prior, seen, at, today) for at in range(candidates)])
        spread = SCALE * np.sqrt(np.maximum(beliefs[:, 1], 0.0))
        drawn = beliefs[:, 0] + spread * rng.standard_normal((DRAWS, candidates))
        share = np.bincount(drawn.argmax(1), minlength=candidates) / DRAWS
        lost += float(worth.max() - share @ worth)
        for at, count in enumerate(np.floor(share * impressions).astype(int)):
            times = np.bincount(rng.integers(0, members, count), minlength=members)
            seen.shown[at, today] = count
            seen.sums[at, today] = times @ pool[at]
    return lost / days
