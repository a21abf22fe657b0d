"""The same learner, rewarded by plays and by takes, where some artwork was made to be clicked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from bandit.simple import uniform
from bench.findings.pages import best
from bench.learning.artwork import MEMBERS
from bench.learning.nightly import Memory, Nightly, nights, true_content_features
from bench.learning.stage import View
from simulate.testbeds.artwork_rounds import ArtworkRounds
from simulate.testbeds.environment import Rounds
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches

ALWAYS = 50.0
"""Logit of enjoying at which every play is a take."""
KEPT = 24
TEMPERATURE = 0.1


def trained_on(
    catalogue: Path, lure: float, days: int, decisions: int, seed: int
) -> dict[str, dict[str, float]]:
    """A learner's later half, by its rewards, plays or takes; beside chance and the best.

    Pages, draws of choices and draws of outcomes are the same. All is exact, given what was learnt.

    Args:
        catalogue: rendered, with its truth.
        lure: added to the logit of plays of artwork that misleads wholly.
        days: of the run.
        decisions: of a day.
        seed: of members, pages, choices and rewards.

    Returns:
        plays, takes, random, oracle → take, play (expected fractions) and clickbait (share of
        choices that mislead).
    """
    torch.set_num_threads(1)
    world = ArtworkWorld.read(catalogue, MEMBERS, 20_000 + seed)
    always = replace(world.effects, base_enjoy=ALWAYS, enjoy_affinity=0.0, clickbait=0.0)
    features = true_content_features(world.truth)
    rewarded: dict[str, Rounds] = {}
    for name, here in (("takes", world), ("plays", replace(world, effects=always))):
        place = ArtworkRounds(here, features, days, KEPT, Switches(lure=lure))
        rewarded[name] = place.rounds(days * decisions, np.random.default_rng(seed))
    rounds = rewarded["takes"]
    view = View(rounds.contexts, place.features, rounds.candidates, rounds.valid)
    policies = {
        name: nights(Nightly(view, Memory(), TEMPERATURE, seed), view, of.expected, days, seed)
        for name, of in rewarded.items()
    }
    policies["random"] = uniform(rounds.valid)
    policies["oracle"] = best(rounds.expected, rounds.valid)
    misleads = world.truth.misleading[rounds.candidates] & rounds.valid
    half = slice(len(rounds.valid) // 2, None)
    values = {"take": rounds.expected, "play": rewarded["plays"].expected, "clickbait": misleads}
    return {
        name: {what: float((p * value).sum(1)[half].mean()) for what, value in values.items()}
        for name, p in policies.items()
    }
