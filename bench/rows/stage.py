"""Members before rows of titles, in a world whose every row has a known value."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from bandit.rows.pair_posterior import pair_terms
from bandit.rows.row_chances import RowChances
from evaluate.ope.feedback import GROUPS
from evaluate.ope.reward_model import FOLDS
from evaluate.slate.slates import Slates
from evaluate.slate.slot_model import Places
from simulate.named_rng import named_generator
from simulate.posters.subjects import Subjects
from simulate.rows.row_world import RowWorld
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue
from simulate.world.neighbours import SAME_SUBJECT, STYLE_ALIKE_SPREAD, alike

CUT_OUTS = Path("sample/artwork")
SLOTS, CANDIDATES = 5, 6
TASTE = 0.5
"""How strongly affinity brings titles onto the row: the home page's."""


class RowLog(NamedTuple):
    """Pages of a logging policy."""

    context: Int[np.ndarray, " pages"]
    profile: Int[np.ndarray, " pages"]
    choice: Int[np.ndarray, "pages slots"]
    played: Bool[np.ndarray, "pages slots"]
    taken: Bool[np.ndarray, "pages slots"]


@dataclass(frozen=True)
class RowStage:
    """Contexts: a member and the titles of a row each."""

    world: ArtworkWorld
    members: Int[np.ndarray, " contexts"]
    titles: Int[np.ndarray, "contexts slots"]

    @classmethod
    def make(cls, contexts: int, titles: int, seed: int) -> "RowStage":
        """A catalogue rendered for it, and contexts drawn as a home page draws its titles."""
        with tempfile.TemporaryDirectory(prefix="marquee-rows-") as scratch:
            out = Path(scratch) / "catalogue"
            pool = Subjects.read(CUT_OUTS)
            write_catalogue(pool, titles, CANDIDATES, seed, out, 0.0, Rendering(64))
            world = ArtworkWorld.read(out, contexts, seed)
        rng = named_generator("rows", seed)
        members = np.arange(contexts)
        keys = np.log(world.truth.popularity) + TASTE * world.affinities(members)
        keys = keys + rng.gumbel(size=keys.shape)
        return cls(world, members, np.argsort(-keys, axis=1)[:, :SLOTS])

    def rows(self, neighbour: float, competition: bool) -> RowWorld:
        """The world with a switch for neighbours and one for competition."""
        world = replace(self.world, neighbour=neighbour)
        return RowWorld.of(world, self.members, self.titles, competition)

    def terms(self, rows: RowWorld) -> Float[np.ndarray, "contexts later left candidates terms"]:
        """What a learner sees of two neighbours: three numbers of style each, subjects repeated."""
        return self.terms_of(rows.artworks[:, :-1, :, None], rows.artworks[:, 1:, None])

    def terms_of(
        self, one: Int[np.ndarray, "*pairs"], other: Int[np.ndarray, "*pairs"]
    ) -> Float[np.ndarray, "*pairs terms"]:
        """The same of any two artworks, as rows of the catalogue; they broadcast."""
        truth = self.world.truth
        style = truth.style[one], truth.style[other]
        products = (style[0] * style[1]).sum(-1)
        repeats = (alike(truth, one, other) - products / STYLE_ALIKE_SPREAD) / SAME_SUBJECT
        return np.concatenate([pair_terms(*style), repeats[..., None]], axis=-1)


def even(rows: RowWorld) -> RowChances:
    """The policy that draws each slot evenly: the cleanest log."""
    contexts, slots, candidates = rows.logit.shape
    share = 1 / candidates
    later = np.full((contexts, slots - 1, candidates, candidates), share)
    return RowChances(np.full((contexts, candidates), share), later)


def explored(policy: RowChances, share: float = 0.1) -> RowChances:
    """A policy that draws evenly with a share: what would go live."""
    even_share = share / policy.first.shape[1]
    return RowChances(
        (1 - share) * policy.first + even_share, (1 - share) * policy.later + even_share
    )


def logged(
    rows: RowWorld, policy: RowChances, pages: int, rng: np.random.Generator, each: int = 4
) -> RowLog:
    """Pages under a policy: profiles of random contexts, with so many pages each."""
    profile = np.arange(pages) // each
    context = rng.integers(0, len(rows.logit), int(profile[-1]) + 1)[profile]
    choice = policy.draw(context, rng.random((pages, rows.logit.shape[1])))
    return RowLog(context, profile, choice, *rows.respond(context, choice, rng))


def slates_of(
    known: RowWorld,
    log: RowLog,
    policy: RowChances,
    target: RowChances,
    expected: Float[np.ndarray, " contexts"],
) -> Slates:
    """The log as estimators read it: weights of a target over the logging policy.

    The model of the rewards is what a bundle may know: titles by themselves, that a page has one
    play where they compete, and what another log said of neighbours.

    Args:
        known: the world as whoever judges believes it to be.
        log: of the world.
        policy: that logged.
        target: to be judged.
        expected: `known.worth(target)`; it takes a while.
    """
    mine, theirs = (p.parts(log.context, log.choice) for p in (target, policy))
    count, slots = log.choice.shape
    reward = log.taken.astype(np.float64)
    length = np.full(count, slots)
    group = log.profile % GROUPS
    chained = np.ptp(target.later, axis=2).any()
    slates = Slates(
        length=length,
        reward=reward,
        group=group,
        slate=mine.slate / theirs.slate,
        position=mine.position / theirs.position,
        prefix=mine.prefix / theirs.prefix,
        pair=np.nan_to_num(mine.pair / theirs.pair),
        logged="alone",
        target="neighbour" if chained else "alone",
    )
    alone = expit(known.logit) * known.liked
    own = alone[log.context[:, None], np.arange(slots), log.choice]
    mean = (target.alone * alone).sum(2)[log.context]
    whole = known.takes(log.context, log.choice).sum(1), expected[log.context]
    nobody = np.zeros(count, np.int64)
    places = Places(slates.there, length, group % FOLDS, nobody, 0 * log.choice, None, None)
    return replace(slates, model=places.model(reward, own=(own, mean), whole=whole))
