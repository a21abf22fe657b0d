"""One batch of feedback, every row of it checked: from Arrow columns to arrays."""

from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int, UInt64

from data.errors import BadInput
from evaluate.ope.batch_rows import BatchRows
from evaluate.ope.feedback import GROUPS, Feedback
from evaluate.ope.support import EVERY_ROW, Support, support_of

TOLERANCE = 1e-5
"""How far a decision's target probabilities may sum from 1."""


@dataclass(frozen=True)
class Batch:
    """One batch of a feedback source, with what the estimators themselves need not know.

    Attributes:
        feedback: the numbers.
        first_row: row of the batch's first decision in its source, counting from 0.
        id_hashes: 64-bit hash of each decision id.
        names: distinct actions of the batch.
        codes: flat index into `names` of each candidate.
        drawn: which decisions have support; None: all, since others are left out already.
        support: how many have not, and why.
    """

    feedback: Feedback
    first_row: int
    id_hashes: UInt64[np.ndarray, " decisions"] | Float[np.ndarray, " none"]
    names: list
    codes: Int[np.ndarray, " flat"]
    drawn: Bool[np.ndarray, " decisions"] | None = None
    support: Support = EVERY_ROW

    def with_support(self) -> "Batch":
        """The decisions that estimates may weigh; the others are for models of the reward alone."""
        if self.drawn is None or self.drawn.all():
            return self
        return replace(
            self,
            feedback=self.feedback.of_rows(self.drawn),
            id_hashes=self.id_hashes[self.drawn],
            codes=self.codes[np.repeat(self.drawn, np.diff(self.feedback.offsets))],
            drawn=None,
        )


def checked_batch(
    raw: pa.RecordBatch, first_row: int, source: str, connection: duckdb.DuckDBPyConnection
) -> Batch:
    """The batch's arrays.

    Args:
        raw: columns of feedback.
        first_row: of the batch in its source.
        source: what messages call it.
        connection: to hash with.

    Raises:
        BadInput: a row is wrong; names source, row, decision and remedy.
    """
    rows = BatchRows(raw, first_row, source)
    for column in raw.schema.names:
        if column == "probabilities":
            continue  # null where they were not kept
        nulls = np.asarray(raw.column(column).is_null())
        rows.refuse(nulls, column, "is null", "fill it in or drop the row")
    offsets, candidates = rows.lists("candidates", None)
    rows.refuse(
        np.diff(offsets) == 0,
        "candidates",
        "is empty",
        "give every decision its candidates, or drop it",
    )
    logged, names, codes = _logged_actions(rows, offsets, candidates)
    propensity = _propensity(rows)
    sizes = np.diff(offsets)
    drawn, support = support_of(propensity, sizes, _level(rows), _least(rows, offsets), _rule(rows))
    feedback = Feedback(
        offsets=offsets,
        logged=logged,
        reward=_reward(rows),
        propensity=propensity,
        target=_target(rows, offsets),
        estimated=_estimated(rows, offsets) if "estimated_rewards" in raw.schema.names else None,
        group=_groups(raw, first_row, connection),
    )
    return Batch(
        feedback,
        first_row,
        _hashes(raw.column("decision_id"), connection),
        names,
        codes,
        drawn,
        support,
    )


def _logged_actions(
    rows: BatchRows, offsets: Int[np.ndarray, " decisions_and_one"], candidates: pa.Array
) -> tuple[Int[np.ndarray, " decisions"], list, Int[np.ndarray, " flat"]]:
    """Flat place of each logged action, distinct actions, and each candidate's index into them."""
    actions = rows.raw.column("action")
    if actions.type != candidates.type:
        try:
            actions = actions.cast(candidates.type)
        except pa.ArrowException:
            raise BadInput(
                f"{rows.source}: action is {actions.type} and candidates are lists of"
                f" {candidates.type}; write both with one type"
            ) from None
    encoded = pa.concat_arrays([candidates, actions]).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    flat, chosen = codes[: len(candidates)], codes[len(candidates) :]
    sizes = np.diff(offsets)
    parent = np.repeat(np.arange(len(sizes)), sizes)
    hits = np.flatnonzero(flat == chosen[parent])
    matches = np.bincount(parent[hits], minlength=len(sizes))
    names = encoded.dictionary.to_pylist()
    if (matches != 1).any():
        shown = np.array([repr(names[c]) for c in chosen], dtype=object)
        rows.refuse(
            matches == 0,
            "action",
            shown + " is not among its candidates",
            "log the candidates that were offered, or drop the row",
        )
        rows.refuse(
            matches > 1,
            "action",
            shown + " stands more than once among its candidates",
            "list each candidate once",
        )
    return hits, names, flat


def _target(
    rows: BatchRows, offsets: Int[np.ndarray, " decisions_and_one"]
) -> Float[np.ndarray, " flat"]:
    target = rows.per_candidate("target_probabilities", offsets)
    rows.refuse(
        _any_by_row(~((target >= 0) & (target <= 1 + TOLERANCE)), offsets),
        "target_probabilities",
        "holds a value outside [0, 1]",
        "give probabilities",
    )
    totals = np.add.reduceat(target, offsets[:-1])
    rows.refuse(
        np.abs(totals - 1) > TOLERANCE,
        "target_probabilities sum to",
        totals,
        "divide by their sum, one probability a candidate",
    )
    return target


def _estimated(
    rows: BatchRows, offsets: Int[np.ndarray, " decisions_and_one"]
) -> Float[np.ndarray, " flat"]:
    estimated = rows.per_candidate("estimated_rewards", offsets)
    wrong = _any_by_row(~np.isfinite(estimated), offsets)
    rows.refuse(wrong, "estimated_rewards", "holds a value that is not finite", "check the model")
    return estimated


def _reward(rows: BatchRows) -> Float[np.ndarray, " decisions"]:
    reward = rows.numbers("reward")
    rows.refuse(~np.isfinite(reward), "reward", reward, "give a finite number")
    return reward


def _propensity(rows: BatchRows) -> Float[np.ndarray, " decisions"]:
    propensity = rows.numbers("propensity")
    rows.refuse(
        ~((propensity > 0) & (propensity <= 1)),
        "propensity",
        propensity,
        "it is the probability with which the action was chosen, above 0 and at most 1: log it when"
        " choosing, or drop the row",
    )
    return propensity


def _level(rows: BatchRows) -> np.ndarray | None:
    """Fallback level of each decision; None where the log has none."""
    if "level" not in rows.raw.schema.names:
        return None
    return np.array(rows.raw.column("level").to_pylist(), object)


def _rule(rows: BatchRows) -> Bool[np.ndarray, " decisions"] | None:
    """Which decisions a rule took; None where the log does not say."""
    if "rule" not in rows.raw.schema.names:
        return None
    column = rows.raw.column("rule")
    if not pa.types.is_boolean(column.type):
        raise BadInput(f"{rows.source}: rule is {column.type}; give true or false")
    return np.asarray(column)


def _least(
    rows: BatchRows, offsets: Int[np.ndarray, " decisions_and_one"]
) -> Float[np.ndarray, " decisions"]:
    """Smallest logged probability of a candidate; NaN where they were not logged."""
    least = np.full(len(offsets) - 1, np.nan)
    if "probabilities" not in rows.raw.schema.names:
        return least
    known = np.asarray(rows.raw.column("probabilities").is_valid())
    if known.any():
        sizes = np.concatenate([[0], np.cumsum(np.where(known, np.diff(offsets), 0))])
        values = rows.per_candidate("probabilities", sizes)
        least[known] = np.minimum.reduceat(values, sizes[:-1][known])
    return least


def _any_by_row(
    flat: Bool[np.ndarray, " flat"], offsets: Int[np.ndarray, " decisions_and_one"]
) -> Bool[np.ndarray, " decisions"]:
    return np.logical_or.reduceat(flat, offsets[:-1])


def _groups(
    raw: pa.RecordBatch, first: int, connection: duckdb.DuckDBPyConnection
) -> Int[np.ndarray, " decisions"]:
    """Group of each decision: by profile where known, else decisions stand alone."""
    if "profile_id" in raw.schema.names:
        hashes = _hashes(raw.column("profile_id"), connection)
        return (hashes % np.uint64(GROUPS)).astype(np.int64)
    return (first + np.arange(raw.num_rows, dtype=np.int64)) % GROUPS


def _hashes(
    values: pa.Array, connection: duckdb.DuckDBPyConnection
) -> UInt64[np.ndarray, " decisions"]:
    """64-bit hashes, in order."""
    connection.register("hashed", pa.table({"v": values}))
    return np.asarray(connection.execute("SELECT hash(v) AS h FROM hashed").fetchnumpy()["h"])
