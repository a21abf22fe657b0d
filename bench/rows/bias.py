"""The exact bias of windows: every possible row weighed by its chance, so without any noise."""

from dataclasses import dataclass

import numpy as np

from bandit.rows.row_chances import RowChances
from bench.rows.policies import learnt_policies
from bench.rows.stage import RowStage, even, explored
from evaluate.slate.slates import Slates
from evaluate.slate.windows import chain_pseudo_inverse
from simulate.rows.row_world import RowWorld

WIDTHS = (1, 2, 3)
EVERY = 4
"""One context in so many is enough: nothing is drawn."""


@dataclass(frozen=True)
class WindowBias:
    """What estimators are off by on average, as a share of what the target is worth.

    Attributes:
        neighbour: added to a logit for each SD of alikeness.
        competition: titles of a row compete for one play.
        target: independent or orchestrated, greedy both, explored with a tenth.
        title: a title at a time (IIPS).
        pi: windows of one slot.
        pi2: of two.
        pi3: of three.
        pi2_dr: of two, of what a model leaves that knows titles by themselves, their competition,
            and what another log said of neighbours.
    """

    neighbour: float
    competition: bool
    target: str
    title: float
    pi: float
    pi2: float
    pi3: float
    pi2_dr: float


def biases(stage: RowStage, rows: RowWorld, pages: int, seed: int) -> list[WindowBias]:
    """Of an independent and an orchestrated target, on a log of even draws."""
    learnt = learnt_policies(stage, rows, pages, seed)
    return [
        _bias(rows, learnt.known, name, explored(getattr(learnt.policies, name)))
        for name in ("independent", "orchestrated")
    ]


def _bias(rows: RowWorld, known: RowWorld, name: str, target: RowChances) -> WindowBias:
    log, every = even(rows), rows.every
    off = np.zeros(2 + len(WIDTHS))
    worth = 0.0
    for context in range(0, len(rows.logit), EVERY):
        at = np.full(len(every), context)
        mine, theirs = target.parts(at, every), log.parts(at, every)
        takes = rows.takes(at, every)
        slates = Slates(
            length=np.full(len(every), every.shape[1]),
            reward=takes,
            group=at,
            position=mine.position / theirs.position,
            pair=np.nan_to_num(mine.pair / theirs.pair),
        )
        row = takes.sum(1)
        truth = mine.slate @ row
        found = [theirs.slate @ (slates.of("position") * takes).sum(1)]
        found += [theirs.slate @ (chain_pseudo_inverse(slates, w) * row) for w in WIDTHS]
        told = known.values[context]
        pairs = chain_pseudo_inverse(slates, 2)
        found.append(theirs.slate @ (pairs * (row - told)) + mine.slate @ told)
        off += np.array(found) - truth
        worth += truth
    return WindowBias(rows.neighbour, rows.competition, name, *(off / worth).tolist())
