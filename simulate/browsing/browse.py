"""Browsing: a policy decides, members look, play, watch or abandon; decisions and events come out.

Everything of a day is vectorised. Choices follow from seeds per decision (`bandit/choice.py`), so
the same policy gives the same log again.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.choice import choose, decision_ids, decision_seeds, profile_keys, uniforms
from simulate.browsing.day import Browsing, Choices, DayLog, Outcomes, Requests
from simulate.browsing.logging_policies import LoggingPolicy
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.offers import Offers, offers_of
from simulate.browsing.pages import Slots, drawn_pages
from simulate.browsing.records import decisions_of, events_of, expected_of
from simulate.browsing.respond import respond
from simulate.browsing.row_columns import with_pages
from simulate.named_rng import named_generator
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches, world_on


def browse_days(
    world: ArtworkWorld,
    policy: LoggingPolicy,
    days: range,
    browsing: Browsing,
    switches: Switches | None = None,
    memory: MemberMemory | None = None,
) -> Iterator[DayLog]:
    """Day after day of `browse`, after each of which the policy may learn.

    Args:
        world: as it is on day 0.
        policy: decides.
        days: their numbers.
        browsing: how members browse.
        switches: what changes from day to day.
        memory: what members did before, and will have done; nothing if None.
    """
    switches = switches or Switches()
    memory = memory or MemberMemory.of(world)
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
    memory: MemberMemory | None = None,
    change_cost: float = 0.0,
) -> DayLog:
    """One day: pages are made, the policy decides for each place, members respond.

    Args:
        world: as it is on this day.
        policy: decides.
        day: its number.
        browsing: how members browse.
        memory: what members did before, and will have done; nothing if None.
        change_cost: taken from the logit of a play where the artwork is not what was seen last.

    Raises:
        ValueError: the policy's probabilities do not fit the candidates.
    """
    memory = memory or MemberMemory.of(world)
    rng = named_generator("browse", browsing.seed, day)
    slots = drawn_pages(world, browsing.decisions_per_day, day, rng, browsing.habits, memory)
    offers = offers_of(world, slots, day, memory, change_cost)
    choices = _chosen(world, slots, offers.requests, policy, browsing.seed)
    takes, outcomes = _outcomes(world, slots, offers, choices.choice, browsing, memory, rng)
    decisions = decisions_of(world, slots, offers.requests, choices, browsing.keep_probabilities)
    if world.neighbour or browsing.competition:
        decisions = with_pages(decisions, slots, day)
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


def _outcomes(
    world: ArtworkWorld,
    slots: Slots,
    offers: Offers,
    choice: Int[np.ndarray, " decisions"],
    browsing: Browsing,
    memory: MemberMemory,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, "decisions candidates"], Outcomes]:
    """What members do on a day, turn by turn: who has played a title skips it on the next page."""
    takes = np.zeros(offers.takes.shape)
    rendered, played, taken = np.zeros((3, len(choice)), bool)
    for turn in range(int(slots.turn.max()) + 1):
        rows = np.flatnonzero(slots.turn == turn)
        part = slots.part(rows)
        looks = part.in_view
        if browsing.habits.skip:
            looks = looks & ~memory.has_played(part.member, part.title)
        of_turn = offers.part(rows)
        takes[rows], came = respond(
            world, part, of_turn, choice[rows], looks, browsing.competition, rng
        )
        memory.remember(of_turn.requests, came)
        rendered[rows], played[rows], taken[rows] = came.rendered, came.played, came.taken
    return takes, Outcomes(choice, rendered, played, taken)


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
