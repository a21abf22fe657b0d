"""What may be shown in the places of pages: facts and candidates, and what is expected of each."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.days import DAY_US
from simulate.browsing.day import Requests
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.pages import SURFACES, Slots
from simulate.world.artwork_world import ArtworkWorld


class Offers(NamedTuple):
    """The choices that pages leave open."""

    requests: Requests
    takes: Float[np.ndarray, "decisions candidates"]  # expected; padding has 0
    offset: Float[np.ndarray, "decisions one_or_candidates"]  # in logits of a play

    def part(self, rows: Int[np.ndarray, " some"]) -> "Offers":
        """Those of some places."""
        requests = self.requests
        some = Requests(
            requests.day,
            requests.members[rows],
            requests.titles[rows],
            requests.candidates[rows],
            requests.valid[rows],
            requests.facts.take(pa.array(rows)),
        )
        return Offers(some, self.takes[rows], self.offset[rows])


def offers_of(
    world: ArtworkWorld,
    slots: Slots,
    day: int,
    memory: MemberMemory | None = None,
    change_cost: float = 0.0,
) -> Offers:
    """What a policy may choose among in each place.

    Args:
        world: as it is on this day.
        slots: the places.
        day: its number.
        memory: what members saw before; needed for a change cost.
        change_cost: taken from the logit of a play where the artwork is not what was seen last.
    """
    offset = slots.offset[:, None]
    if memory is not None and change_cost:
        artworks = world.truth.candidates(day)[0][slots.title]
        changes = memory.changes(slots.member, slots.title, artworks)
        offset = offset - change_cost * changes
    candidates = world.candidates(slots.member, slots.title, day, offset)
    requests = Requests(
        day,
        slots.member,
        slots.title,
        candidates.artworks,
        candidates.valid,
        page_facts(world, slots, day),
    )
    return Offers(requests, candidates.takes, offset)


def page_facts(world: ArtworkWorld, slots: Slots, day: int) -> pa.StructArray:
    """The facts of who looks at each place."""
    surfaces = pa.array([page.name for page in SURFACES]).take(pa.array(slots.surface))
    return world.members.facts_of(
        slots.member,
        device=slots.device,
        day_part=slots.day_part,
        surface=surfaces,
        row=slots.row.astype(np.int16),
        column=slots.column.astype(np.int16),
        tenure_days=world.members.tenure_days[slots.member] + day,
        moment=day * DAY_US + (slots.second * 1e6).astype(np.int64),
    )
