"""What a map of a few artworks a title would keep of the gain of joint choices, exactly.

A map is made before anybody knows which titles stand beside each other. So which artworks of a
title it keeps can follow from the title alone, or from what may come to stand beside it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from bandit.rows.orchestrate import orchestrate
from bench.rows.policies import LearntNeighbours, learnt_policies
from bench.rows.stage import RowStage
from simulate.rows.row_world import RowWorld

COMPANY = 256
"""Pairs of artworks of the catalogue that a title is imagined between."""


@dataclass(frozen=True)
class FewRow:
    """Expected takes of a row where each title may show a few of its artworks; exact.

    Attributes:
        neighbour: added to a logit for each SD of alikeness.
        kept: artworks of each title.
        alone: takes of each title's best by itself.
        whole: of the joint choice among all.
        likeliest: of that among those that are best by themselves.
        suited: of that among those that are together best beside other artwork of the catalogue.
        likeliest_left: what is left of the gain of `whole` over `alone`; 1 where there is none.
        suited_left: the same.
    """

    neighbour: float
    kept: int
    alone: float
    whole: float
    likeliest: float
    suited: float
    likeliest_left: float
    suited_left: float


def few_rows(stage: RowStage, rows: RowWorld, pages: int, seed: int) -> list[FewRow]:
    """Decide rows jointly among ever fewer artworks of each title; titles do not compete.

    Args:
        stage: of the rows.
        rows: without competition.
        pages: of a log of even draws that neighbours are learnt from.
        seed: of the log.
    """
    learnt = learnt_policies(stage, rows, pages, seed)
    own = learnt.scores.own[:, 0]
    company = _between(stage, rows, learnt, np.random.default_rng([seed, 5]))
    alone = float(rows.worth(learnt.policies.independent).mean())
    whole = float(rows.worth(learnt.policies.orchestrated).mean())

    def worth(kept: Bool[np.ndarray, "contexts slots candidates"]) -> float:
        return float(rows.worth(orchestrate(*learnt.scores, kept, 0.0)).mean())

    def left(value: float) -> float:
        return (value - alone) / (whole - alone) if whole > alone * (1 + 1e-6) else 1.0

    found = []
    for kept in range(2, own.shape[2]):
        likeliest = worth(_among(np.argsort(-own, axis=2)[:, :, :kept], own.shape))
        suited = worth(_among(_together(company, kept), own.shape))
        values = (alone, whole, likeliest, suited, left(likeliest), left(suited))
        found.append(FewRow(rows.neighbour, kept, *values))
    return found


def in_company(
    stage: RowStage, rows: RowWorld, learnt: LearntNeighbours, count: int, rng: np.random.Generator
) -> Float[np.ndarray, "contexts slots candidates company"]:
    """What artworks of the catalogue, drawn for all titles, add to the logit of each candidate."""
    every = np.arange(len(stage.world.truth.style))
    beside = stage.terms_of(every[:, None], every[None]) @ learnt.weights
    return beside[rows.artworks[..., None], rng.choice(every, count)]


def _between(
    stage: RowStage, rows: RowWorld, learnt: LearntNeighbours, rng: np.random.Generator
) -> Float[np.ndarray, "contexts slots candidates company"]:
    """What each candidate is worth between two artworks of the catalogue, to first order."""
    added = in_company(stage, rows, learnt, 2 * COMPANY, rng)
    chance = expit(rows.logit)
    slope = chance * (1 - chance) * rows.liked
    both = (slope + slope.mean())[..., None]
    return learnt.scores.own[:, 0, :, :, None] + both * (
        added[..., :COMPANY] + added[..., COMPANY:]
    )


def _together(
    company: Float[np.ndarray, "contexts slots candidates company"], kept: int
) -> Int[np.ndarray, "contexts slots kept"]:
    """Candidates of which the best in each company is best on average: one after another."""
    best = np.full((*company.shape[:2], company.shape[3]), -np.inf)
    chosen = []
    for _ in range(kept):
        with_it = np.maximum(company, best[:, :, None]).mean(3)
        for before in chosen:
            np.put_along_axis(with_it, before[..., None], -np.inf, 2)
        chosen.append(with_it.argmax(2))
        added = np.take_along_axis(company, chosen[-1][:, :, None, None], 2)[:, :, 0]
        best = np.maximum(best, added)
    return np.stack(chosen, axis=2)


def _among(
    chosen: Int[np.ndarray, "contexts slots kept"], shape: tuple[int, ...]
) -> Bool[np.ndarray, "contexts slots candidates"]:
    kept = np.zeros(shape, bool)
    np.put_along_axis(kept, chosen, True, 2)
    return kept
