"""Members before titles for weeks, and what every learner is told of them."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit, logit

from bandit.rows.pair_posterior import learn_pairs
from simulate.longterm.long_world import LongWorld
from simulate.longterm.roll_out import WeekDecisions
from simulate.longterm.trust_effects import LURE, TrustEffects
from simulate.named_rng import named_generator
from simulate.posters.subjects import Subjects
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue
from simulate.world.effects import Effects

CUT_OUTS = Path("sample/artwork")
CANDIDATES = 6
HIDDEN = 0.225
"""Of `TrustEffects.hidden`, where proxies are broken on purpose."""
LOOSE = 10.0
"""SD of the prior of a regression's weights: next to none."""


def artwork_world(members: int, titles: int, seed: int) -> ArtworkWorld:
    """A catalogue rendered for it, and its members."""
    with tempfile.TemporaryDirectory(prefix="marquee-longterm-") as scratch:
        out = Path(scratch) / "catalogue"
        pool = Subjects.read(CUT_OUTS)
        write_catalogue(pool, titles, CANDIDATES, seed, out, 0.0, Rendering(64))
        return ArtworkWorld.read(out, members, seed)


def worlds(world: ArtworkWorld) -> dict[str, LongWorld]:
    """The same people and posters by what carries over.

    `whole`: misleading posters cost joy at once and trust later. `now alone`: joy at once, nothing
    later. `nothing`: neither. `hidden`: trust later, and no joy at once, so that nothing early
    tells of it.
    """
    usual = TrustEffects()
    kind = replace(world, effects=replace(world.effects, clickbait=0.0))
    hidden = replace(usual, hidden=HIDDEN, fall=0.0, early_misled=usual.early_honest)
    return {
        "whole": LongWorld.of(world, usual, LURE),
        "now alone": LongWorld.of(world, usual.without_carry_over(), LURE),
        "nothing": LongWorld.of(kind, usual.without_carry_over(), LURE),
        "hidden": LongWorld.of(kind, hidden, LURE),
    }


def baited(world: LongWorld, seed: int) -> LongWorld:
    """The same with half of each title's posters made to be clicked: they mislead by .5 to 1.

    New artwork is where bait comes from. Where next to none misleads, takes tell all, and whatever
    sees them at once is enough.
    """
    rng = named_generator("bait", seed)
    order = rng.random(world.mislead.shape).argsort(1)
    bait = order < world.mislead.shape[1] // 2
    mislead = np.where(bait, rng.uniform(0.5, 1, bait.shape), world.mislead).astype(np.float32)
    more = mislead - world.mislead
    return replace(
        world,
        mislead=mislead,
        logit=world.logit + LURE * more,
        liked=expit(logit(world.liked) - Effects().clickbait * more).astype(np.float32),
    )


def play_numbers(world: LongWorld) -> Float[np.ndarray, "members titles candidates numbers"]:
    """What a play may depend on: affinity, the artwork's effect, and whether it misleads."""
    return _play(world.affinity, world.effect, world.mislead)


def joy_numbers(world: LongWorld) -> Float[np.ndarray, "members titles candidates numbers"]:
    """What the worth of a play may depend on: the same, and misleading by affinity."""
    return _joy(play_numbers(world))


def numbers_at(
    world: LongWorld, member: Int[np.ndarray, " rows"], title: Int[np.ndarray, " rows"]
) -> tuple[
    Float[np.ndarray, "rows candidates numbers"], Float[np.ndarray, "rows candidates numbers"]
]:
    """`play_numbers` and `joy_numbers` of some members and titles, without making all of them."""
    effect = world.effect[member, title]
    play = _play(world.affinity[member, title], effect, world.mislead[title]).astype(np.float64)
    return play, _joy(play)


def _play(affinity: np.ndarray, effect: np.ndarray, mislead: np.ndarray) -> np.ndarray:
    parts = (
        np.ones(effect.shape, np.float32),
        np.broadcast_to(affinity[..., None], effect.shape),
        effect,
        np.broadcast_to(mislead, effect.shape),
    )
    return np.stack(parts, axis=-1)


def _joy(numbers: np.ndarray) -> np.ndarray:
    return np.concatenate([numbers, numbers[..., 1:2] * numbers[..., 3:]], axis=-1)


def at_choice(numbers: np.ndarray, of: WeekDecisions) -> np.ndarray:
    """Numbers of what was shown."""
    return numbers[of.member, of.title, of.choice].astype(np.float64)


def logistic(
    x: Float[np.ndarray, "rows numbers"], y: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " numbers"]:
    """Weights of a logistic regression, by the closed form that rows use."""
    nothing = np.zeros((len(x), 1))
    return learn_pairs(nothing, x[:, None], y[:, None] > 0, False, LOOSE).mean


def linear(x: Float[np.ndarray, "rows numbers"], y: np.ndarray) -> np.ndarray:
    """Weights of least squares, of one target or of several side by side."""
    return np.linalg.solve(x.T @ x + 1e-6 * np.eye(x.shape[1]), x.T @ y)
