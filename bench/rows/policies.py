"""How much of what a joint choice of a row could gain is gained, exactly."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bandit.rows.orchestrate import orchestrate
from bandit.rows.pair_posterior import learn_pairs
from bandit.rows.row_chances import RowChances
from bandit.rows.row_values import RowScores, row_scores
from bench.rows.stage import RowStage, even, logged
from simulate.rows.row_world import RowWorld

HEADS, EPSILON = 32, 0.05
ROUNDS = 3
"""Of finding the level of rows whose titles compete."""


@dataclass(frozen=True)
class PolicyRow:
    """Expected takes of a row under each policy, in one setting; exact.

    Attributes:
        neighbour: added to a logit for each SD of alikeness.
        competition: titles of a row compete for one play.
        even: each slot drawn evenly.
        independent: each title's best by itself.
        orchestrated: the row that the learnt pair term says is best.
        thompson: the same by Thompson sampling with a share of exploration, as a live policy.
        oracle: the best of all rows.
        closed: share of the gap between independent and oracle that orchestrated closes.
        gain: of orchestrated over independent, as a share.
        room: of the oracle over independent, as a share.
    """

    neighbour: float
    competition: bool
    even: float
    independent: float
    orchestrated: float
    thompson: float
    oracle: float
    closed: float
    gain: float
    room: float


class Policies(NamedTuple):
    """Of one setting."""

    independent: RowChances
    orchestrated: RowChances
    thompson: RowChances


class LearntNeighbours(NamedTuple):
    """What was learnt of one setting, and the policies that decide by it."""

    policies: Policies
    known: RowWorld
    """Rows as whoever learnt believes them to be: titles by themselves, competition, and what the
    log said of neighbours."""
    scores: RowScores
    """By which `orchestrated` decides."""
    weights: Float[np.ndarray, " terms"]
    """Mean of what was learnt of neighbours."""
    drawn: Float[np.ndarray, "heads terms"]
    """By head."""


def policy_row(stage: RowStage, rows: RowWorld, pages: int, seed: int) -> PolicyRow:
    """Learn from a log of even draws, decide, and look up what each policy is worth."""
    policies = learnt_policies(stage, rows, pages, seed).policies
    worth = {name: float(rows.worth(p).mean()) for name, p in policies._asdict().items()}
    oracle, independent = float(rows.best.mean()), worth["independent"]
    return PolicyRow(
        rows.neighbour,
        rows.competition,
        float(rows.worth(even(rows)).mean()),
        **worth,
        oracle=oracle,
        closed=(worth["orchestrated"] - independent) / (oracle - independent)
        if oracle > independent * (1 + 1e-6)
        else 1.0,
        gain=worth["orchestrated"] / independent - 1,
        room=oracle / independent - 1,
    )


def learnt_policies(stage: RowStage, rows: RowWorld, pages: int, seed: int) -> LearntNeighbours:
    """Policies that know what titles do by themselves, as today's does, and learn neighbours."""
    rng = np.random.default_rng([seed, 1])
    terms = stage.terms(rows)
    log = logged(rows, even(rows), pages, rng)
    at = np.arange(rows.logit.shape[1])
    pairs = terms[log.context[:, None], at[:-1], log.choice[:, :-1], log.choice[:, 1:]]
    seen = np.zeros((pages, len(at), terms.shape[-1]))
    seen[:, 1:] += pairs
    seen[:, :-1] += pairs
    own = rows.logit[log.context[:, None], at, log.choice]
    posterior = learn_pairs(own, seen, log.played, rows.competition)
    valid = np.ones(rows.logit.shape, bool)
    nothing = np.zeros((len(terms), 1, *terms.shape[1:-1]))
    alone = row_scores(rows.logit, rows.liked, nothing)
    independent = orchestrate(*alone, valid, 0.0)
    mean = _beside(terms, posterior.mean[None])
    level = _level(rows, mean, independent) if rows.competition else None
    scores = row_scores(rows.logit, rows.liked, mean, level)
    heads = posterior.heads(HEADS, rng)
    voted = row_scores(rows.logit, rows.liked, _beside(terms, heads), level)
    policies = Policies(
        independent, orchestrate(*scores, valid, 0.0), orchestrate(*voted, valid, EPSILON)
    )
    known = replace(rows, alike=mean[:, 0], neighbour=1.0)
    return LearntNeighbours(policies, known, scores, posterior.mean, heads)


def _beside(
    terms: Float[np.ndarray, "contexts later left candidates terms"],
    weights: Float[np.ndarray, "heads terms"],
) -> Float[np.ndarray, "contexts heads later left candidates"]:
    return np.einsum("clakt,ht->chlak", terms, weights)


def _level(
    rows: RowWorld,
    beside: Float[np.ndarray, "contexts one later left candidates"],
    independent: RowChances,
) -> Float[np.ndarray, " contexts"]:
    """Takes of a good row, as far as the policy knows: Dinkelbach's rounds."""
    policy, level = independent, np.zeros(len(rows.logit))
    valid = np.ones(rows.logit.shape, bool)
    context, at = np.arange(len(rows.logit)), np.arange(rows.logit.shape[1])
    for _ in range(ROUNDS):
        choice = policy.draw(context, np.full((len(context), len(at)), 0.5))
        logit = rows.logit[context[:, None], at, choice]
        pairs = beside[context[:, None], 0, at[:-1], choice[:, :-1], choice[:, 1:]]
        logit[:, 1:] += pairs
        logit[:, :-1] += pairs
        odds, liked = np.exp(logit), rows.liked[context[:, None], at, choice]
        level = (odds * liked).sum(1) / (1 + odds.sum(1))
        scores = row_scores(rows.logit, rows.liked, beside, level)
        policy = orchestrate(*scores, valid, 0.0)
    return level
