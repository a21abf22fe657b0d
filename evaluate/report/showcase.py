"""A few members who see the same titles differently: chosen to show what the bandit does."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from bandit.choice import choose, decision_seeds, profile_keys, title_words, uniforms
from data.days import day_number
from data.records import TitleId
from data.schema.page_facts import without_page_facts
from evaluate.policies.bundle_scores import BundleScores
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.report.fact_words import FactWords
from evaluate.report.own_words import own_words

TITLES, MEMBERS, ARTWORKS = 3, 3, 12
POOL_TITLES, POOL_MEMBERS = 60, 400
"""How many are looked through."""


@dataclass(frozen=True)
class MemberShowcase:
    """One member before one title.

    Attributes:
        profile_id: who.
        words: the facts, in plain words.
        probabilities: of each artwork that is shown, in order.
        chosen: place of the artwork that this member is shown.
    """

    profile_id: str
    words: list[str]
    probabilities: Float[np.ndarray, " artworks"]
    chosen: int


@dataclass(frozen=True)
class TitleShowcase:
    """One title, its likeliest artworks, and what contrasting members are shown of it."""

    name: str
    genres: list[str]
    artwork_ids: list[str]
    members: list[MemberShowcase]


class Contrast(NamedTuple):
    """A title, and members over whom a policy differs on it."""

    distance: float
    """Of each from those before it, at least."""
    title: TitleId
    members: list[int]
    votes: Float[np.ndarray, "members artworks"]


def showcase(
    scored: BundleScores, logged: LoggedExamples, titles: int = TITLES, members: int = MEMBERS
) -> list[TitleShowcase]:
    """Titles over which members differ most, each with members as far apart as can be.

    Decided as precompute decides for the day after the log: device and place are not known. Every
    title has its own members, so that more kinds of them are seen.
    """
    catalogue = logged.catalogue
    ids, facts = _latest_facts(logged)
    day = pc.call_function("max", [logged.examples["time"]]).as_py().date() + timedelta(days=1)
    pools = {
        title: [a for a in catalogue.candidates(title, day) if a not in scored.left_out]
        for title in catalogue.title_ids
    }
    wanted = sorted((t for t in pools if len(pools[t]) > 1), key=lambda t: -len(pools[t]))
    all_members = scored.members(
        without_page_facts(facts, scored.scorer.spec.declared.schema.known_at_request())
    )
    row_of = {name: row for row, name in enumerate(catalogue.artwork_ids)}
    contrasts: list[Contrast] = []
    for title in wanted[:POOL_TITLES]:
        rows = np.tile([row_of[a] for a in pools[title]], (len(ids), 1))
        there = np.ones(rows.shape, bool)
        votes = scored.probabilities(all_members, rows, there, scored.policy())
        distance, who = _farthest(votes, members)
        contrasts.append(Contrast(distance, title, who, votes[who]))
    contrasts.sort(key=lambda contrast: -contrast.distance)
    words = FactWords(facts)
    own = own_words(facts, scored.scorer.spec.declared.schema)
    titles_by_id = {row["title_id"]: row for row in catalogue.titles.to_pylist()}
    number = day_number(day)
    salt = scored.scorer.manifest.policy.salt
    shown = []
    for _, title, who, votes in _various(contrasts, titles):
        keys = profile_keys([ids[at] for at in who])
        seeds = decision_seeds(keys, title_words([title]), number, salt)
        picked = choose(votes, uniforms(seeds))
        places = _likeliest(votes, picked)
        people = [
            MemberShowcase(
                ids[at], words(at) + own[at], vote[places], int(np.searchsorted(places, pick))
            )
            for at, vote, pick in zip(who, votes, picked, strict=True)
        ]
        about, pool = titles_by_id[title], [pools[title][at] for at in places]
        shown.append(TitleShowcase(about["name"], list(about["genres"]), pool, people))
    return shown


def _likeliest(
    votes: Float[np.ndarray, "members artworks"], picked: Int[np.ndarray, " members"]
) -> Int[np.ndarray, " places"]:
    """Artworks that are shown to one of the members, and the likeliest others, in order."""
    most = votes.max(0)
    most[picked] = 2
    return np.sort(np.argsort(-most, kind="stable")[:ARTWORKS])


def _latest_facts(logged: LoggedExamples) -> tuple[list[str], pa.StructArray]:
    """Profiles and their facts in their last decision; at most `POOL_MEMBERS`, evenly drawn."""
    names = np.asarray(logged.examples["profile_id"].to_pylist(), object)
    ids, last = np.unique(names[::-1].astype(str), return_index=True)
    keep = np.unique(np.linspace(0, len(ids) - 1, min(POOL_MEMBERS, len(ids))).astype(int))
    rows = len(names) - 1 - last[keep]
    return ids[keep].tolist(), logged.facts.take(pa.array(rows))


def _farthest(votes: Float[np.ndarray, "members artworks"], count: int) -> tuple[float, list[int]]:
    """Members one after another, each the farthest from those before, and how far at least.

    The distance is total variation; the first is whoever the policy is surest about.
    """
    who = [int(votes.max(1).argmax())]
    nearest = np.full(len(votes), np.inf)
    apart = 1.0
    while len(who) < min(count, len(votes)):
        nearest = np.minimum(nearest, np.abs(votes - votes[who[-1]]).sum(1) / 2)
        who.append(int(nearest.argmax()))
        apart = min(apart, float(nearest[who[-1]]))
    return apart, who


def _various(contrasts: list[Contrast], count: int) -> list[Contrast]:
    """The first of a list whose members do not come again; whatever there is if they must."""
    first: list[Contrast] = []
    seen: set[int] = set()
    for contrast in contrasts:
        if len(first) < count and not seen & set(contrast.members):
            first.append(contrast)
            seen |= set(contrast.members)
    taken = {contrast.title for contrast in first}
    return (first + [contrast for contrast in contrasts if contrast.title not in taken])[:count]
