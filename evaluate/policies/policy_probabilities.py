"""What a policy would have done in each logged decision: bundles and baselines by name."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

from bandit.counts import PRIOR_IMPRESSIONS
from data.bundle import resolve
from data.errors import BadInput
from evaluate.ope.reward_model import FOLDS
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from evaluate.policies.logged_examples import LoggedExamples

FORMS = ("served", "thompson", "greedy", "epsilon_greedy", "unpersonalised")
"""What may follow a bundle, after a colon: the policy that it is served by, another over its heads,
or the best of its table of takes over all members."""

Matrix = Float[np.ndarray, "decisions candidates"]


class PolicyProbabilities:
    """Policies by name on one log; a bundle is opened once, whatever its forms.

    Args:
        logged: the decisions.
        cache: folder for decoded images.
    """

    def __init__(self, logged: LoggedExamples, cache: Path | str) -> None:
        self.logged, self.cache = logged, cache
        self._opened: dict[str, BundleScores] = {}

    def __call__(self, name: str) -> Float[np.ndarray, " flat"]:
        """A policy's probabilities for the candidates of every decision, flat.

        Args:
            name: random, unpersonalised (each title's best on the log, from profiles of other
                folds), or a bundle, alone or with one of `FORMS` after a colon.

        Raises:
            BadInput: no such bundle, or it does not fit the catalogue.
        """
        if name == "random":
            return self.logged.feedback.target
        if name == "unpersonalised":
            return self._flat(one_hot(best_on_log(self.logged), self.logged.valid))
        bundle, form = split_name(name)
        scored = self.opened(bundle)
        if form == "unpersonalised":
            takes = _table_takes(scored, bundle, self.logged)
            best = np.where(self.logged.valid, takes[self.logged.rows], -np.inf).argmax(-1)
            return self._flat(one_hot(best, self.logged.valid))
        return self._flat(self._scored(scored, form))

    def opened(self, bundle: str) -> BundleScores:
        """A bundle on the log's catalogue."""
        if bundle not in self._opened:
            self._opened[bundle] = open_bundle_scores(bundle, self.logged.catalogue, self.cache)
        return self._opened[bundle]

    def takes(self, bundle: str) -> Float[np.ndarray, " decisions"]:
        """The take that a bundle predicts for what was shown."""
        scored, logged = self.opened(bundle), self.logged
        shown = logged.chosen[:, None]
        step = scored.block(logged.rows.shape[1])
        parts = []
        for at in range(0, len(logged), step):
            members = scored.members(logged.facts.slice(at, step))
            parts.append(scored.takes(members, shown[at : at + step])[:, 0])
        return np.concatenate(parts)

    def _scored(self, scored: BundleScores, form: str) -> Matrix:
        logged = self.logged
        policy = scored.policy(form)
        step = scored.block(logged.rows.shape[1])
        parts = []
        for at in range(0, len(logged), step):
            block = slice(at, at + step)
            members = scored.members(logged.facts.slice(at, step))
            rows, valid = logged.rows[block], logged.valid[block]
            parts.append(scored.probabilities(members, rows, valid, policy))
        return np.concatenate(parts)

    def _flat(self, probabilities: Matrix) -> Float[np.ndarray, " flat"]:
        return np.asarray(probabilities, np.float64)[self.logged.valid]


def split_name(name: str) -> tuple[str, str]:
    """Bundle and form of a policy's name."""
    head, colon, form = name.rpartition(":")
    return (head, form) if colon and form in FORMS else (name, "served")


def one_hot(
    best: Int[np.ndarray, " decisions"], valid: Bool[np.ndarray, "decisions candidates"]
) -> Matrix:
    """All probability on one place."""
    return (np.arange(valid.shape[1]) == best[:, None]).astype(np.float64)


def best_on_log(logged: LoggedExamples) -> Int[np.ndarray, " decisions"]:
    """Place of the title's artwork with the best weighted take among profiles of other folds.

    Takes are weighted by 1 / propensity and shrunken to their title's mean, so that what was
    hardly shown does not win by chance.
    """
    feedback = logged.feedback
    artworks, titles = len(logged.catalogue.artwork_ids), len(logged.catalogue.title_ids)
    fold = feedback.group % FOLDS
    weight = 1 / feedback.propensity

    def others(rows: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
        by_fold = np.bincount(rows * FOLDS + fold, weights=values, minlength=size * FOLDS)
        by_fold = by_fold.reshape(size, FOLDS)
        return by_fold.sum(1, keepdims=True) - by_fold

    shown = others(logged.chosen, weight, artworks)
    taken = others(logged.chosen, weight * feedback.reward, artworks)
    of_title = others(logged.title_rows, weight * feedback.reward, titles) / np.maximum(
        others(logged.title_rows, weight, titles), 1e-12
    )
    each = weight.mean()
    at, mine = logged.rows, fold[:, None]
    prior = PRIOR_IMPRESSIONS * each
    value = (taken[at, mine] + prior * of_title[logged.title_rows, fold][:, None]) / (
        shown[at, mine] + prior
    )
    return np.where(logged.valid, value, -np.inf).argmax(-1)


def _table_takes(
    scored: BundleScores, bundle: str, logged: LoggedExamples
) -> Float[np.ndarray, " artworks"]:
    """The bundle's take of each artwork over all members; below 0 where it has none.

    Of artworks that it does not know, a title's default comes first, as when serving.
    """
    file = resolve(bundle) / "unpersonalised.parquet"
    if not file.is_file():
        raise BadInput(f"bundle {scored.scorer.bundle_id} has no unpersonalised.parquet")
    table = pq.ParquetFile(file).read()
    known = dict(zip(table["artwork_id"].to_pylist(), table["take"].to_pylist(), strict=True))
    defaults = set(logged.catalogue.default_artwork.values())
    return np.array(
        [
            known.get(name, -0.5 if name in defaults else -1.0)
            for name in logged.catalogue.artwork_ids
        ]
    )
