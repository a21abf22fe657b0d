"""What members do with the artwork that they are shown."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from simulate.browsing.day import Outcomes
from simulate.browsing.offers import Offers
from simulate.browsing.pages import Slots
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.neighbours import alike


# Each is an array of the same places; who calls has them apart.
def respond(
    world: ArtworkWorld,
    slots: Slots,
    offers: Offers,
    choice: Int[np.ndarray, " decisions"],
    rendered: Bool[np.ndarray, " decisions"],
    competition: bool,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, "decisions candidates"], Outcomes]:
    """Expected takes of all candidates, and what members do under the chosen ones.

    Args:
        world: as it is on this day.
        slots: the places.
        offers: what may be shown there.
        choice: place of what is shown among the candidates.
        rendered: which places the member looks at.
        competition: titles on a page compete for one play.
        rng: of plays and takes.
    """
    at = np.arange(len(choice))
    candidates, valid = offers.requests.candidates, offers.requests.valid
    shown = candidates[at, choice]
    own_offset = np.broadcast_to(offers.offset, valid.shape)
    logits = world.play_logit(slots.member, shown, own_offset[at, choice])
    beside = np.zeros(valid.shape)
    if world.neighbour:
        beside = neighbour_logits(world, slots, shown, candidates, rendered)
        logits = logits + beside[at, choice]
    enjoy = world.enjoy_probability(slots.member, shown)
    takes, draw = offers.takes, rng.random(len(choice))
    if world.neighbour and not competition:
        own = world.expected_take(slots.member[:, None], candidates, offers.offset + beside)
        takes = np.where(valid, own, 0.0)
    if competition:
        odds = np.where(rendered, np.exp(logits), 0.0)
        starts, page = _pages(slots)
        # One draw a page; the play goes to the title in whose stretch it falls.
        before = np.cumsum(odds) - odds
        before -= before[starts][page]
        point = draw[starts][page] * (1 + np.add.reduceat(odds, starts)[page])
        played = (before <= point) & (point < before + odds)
        member = slots.member[:, None]
        own = np.exp(world.play_logit(member, candidates, offers.offset + beside))
        liked = world.enjoy_probability(member, candidates)
        others = others_odds(slots, odds)[:, None]
        takes = np.where(valid, own / (1 + others + own) * liked, 0.0)
    else:
        played = rendered & (draw < expit(logits))
    taken = played & (rng.random(len(choice)) < enjoy)
    return takes, Outcomes(choice, rendered, played, taken)


def neighbour_logits(
    world: ArtworkWorld,
    slots: Slots,
    shown: Int[np.ndarray, " decisions"],
    candidates: Int[np.ndarray, "decisions candidates"],
    rendered: Bool[np.ndarray, " decisions"],
) -> Float[np.ndarray, "decisions candidates"]:
    """What the images left and right of each place add to the logit of each of its candidates.

    Only neighbours that are looked at count; with competition, what a candidate would do to its
    neighbours' odds is not part of its own expected take.
    """
    same = (np.diff(slots.visit) == 0) & (np.diff(slots.row) == 0)
    near = same & (np.diff(slots.column) == 1) & rendered[1:] & rendered[:-1]
    added = np.zeros(candidates.shape)
    right = np.flatnonzero(near)
    added[right] += alike(world.truth, candidates[right], shown[right + 1][:, None])
    added[right + 1] += alike(world.truth, candidates[right + 1], shown[right][:, None])
    return world.neighbour * added


def others_odds(
    slots: Slots, odds: Float[np.ndarray, " decisions"]
) -> Float[np.ndarray, " decisions"]:
    """Of each place, the odds of all other places of its page together."""
    starts, page = _pages(slots)
    return np.maximum(np.add.reduceat(odds, starts)[page] - odds, 0.0)


def _pages(slots: Slots) -> tuple[Int[np.ndarray, " pages"], Int[np.ndarray, " decisions"]]:
    """Where each page begins, and the page of each place."""
    begins = np.diff(slots.visit, prepend=-1) != 0
    return np.flatnonzero(begins), np.cumsum(begins) - 1
