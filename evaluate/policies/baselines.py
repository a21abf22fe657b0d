"""Policies that show everybody the same artwork of a title: the best on a log, of a table."""

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

from bandit.counts import PRIOR_IMPRESSIONS
from data.bundle import resolve
from data.errors import BadInput
from evaluate.ope.reward_model import FOLDS
from evaluate.policies.logged_examples import LoggedExamples


def one_hot(
    best: Int[np.ndarray, " decisions"], valid: Bool[np.ndarray, "decisions candidates"]
) -> Float[np.ndarray, "decisions candidates"]:
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


def table_takes(bundle: str, logged: LoggedExamples) -> Float[np.ndarray, " artworks"]:
    """The bundle's take of each artwork over all members; below 0 where it has none.

    Of artworks that it does not know, a title's default comes first, as when serving.

    Raises:
        BadInput: the bundle has no table.
    """
    file = resolve(bundle) / "unpersonalised.parquet"
    if not file.is_file():
        raise BadInput(f"bundle {bundle} has no unpersonalised.parquet")
    table = pq.ParquetFile(file).read()
    known = dict(zip(table["artwork_id"].to_pylist(), table["take"].to_pylist(), strict=True))
    defaults = set(logged.catalogue.default_artwork.values())
    return np.array(
        [
            known.get(name, -0.5 if name in defaults else -1.0)
            for name in logged.catalogue.artwork_ids
        ]
    )
