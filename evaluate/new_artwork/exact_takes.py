"""What policies earn in a known world, exactly: no choice or outcome is drawn."""

import numpy as np
from jaxtyping import Float, Int

from bandit.simple import uniform_value
from evaluate.policies.bundle_scores import BundleScores
from simulate.world.artwork_world import ArtworkWorld

TitleTakes = Float[np.ndarray, "members titles"]
"""The expected take of each member with each title."""
BLOCK = 1 << 20
"""Expected takes worked out at a time."""


def exact_takes(
    scored: BundleScores, world: ArtworkWorld, names: tuple[str, ...] = ("greedy", "thompson")
) -> dict[str, TitleTakes]:
    """The expected take of each member with each title under a bundle's policies.

    Args:
        scored: a bundle, on the world's catalogue.
        world: the truth, and the members.
        names: of greedy, thompson and bundle-mean (each title's best in the bundle's own
            mean over all members: nobody has shown these images, so nothing else is known).
    """
    rows, valid = world.truth.candidates()
    titles, members = np.arange(len(rows)), np.arange(len(world.members))
    step = max(1, scored.block(rows.shape[1]) // len(titles))
    takes: dict[str, list[TitleTakes]] = {name: [] for name in names if name != "bundle-mean"}
    total = np.zeros(rows.shape)
    for start in range(0, len(members), step):
        block = members[start : start + step]
        truth = _takes(world, block)
        own = scored.members(world.members.facts.slice(start, len(block)))
        pairs = own.at(np.repeat(np.arange(len(block)), len(titles)))
        pool, there = np.tile(rows, (len(block), 1)), np.tile(valid, (len(block), 1))
        for name, blocks in takes.items():
            chosen = scored.probabilities(pairs, pool, there, scored.policy(name))
            blocks.append((chosen.reshape(truth.shape) * truth).sum(-1))
        if "bundle-mean" in names:
            total += scored.takes(pairs, pool).reshape(truth.shape).sum(0)
    whole = {name: np.concatenate(blocks) for name, blocks in takes.items()}
    if "bundle-mean" in names:
        best = np.where(valid, total, -np.inf).argmax(-1)
        whole["bundle-mean"] = single_takes(world, rows[titles, best])
    return whole


def baseline_takes(world: ArtworkWorld) -> dict[str, TitleTakes]:
    """The same for random, oracle, and the best that shows everybody the same."""
    rows, valid = world.truth.candidates()
    total = np.zeros(rows.shape)
    uniform, oracle = [], []
    step = max(1, BLOCK // rows.size)
    for start in range(0, len(world.members), step):
        takes = _takes(world, np.arange(start, min(start + step, len(world.members))))
        total += takes.sum(0)
        uniform.append(uniform_value(takes, valid))
        oracle.append(takes.max(-1))
    best = np.where(valid, total, -np.inf).argmax(-1)
    return {
        "random": np.concatenate(uniform),
        "oracle-for-all": single_takes(world, rows[np.arange(len(rows)), best]),
        "oracle": np.concatenate(oracle),
    }


def single_takes(world: ArtworkWorld, artworks: Int[np.ndarray, " titles"]) -> TitleTakes:
    """The same when every member sees the same artwork of a title."""
    members = np.arange(len(world.members))[:, None]
    return np.asarray(world.expected_take(members, artworks[None]))


def _takes(
    world: ArtworkWorld, members: Int[np.ndarray, " some"]
) -> Float[np.ndarray, "some titles candidates"]:
    rows, valid = world.truth.candidates()
    return np.where(valid, world.expected_take(members[:, None, None], rows[None]), 0.0)
