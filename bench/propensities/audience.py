"""Members who look again until they play: what they did, what they saw last, what is reported."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int
from scipy.special import expit

from bench.propensities.looks import Looks
from bench.propensities.serving import Page, ShownArtwork
from data.records import EVENTS, FACTS, SCHEMA_VERSION
from simulate.browsing.day import Outcomes, Requests
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.pages import Slots
from simulate.world.artwork_world import ArtworkWorld


class Visit(NamedTuple):
    """A page and its places."""

    page: Page
    slots: Int[np.ndarray, " places"]


class Turn(NamedTuple):
    """Visits that happen together."""

    world: ArtworkWorld  # as it is on the day
    day: int
    moment: int  # microseconds
    slots: Slots
    visits: Sequence[Visit]


class Answer(NamedTuple):
    """What a page was told of a title."""

    profile_id: str
    title_id: int
    artwork_id: str
    propensity: float


@dataclass
class Sums:
    """Expected takes over what was rendered."""

    shown: float = 0.0
    best: float = 0.0
    """Of the best candidates."""
    even: float = 0.0
    """Of candidates drawn evenly."""


@dataclass
class Audience:
    """Members, and what they have seen and done.

    Attributes:
        change_cost: as `simulate.world.switches.Switches`.
        memory: what they saw, played and enjoyed.
        last_rank: what was seen last, as a place among the candidates; −1 nothing.
        last_draw: the draw that it was.
        draws: decision id → number of the draw.
        answers: decision id → all that was answered under it: profile, title, artwork, propensity.
        looks: at what was in view, turn by turn.
        events: that were not handed over yet.
    """

    change_cost: float
    memory: MemberMemory
    last_rank: Int[np.ndarray, "members titles"]
    last_draw: Int[np.ndarray, "members titles"]
    draws: dict[str, int] = field(default_factory=dict)
    answers: dict[str, set[Answer]] = field(default_factory=dict)
    looks: list[Looks] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)

    @classmethod
    def of(cls, world: ArtworkWorld, change_cost: float) -> "Audience":
        """A world's members, who have seen nothing."""
        nothing = np.full((len(world.members), len(world.truth.title_ids)), -1)
        return cls(change_cost, MemberMemory.of(world), nothing, nothing.copy())

    def look(
        self,
        turn: Turn,
        shown: Sequence[dict[int, ShownArtwork]],
        rng: np.random.Generator,
    ) -> None:
        """Members look at what pages show, and play; what they do is reported."""
        slots, world = turn.slots, turn.world
        candidates, valid = _candidates(world, turn.day)
        for visit, artworks in zip(turn.visits, shown, strict=True):
            for title, artwork in artworks.items():
                answer = Answer(
                    visit.page.profile_id, title, artwork.artwork_id, artwork.propensity
                )
                self.answers.setdefault(artwork.decision_id, set()).add(answer)
        at, rank, ids = _in_view(turn, shown, candidates, valid)
        draw = np.array([self.draws.setdefault(name, len(self.draws)) for name in ids], int)
        member, title = slots.member[at], slots.title[at]
        pools, real = candidates[title], valid[title]
        logit = world.play_logit(member[:, None], pools, slots.offset[at][:, None])
        logit = np.where(real, logit, -np.inf)
        enjoy = np.where(real, world.enjoy_probability(member[:, None], pools), 0.0)
        rendered = ~self.memory.has_played(member, title)
        was, was_draw = self.last_rank[member, title], self.last_draw[member, title]
        cost = self.change_cost * ((was >= 0) & (was != rank))
        here = np.arange(len(at))
        play = expit(logit[here, rank] - cost)
        chance, liking = rng.random((2, len(at)))
        played = rendered & (chance < play)
        taken = played & (liking < enjoy[here, rank])
        moments = np.full(len(at), turn.moment)
        self.looks.append(
            Looks(moments, member, title, draw, rank, rendered, was, was_draw, logit, enjoy)
        )
        asked = Requests(turn.day, member, title, pools, real, pa.array([], FACTS))
        self.memory.remember(asked, Outcomes(rank, rendered, played, taken))
        seen = member[rendered], title[rendered]
        self.last_rank[seen], self.last_draw[seen] = rank[rendered], draw[rendered]
        takes = expit(logit) * enjoy
        self.sums.shown += float((play * enjoy[here, rank])[rendered].sum())
        self.sums.best += float(takes.max(1)[rendered].sum())
        self.sums.even += float((takes.sum(1) / real.sum(1))[rendered].sum())
        for i in np.flatnonzero(rendered).tolist():
            artwork = world.truth.catalogue.artwork_ids[pools[i, rank[i]]]
            did = (bool(played[i]), bool(taken[i]))
            self.events += _events(turn, int(at[i]), artwork, ids[i], *did)


def _candidates(
    world: ArtworkWorld, day: int
) -> tuple[Int[np.ndarray, "titles most"], Bool[np.ndarray, "titles most"]]:
    """The day's candidates, as wide as those of all days together."""
    rows, real = world.truth.candidates(day)
    missing = world.truth.candidates(None)[0].shape[1] - rows.shape[1]
    return np.pad(rows, ((0, 0), (0, missing))), np.pad(real, ((0, 0), (0, missing)))


def _in_view(
    turn: Turn,
    shown: Sequence[dict[int, ShownArtwork]],
    candidates: Int[np.ndarray, "titles most"],
    valid: Bool[np.ndarray, "titles most"],
) -> tuple[Int[np.ndarray, " looks"], Int[np.ndarray, " looks"], list[str]]:
    """Places in view that show something of the log, the rank of that, and its decision."""
    names, slots = turn.world.truth.catalogue.artwork_ids, turn.slots
    rows, ranks, ids = [], [], []
    for visit, artworks in zip(turn.visits, shown, strict=True):
        for slot, title in zip(visit.slots.tolist(), visit.page.title_ids, strict=True):
            if slots.in_view[slot] and title in artworks:
                of = candidates[slots.title[slot]][valid[slots.title[slot]]]
                rows.append(slot)
                ranks.append([names[row] for row in of].index(artworks[title].artwork_id))
                ids.append(artworks[title].decision_id)
    return np.array(rows, int), np.array(ranks, int), ids


def _events(
    turn: Turn, slot: int, artwork: str, decision_id: str, played: bool, taken: bool
) -> Iterator[dict[str, object]]:
    """What a device reports of one look."""
    slots, truth = turn.slots, turn.world.truth
    title = slots.title[slot]
    kinds: list[tuple[str, int, float | None]] = [("impression", 0, None)]
    if played:
        minutes = float(truth.runtime[title]) if taken else 0.25
        kinds += [("play", 20, None), ("progress", 40, minutes)]
    for kind, seconds, watched in kinds:
        when = turn.moment + seconds * 1_000_000
        yield dict.fromkeys(EVENTS.names) | {
            "schema_version": SCHEMA_VERSION,
            "event_id": f"{decision_id}-{turn.moment}-{kind}",
            "kind": kind,
            "time": when,
            "received": when,
            "decision_id": decision_id,
            "profile_id": turn.world.members.profile_ids[slots.member[slot]],
            "title_id": int(truth.title_ids[title]),
            "artwork_id": artwork,
            "minutes": watched,
            "row": int(slots.row[slot]),
            "column": int(slots.column[slot]),
        }
