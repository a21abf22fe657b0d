"""What members do with the artwork that they are shown."""

import numpy as np
from scipy.special import expit

from simulate.browsing.day import Browsing, Outcomes
from simulate.browsing.pages import Slots
from simulate.world.artwork_world import ArtworkWorld, Candidates


def respond(
    world: ArtworkWorld, slots: Slots, options: Candidates, offset: np.ndarray,
    choice: np.ndarray, browsing: Browsing, rng: np.random.Generator,
) -> tuple[np.ndarray, Outcomes]:  # fmt: skip
    """Expected takes of all candidates, and what members do under the chosen ones."""
    at = np.arange(len(choice))
    shown = options.artworks[at, choice]
    own_offset = np.broadcast_to(offset, options.valid.shape)
    logits = world.play_logit(slots.member, shown, own_offset[at, choice])
    enjoy = world.enjoy_probability(slots.member, shown)
    takes, draw = options.takes, rng.random(len(choice))
    if browsing.competition:
        odds = np.where(slots.rendered, np.exp(logits), 0.0)
        starts = np.flatnonzero(np.diff(slots.visit, prepend=-1))
        page = np.add.reduceat(odds, starts)[slots.visit]
        # One draw a page; the play goes to the title in whose stretch it falls.
        before = np.cumsum(odds) - odds
        before -= before[starts][slots.visit]
        point = draw[starts][slots.visit] * (1 + page)
        played = (before <= point) & (point < before + odds)
        member = slots.member[:, None]
        own = np.exp(world.play_logit(member, options.artworks, offset))
        liked = world.enjoy_probability(member, options.artworks)
        others = np.maximum(page - odds, 0.0)[:, None]
        takes = np.where(options.valid, own / (1 + others + own) * liked, 0.0)
    else:
        played = slots.rendered & (draw < expit(logits))
    taken = played & (rng.random(len(choice)) < enjoy)
    return takes, Outcomes(choice, slots.rendered, played, taken)
