"""What members do with the artwork that they are shown."""

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from simulate.browsing.day import Outcomes
from simulate.browsing.offers import Offers
from simulate.browsing.pages import Slots
from simulate.world.artwork_world import ArtworkWorld


def respond(
    world: ArtworkWorld,
    slots: Slots,
    offers: Offers,
    choice: Int[np.ndarray, " decisions"],
    competition: bool,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, "decisions candidates"], Outcomes]:
    """Expected takes of all candidates, and what members do under the chosen ones.

    Args:
        world: as it is on this day.
        slots: the places.
        offers: what may be shown there.
        choice: place of what is shown among the candidates.
        competition: titles on a page compete for one play.
        rng: of plays and takes.
    """
    at = np.arange(len(choice))
    candidates, valid = offers.requests.candidates, offers.requests.valid
    shown = candidates[at, choice]
    own_offset = np.broadcast_to(offers.offset, valid.shape)
    logits = world.play_logit(slots.member, shown, own_offset[at, choice])
    enjoy = world.enjoy_probability(slots.member, shown)
    takes, draw = offers.takes, rng.random(len(choice))
    if competition:
        odds = np.where(slots.rendered, np.exp(logits), 0.0)
        starts = np.flatnonzero(np.diff(slots.visit, prepend=-1))
        page = np.add.reduceat(odds, starts)[slots.visit]
        # One draw a page; the play goes to the title in whose stretch it falls.
        before = np.cumsum(odds) - odds
        before -= before[starts][slots.visit]
        point = draw[starts][slots.visit] * (1 + page)
        played = (before <= point) & (point < before + odds)
        member = slots.member[:, None]
        own = np.exp(world.play_logit(member, candidates, offers.offset))
        liked = world.enjoy_probability(member, candidates)
        others = np.maximum(page - odds, 0.0)[:, None]
        takes = np.where(valid, own / (1 + others + own) * liked, 0.0)
    else:
        played = slots.rendered & (draw < expit(logits))
    taken = played & (rng.random(len(choice)) < enjoy)
    return takes, Outcomes(choice, slots.rendered, played, taken)
