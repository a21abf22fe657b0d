"""Browsing: a policy decides, members look, play, watch or abandon; decisions and events come out.

Everything of a day is vectorised. Choices follow from seeds per decision (`bandit/choice.py`), so
the same policy gives the same log again.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from bandit.choice import choose, decision_ids, decision_seeds, profile_keys, uniforms
from simulate.browsing.day import Browsing, Choices, DayLog, Requests
from simulate.browsing.last_seen import PageMemory
from simulate.browsing.logging_policies import LoggingPolicy
from simulate.browsing.offers import offers_of
from simulate.browsing.pages import Slots, drawn_pages
from simulate.browsing.records import decisions_of, events_of, expected_of
from simulate.browsing.respond import respond
from simulate.named_rng import named_generator
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches, world_on


def browse_days(
    world: ArtworkWorld,
    policy: LoggingPolicy,
    days: range,
    browsing: Browsing,
    switches: Switches | None = None,
) -> Iterator[DayLog]:
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
    world: ArtworkWorld,
    policy: LoggingPolicy,
    day: int,
    browsing: Browsing,
    memory: PageMemory | None = None,
    change_cost: float = 0.0,
) -> DayLog:
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
    offers = offers_of(world, slots, day, memory, change_cost)
    choices = _chosen(world, slots, offers.requests, policy, browsing.seed)
    takes, outcomes = respond(world, slots, offers, choices.choice, browsing.competition, rng)
    if memory is not None:
        rendered = np.flatnonzero(slots.rendered)
        artworks = offers.requests.candidates[rendered, choices.choice[rendered]]
        memory.see(slots.member[rendered], slots.title[rendered], artworks)
    decisions = decisions_of(world, slots, offers.requests, choices, browsing.keep_probabilities)
    events = events_of(
        world,
        slots,
        offers.requests,
        outcomes,
        choices.decision_ids,
        browsing.delay_days,
        rng,
    )
    expected = expected_of(choices.decision_ids, takes, offers.requests.valid)
    return DayLog(day, decisions, events, expected, offers.requests, takes, outcomes)


def _chosen(
    world: ArtworkWorld, slots: Slots, requests: Requests, policy: LoggingPolicy, salt: int
) -> Choices:
    """The policy's choices, by each decision's seed."""
    probabilities = _checked(policy.probabilities(requests), requests.valid, policy.name)
    keys = profile_keys(world.members.profile_ids)[slots.member]
    ids = world.truth.title_ids[slots.title]
    seeds = np.empty(len(ids), np.uint64)
    for turn in np.unique(slots.turn):  # a second visit on a day draws anew
        now = slots.turn == turn
        own_salt = salt + 1_000_003 * int(turn)
        seeds[now] = decision_seeds(keys[now], ids[now], requests.day, own_salt)
    choice = choose(probabilities, uniforms(seeds))
    names = pa.array(decision_ids(seeds, keys, ids, requests.day), pa.string())
    return Choices(policy.name, probabilities, choice, seeds, names)


def _checked(
    probabilities: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    name: str,
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
