"""What neighbours do to each other, learnt from logged pages for a bundle: in the closed form.

Laplace's posterior of the few weights of eᵀ B e′, beside what the bundle says of each title by
itself. Its draws, one a head, let Thompson sampling explore neighbours as it does artwork.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.rows.pair_posterior import PairPosterior, learn_pairs, pair_terms
from data.bundle.row_pairs import RowPairs
from data.catalogue import Catalogue
from evaluate.policies.bundle_scores import BundleScores
from evaluate.slate.candidate_rows import shown_rows, take_logits
from evaluate.slate.leading_space import leading_space
from evaluate.slate.logged_rows import LoggedRows

RANK = 8
"""Coordinates of an artwork: the directions in which members see most difference."""
PRIOR = 0.3
"""SD of a weight around 0, in logits for each SD of what it weighs, at most."""
MOST = 300_000
"""Slots that are learnt from, the latest: their memory is bounded, and more hardly help."""


class LearntRows(NamedTuple):
    """A pair term, and how much of it there is."""

    pairs: RowPairs
    slots: int
    """Slots with a neighbour that it was learnt from."""
    effect: float
    """SD over these of what their neighbours add to the logit of a take."""
    surprise: float
    """wᵀ Σ⁻¹ w of the weights, which chance alone brings to about their number."""
    weights: int
    """How many there are."""


def learn_rows(
    scored: BundleScores, catalogue: Catalogue, examples: pa.Table, seed: int = 0
) -> LearntRows:
    """Learn the pair term of a bundle.

    Args:
        scored: the bundle on the catalogue.
        catalogue: of the examples.
        examples: as EXAMPLES, with pages.
        seed: of the posterior's draws.

    Raises:
        BadInput: no example names a page.
    """
    rows = LoggedRows.of(examples.slice(max(len(examples) - MOST, 0)))
    rng = np.random.default_rng(seed)
    space, manifest = _space(scored, catalogue, rows, rng), scored.scorer.manifest
    at = shown_rows(rows.examples, catalogue)
    terms = _terms(rows, space.coordinates(scored.artworks.vectors)[at])
    beside = terms.any(1)
    if not beside.any():
        return LearntRows(space, 0, 0.0, 0.0, terms.shape[1])
    scale = np.maximum(terms[beside].std(0), 1e-9)
    posterior = _posterior(rows, scored, at, terms / scale)
    added = terms[beside] @ (posterior.mean / scale)
    surprise = float(posterior.mean @ np.linalg.solve(posterior.covariance, posterior.mean))
    said = {
        "slots": int(beside.sum()),
        "effect": float(added.std()),
        "surprise": surprise,
        "weights": len(scale),
        "reward": manifest.reward_name,
    }
    pairs = replace(
        space,
        mean=form(posterior.mean / scale),
        heads=np.stack([form(w / scale) for w in posterior.heads(manifest.policy.heads, rng)]),
        said=said,
    )
    return LearntRows(pairs, int(beside.sum()), float(added.std()), surprise, len(scale))


def _space(
    scored: BundleScores, catalogue: Catalogue, rows: LoggedRows, rng: np.random.Generator
) -> RowPairs:
    """Coordinates of artworks by how members see them differ, without any term yet."""
    facts = rows.examples["facts"].combine_chunks()
    space = leading_space(scored, catalogue, facts, RANK, rng)
    nothing = np.zeros((scored.scorer.manifest.policy.heads, RANK, RANK))
    return RowPairs(space.centre, space.projection, nothing[0], nothing, {"slots": 0})


def form(weights: Float[np.ndarray, " terms"]) -> Float[np.ndarray, "rank rank"]:
    """B of the weights of `bandit.rows.pair_posterior.pair_terms`."""
    made = np.zeros((RANK, RANK))
    one, other = np.triu_indices(RANK)
    made[one, other] = made[other, one] = weights
    return made


def _terms(
    rows: LoggedRows, coordinates: Float[np.ndarray, "slots rank"]
) -> Float[np.ndarray, "slots terms"]:
    """Of each slot, summed over its neighbours that were seen."""
    right = np.flatnonzero(np.diff(rows.row) == 0)
    seen = coordinates.astype(np.float64)
    pairs = pair_terms(seen[right], seen[right + 1])
    terms = np.zeros((len(rows.row), pairs.shape[1]))
    terms[right] += pairs
    terms[right + 1] += pairs
    return terms


def _posterior(
    rows: LoggedRows,
    scored: BundleScores,
    at: Int[np.ndarray, " slots"],
    terms: Float[np.ndarray, "slots terms"],
) -> PairPosterior:
    """Of the terms' weights, beside a level of all slots, which the bundle may have missed."""
    facts = rows.examples["facts"].combine_chunks()
    logit = take_logits(scored, facts, at[:, None])[:, 0]
    played = np.clip(rows.numbers("reward"), 0, 1)
    known: Bool[np.ndarray, " slots"] = np.isfinite(logit)
    level = np.ones((len(terms), 1))
    joined = np.concatenate([terms, level], axis=1)[known][:, None]
    learnt = learn_pairs(logit[known, None], joined, played[known, None], False, PRIOR)
    return PairPosterior(learnt.mean[:-1], learnt.covariance[:-1, :-1]).by_evidence(PRIOR)
