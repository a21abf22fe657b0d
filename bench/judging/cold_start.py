"""Section `cold_start`: does the interval of the share of the oracle hold over other cut-outs?

A world of members, titles and subjects in NumPy: what could be gained of a pair, and how much of it
a policy gains, differ by member, by title, and by the subjects that titles have in common. Truth is
the share over the whole population of all three.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bench.judging.row import Effort, Row, run_each, share_row
from evaluate.new_artwork.exact_takes import TitleTakes
from evaluate.new_artwork.pigeonhole import PigeonholeMeans
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.paired_bootstrap import Range

SECTION = "cold_start"
SHARE, GAIN, RANDOM = 0.36, 0.08, 0.1
"""Of the oracle's gain; the oracle's gain; what random takes: as in `make demo`."""
BY_MEMBER, BY_TITLE, BY_PAIR = 0.4, 0.35, 0.5
"""How far gains differ, as a share of themselves; the policy's share differs half as far."""
RESAMPLES = 400
CAST = 3
"""Subjects of a title."""


class World(NamedTuple):
    """A size, and how much of titles' variance is of their subjects."""

    titles: int
    members: int
    subjects: int
    common: float
    seed: int


class Interval(NamedTuple):
    """What became of one."""

    holds: bool
    """The truth."""
    width: float


def cold_start(effort: Effort) -> list[Row]:
    """Coverage of the share of the oracle, by titles and members alone and with subjects."""
    rows = []
    sizes = ((16, 100),) if effort.quick else ((60, 300), (16, 100))
    for titles, members in sizes:
        for common in (0.0, 0.5):
            tasks = [
                World(titles, members, 30, common, effort.seed + run) for run in range(effort.runs)
            ]
            found = run_each(covered, tasks, effort.workers)
            setting = f"{titles} titles, {members} members, 30 subjects with {common:.0%}"
            what = "share of the oracle: 95% interval of `evaluate cold-start` holds the truth"
            hits = [three.holds for _, three in found]
            rows.append(share_row(SECTION, what, setting, hits, 0.93))
            what = "the same without drawing subjects again"
            hits = [two.holds for two, _ in found]
            rows.append(share_row(SECTION, what, setting, hits, None, "shown"))
            what = "mean width over that without drawing subjects again"
            wider = float(np.mean([three.width / two.width for two, three in found]))
            rows.append(Row(SECTION, what, setting, len(found), wider, None, None, "shown"))
    return rows


def covered(world: World) -> tuple[Interval, Interval]:
    """The share's interval by members and titles, and by subjects as well."""
    takes, subjects = drawn_takes(world)
    bootstrap = Bootstrap(resamples=RESAMPLES, seed=world.seed)
    two, three = (
        PigeonholeMeans.of(takes, bootstrap, shares).share("greedy", "oracle")
        for shares in (None, subjects)
    )
    return _interval(two), _interval(three)


def _interval(share: Range) -> Interval:
    return Interval(share.low <= SHARE <= share.high, share.high - share.low)


def drawn_takes(
    world: World,
) -> tuple[dict[str, TitleTakes], Float[np.ndarray, "titles subjects"]]:
    """Takes of random, greedy and oracle, and each title's shares of subjects."""
    rng = np.random.default_rng(world.seed)
    cast = np.array([rng.choice(world.subjects, CAST, False) for _ in range(world.titles)])
    shares = np.zeros((world.titles, world.subjects))
    shares[np.arange(world.titles)[:, None], cast] = 1 / CAST

    def differing(size: float) -> Float[np.ndarray, "members titles"]:
        """Mean 0 over the population; `size` times as far as gains."""
        of_subjects = np.sqrt(CAST) * shares @ rng.standard_normal(world.subjects)
        own = rng.standard_normal(world.titles)
        by_title = np.sqrt(world.common) * of_subjects + np.sqrt(1 - world.common) * own
        by_member = rng.standard_normal((world.members, 1))
        by_pair = rng.standard_normal((world.members, world.titles))
        return size * (BY_MEMBER * by_member + BY_TITLE * by_title + BY_PAIR * by_pair)

    oracle = GAIN * (1 + differing(1.0))
    greedy = SHARE * GAIN * (oracle / GAIN + differing(0.5))
    random = np.full(oracle.shape, RANDOM)
    return {"random": random, "greedy": random + greedy, "oracle": random + oracle}, shares
