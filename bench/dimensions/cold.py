"""Synopses that nobody has seen: what their words are worth, beside their true traits."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from bandit.kinds.in_order import KindChances, chances_in_order
from data.texts.interface import TextEncoder
from data.texts.text_places import TextPlaces
from data.texts.text_tags import TextTags
from simulate.kinds.kind_world import KINDS, SIZES, TRAITS, KindWorld, Visits
from simulate.kinds.learner import KindLearner, drawn, even, shown
from simulate.kinds.synopses import write_synopsis

DIRECTIONS, TAGGED = 12, 48
"""Numbers of a synopsis by its words alone, and those that tags are read from."""
SYNOPSIS = KINDS.index("synopsis")


@dataclass(frozen=True)
class ColdSynopses:
    """Expected takes added by choosing among synopses that are in no log; exact.

    Attributes:
        seed: of the world, its texts and the log.
        encoder: of the texts.
        by_words: added over even draws of the synopsis, the other kinds as they are, where a new
            synopsis is known by its words alone.
        by_tags: the same where its words are read as the tags that editors gave to older ones.
        by_traits: the same by a learner that is told each synopsis' true traits.
    """

    seed: int
    encoder: str
    by_words: float
    by_tags: float
    by_traits: float


def cold_synopses(
    encoder: TextEncoder, agreement: float, rounds: int, visits: int, seed: int, titles: int
) -> ColdSynopses:
    """Learn from one set of synopses, and choose among another of the same titles.

    Args:
        encoder: of texts.
        agreement: deviation of the logit by how kinds agree.
        rounds: of the log, of even draws.
        visits: that choices are judged on.
        seed: of the world, its texts and the log.
        titles: of the world.
    """
    world, later = _two_sets(agreement, seed, titles)
    rng = np.random.default_rng([seed, 1])
    log = world.visits(rounds, rng)
    truth = world.takes(log)
    choice = drawn(np.broadcast_to(even(), truth.shape), rng)
    takes = (rng.random(rounds) < truth[(np.arange(rounds), *choice.T)]).astype(float)
    judged = world.visits(visits, rng)
    values = later.takes(judged)
    texts = [_texts(each, seed) for each in (world, later)]
    told = TextPlaces.of(encoder, texts[0], DIRECTIONS)
    tagged = TextTags.of(
        TextPlaces.of(encoder, texts[0], TAGGED),
        texts[0],
        world.places[SYNOPSIS].reshape(-1, TRAITS),
    )
    shape = (titles, SIZES[SYNOPSIS], -1)
    added = []
    for before, after in (
        tuple(told(text).reshape(shape) for text in texts),
        (tagged.known.reshape(shape), tagged(texts[1]).reshape(shape)),
        tuple(each.traits[SYNOPSIS] for each in (world, later)),
    ):
        learner = KindLearner.new(_placed(world, before), "joint").learn(log, choice, takes)
        unseen = replace(learner, world=_placed(later, after), cold=(SYNOPSIS,))
        added.append(_added(unseen, judged, values))
    return ColdSynopses(seed, encoder.name, *added)


def _two_sets(agreement: float, seed: int, titles: int) -> tuple[KindWorld, KindWorld]:
    """A world, and the same with other synopses."""
    world = KindWorld.make(titles, agreement, seed)
    other = KindWorld.make(titles, agreement, seed + 500_000)
    parts = {}
    for name in ("traits", "own", "places"):
        kinds = list(getattr(world, name))
        kinds[SYNOPSIS] = getattr(other, name)[SYNOPSIS]
        parts[name] = tuple(kinds)
    return world, replace(world, **parts)


def _texts(world: KindWorld, seed: int) -> list[str]:
    rng = np.random.default_rng([seed, 4, int(1e6 * abs(world.traits[SYNOPSIS][0, 0, 0]))])
    return [write_synopsis(traits, rng) for traits in world.traits[SYNOPSIS].reshape(-1, TRAITS)]


def _placed(world: KindWorld, places: Float[np.ndarray, "titles _ _"]) -> KindWorld:
    kinds = list(world.places)
    kinds[SYNOPSIS] = places
    return replace(world, places=tuple(kinds))


def _added(
    learner: KindLearner, visits: Visits, values: Float[np.ndarray, " visits *combinations"]
) -> float:
    """What the choice of the synopsis adds: beside the same choices with an even synopsis."""
    scores = learner.scores(visits, learner.heads(0, 0))
    chosen = chances_in_order(scores, shown(visits), 0.0)
    steps = list(chosen.steps)
    steps[SYNOPSIS] = np.full_like(steps[SYNOPSIS], 1 / SIZES[SYNOPSIS])
    apart = chosen.joint - KindChances(tuple(steps)).joint
    return float((values * apart).reshape(len(values), -1).sum(1).mean())
