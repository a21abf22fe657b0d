"""What neighbours do to each other, learnt from logged pages for a bundle: in the closed form.

Laplace's posterior of the few weights of eᵀ B e′, beside what the bundle says of each title by
itself. Its draws, one a head, let Thompson sampling explore neighbours as it does artwork.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.rows.pair_posterior import PairPosterior, learn_pairs, pair_terms
from data.bundle.row_pairs import RowPairs
from data.catalogue import Catalogue
from evaluate.policies.bundle_scores import BundleScores, embeddings
from evaluate.slate.candidate_rows import shown_rows, take_logits
from evaluate.slate.logged_rows import LoggedRows
from serve.scoring.scorer import Scorer

RANK, CROSSED = 16, 3
"""Coordinates of an artwork, and how many of them, the widest, have weights of their own: all share
one weight besides, of how alike two artworks are."""
PRIOR = 0.3
"""SD of a weight around 0, in logits for each SD of what it weighs."""
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
    bundle: Path | str, catalogue: Catalogue, cache: Path | str, examples: pa.Table, seed: int = 0
) -> LearntRows:
    """Learn the pair term of a bundle.

    Args:
        bundle: its folder.
        catalogue: of the examples.
        cache: folder for decoded images.
        examples: as EXAMPLES, with pages.
        seed: of the posterior's draws.

    Raises:
        BadInput: no example names a page, or the bundle is not whole.
    """
    scorer = Scorer(bundle)
    seen = embeddings(scorer, catalogue, cache)
    artworks = scorer.artworks(seen.values, catalogue.titles, catalogue.artworks)
    scored = BundleScores(scorer, artworks, seen.left_out)
    rows = LoggedRows.of(examples.slice(max(len(examples) - MOST, 0)))
    there = np.asarray(seen.values.any(1))
    centre, projection = leading(seen.values[there])
    nothing = np.zeros((RANK, RANK))
    space = RowPairs(centre, projection, nothing, nothing[None])
    at = shown_rows(rows.examples, catalogue)
    terms = _terms(rows, space.coordinates(seen.values)[at])
    beside = terms.any(1)
    if not beside.any():
        return LearntRows(_none(space, scorer), 0, 0.0, 0.0, terms.shape[1])
    scale = np.maximum(terms[beside].std(0), 1e-9)
    posterior = _posterior(rows, scored, at, terms / scale)
    count, rng = scorer.manifest.policy.heads, np.random.default_rng(seed)
    added = terms[beside] @ (posterior.mean / scale)
    surprise = float(posterior.mean @ np.linalg.solve(posterior.covariance, posterior.mean))
    said = {
        "slots": int(beside.sum()),
        "effect": float(added.std()),
        "surprise": surprise,
        "weights": len(scale),
        "reward": scorer.manifest.reward_name,
    }
    pairs = RowPairs(
        centre,
        projection,
        form(posterior.mean / scale),
        np.stack([form(each / scale) for each in posterior.heads(count, rng)]),
        said,
    )
    return LearntRows(pairs, int(beside.sum()), float(added.std()), surprise, len(scale))


def leading(
    values: Float[np.ndarray, "artworks embedding"],
) -> tuple[Float[np.ndarray, " embedding"], Float[np.ndarray, "embedding rank"]]:
    """Centre and leading directions of embeddings whose columns count alike, of mean square 1."""
    centre = values.mean(0)
    spread = values.std(0)
    weights = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-6 * spread.max())
    _, size, turned = np.linalg.svd((values - centre) * weights, full_matrices=False)
    rank = min(RANK, len(size))
    mean_square = float((size[:rank] ** 2).sum()) / (len(values) * RANK)
    projection = np.zeros((values.shape[1], RANK))
    projection[:, :rank] = weights[:, None] * turned[:rank].T / np.sqrt(max(mean_square, 1e-12))
    return centre, projection


def form(weights: Float[np.ndarray, " terms"]) -> Float[np.ndarray, "rank rank"]:
    """B of the weights of `_pair`'s terms."""
    crossed = np.zeros((RANK, RANK))
    one, other = np.triu_indices(CROSSED)
    crossed[one, other] = crossed[other, one] = weights[:-1]
    return crossed + weights[-1] * np.eye(RANK)


def _pair(
    one: Float[np.ndarray, "pairs rank"], other: Float[np.ndarray, "pairs rank"]
) -> Float[np.ndarray, "pairs terms"]:
    alike = (one * other).sum(1, keepdims=True)
    return np.concatenate([pair_terms(one[:, :CROSSED], other[:, :CROSSED]), alike], axis=1)


def _terms(
    rows: LoggedRows, coordinates: Float[np.ndarray, "slots rank"]
) -> Float[np.ndarray, "slots terms"]:
    """Of each slot, summed over its neighbours that were seen."""
    right = np.flatnonzero(np.diff(rows.row) == 0)
    pairs = _pair(coordinates[right].astype(float), coordinates[right + 1].astype(float))
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
    return PairPosterior(learnt.mean[:-1], learnt.covariance[:-1, :-1])


def _none(space: RowPairs, scorer: Scorer) -> RowPairs:
    heads = np.zeros((scorer.manifest.policy.heads, RANK, RANK))
    return RowPairs(space.centre, space.projection, space.mean, heads, {"slots": 0})
