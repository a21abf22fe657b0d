"""Browsing: a policy decides, members look, play, watch or abandon; decisions and events come out.

Everything of a day is vectorised. Choices follow from seeds per decision (`bandit/choice.py`), so
the same policy gives the same log again.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from bandit.choice import choose, decision_ids, decision_seeds, profile_keys, uniforms
from simulate.browsing.day import Browsing, DayLog, Policy, Requests
from simulate.browsing.last_seen import PageMemory
from simulate.browsing.pages import SURFACES, Slots, drawn_pages
from simulate.browsing.records import EXPECTED, _decisions, _lists, events_of
from simulate.browsing.respond import respond
from simulate.named_rng import named_generator
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches, world_on


def browse_days(
    world: ArtworkWorld, policy: Policy, days: range, browsing: Browsing,
    switches: Switches | None = None,
) -> Iterator[DayLog]:  # fmt: skip
    """Day after day of `browse`, after each of which the policy may learn.

    Args:
        world: as it is on day 0.
        policy: decides.
        days: their numbers.
        browsing: how members browse.
        switches: what changes from day to day.
    """
    switches = switches or Switches()
    memory = PageMemory(len(world.members), len(world.truth.title_ids))
    for day in days:
        today = world_on(world, switches, day)
        log = browse(today, policy, day, browsing, memory, switches.change_cost)
        policy.learn(log)
        yield log


def browse(
    world: ArtworkWorld, policy: Policy, day: int, browsing: Browsing,
    memory: PageMemory | None = None, change_cost: float = 0.0,
) -> DayLog:  # fmt: skip
    """One day: pages are made, the policy decides for each place, members respond.

    Args:
        world: as it is on this day.
        policy: decides.
        day: its number.
        browsing: how members browse.
        memory: what members saw before, and will have seen; needed for a change cost.
        change_cost: taken from the logit of a play where the artwork is not what was seen last.

    Raises:
        ValueError: the policy's probabilities do not fit the candidates.
    """
    rng = named_generator("browse", browsing.seed, day)
    slots = drawn_pages(world, browsing.decisions_per_day, day, rng)
    offset = _offset(world, slots, day, memory, change_cost)
    options = world.candidates(slots.member, slots.title, day, offset)
    requests = Requests(
        day, slots.member, slots.title, options.artworks, options.valid, _facts(world, slots, day)
    )
    probabilities = _checked(policy.probabilities(requests), options.valid, policy.name)
    keys = profile_keys(world.members.profile_ids)[slots.member]
    ids = world.truth.title_ids[slots.title]
    seeds = np.empty(len(ids), np.uint64)
    for turn in np.unique(slots.turn):  # a second visit on a day draws anew
        now = slots.turn == turn
        salt = browsing.seed + 1_000_003 * int(turn)
        seeds[now] = decision_seeds(keys[now], ids[now], day, salt)
    choice = choose(probabilities, uniforms(seeds))
    takes, outcomes = respond(world, slots, options, offset, choice, browsing, rng)
    if memory is not None:
        seen = np.flatnonzero(slots.rendered)
        artworks = options.artworks[seen, choice[seen]]
        memory.see(slots.member[seen], slots.title[seen], artworks)
    names = pa.array(decision_ids(seeds, keys, ids, day), pa.string())
    decisions = _decisions(
        world, slots, requests, probabilities, choice, seeds, names, policy.name, day, browsing
    )
    events = events_of(world, slots, requests, outcomes, names, day, browsing, rng)
    expected = pa.Table.from_arrays([names, _lists(takes, options.valid)], schema=EXPECTED)
    return DayLog(day, decisions, events, expected, requests, takes, outcomes)


def _offset(
    world: ArtworkWorld, slots: Slots, day: int, memory: PageMemory | None, change_cost: float
) -> Float[np.ndarray, "decisions candidates"]:
    """What the place, and a change of artwork, add to the logit of a play."""
    offset = slots.offset[:, None]
    if memory is None or not change_cost:
        return offset
    artworks = world.truth.candidates(day)[0][slots.title]
    return offset - change_cost * memory.changes(slots.member, slots.title, artworks)


def _checked(
    probabilities: np.ndarray, valid: np.ndarray, name: str
) -> Float[np.ndarray, "decisions candidates"]:
    probabilities = np.asarray(probabilities, np.float64)
    if probabilities.shape != valid.shape:
        raise ValueError(
            f"policy {name!r} gave probabilities of shape {probabilities.shape} for candidates of "
            f"shape {valid.shape}; one each is needed"
        )
    sound = np.isclose(probabilities.sum(-1), 1, atol=1e-6) & ~(probabilities < 0).any(-1)
    sound &= (probabilities[~valid] == 0).all() | ((probabilities != 0) <= valid).all(-1)
    if not sound.all():
        row = int(sound.argmin())
        raise ValueError(
            f"policy {name!r}, decision row {row}: {probabilities[row]} must sum to 1 over the "
            "valid candidates and be 0 elsewhere"
        )
    return probabilities


def _facts(world: ArtworkWorld, slots: Slots, day: int) -> pa.StructArray:
    surfaces = pa.array([page.name for page in SURFACES]).take(pa.array(slots.surface))
    return world.members.facts_of(
        slots.member, device=slots.device, day_part=slots.day_part, surface=surfaces,
        row=slots.row.astype(np.int16), column=slots.column.astype(np.int16),
        tenure_days=world.members.tenure_days[slots.member] + day,
    )  # fmt: skip
