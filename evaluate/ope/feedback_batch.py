"""One batch of feedback, every row of it checked: from Arrow columns to arrays."""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int, UInt64

from data.errors import BadInput
from evaluate.ope.feedback import GROUPS, Feedback

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
    """

    feedback: Feedback
    first_row: int
    id_hashes: UInt64[np.ndarray, " decisions"] | Float[np.ndarray, " none"]
    names: list
    codes: Int[np.ndarray, " flat"]


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
    rows = _Rows(raw, first_row, source)
    for column in raw.schema.names:
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
    feedback = Feedback(
        offsets=offsets,
        logged=logged,
        reward=_reward(rows),
        propensity=_propensity(rows),
        target=_target(rows, offsets),
        estimated=_estimated(rows, offsets) if "estimated_rewards" in raw.schema.names else None,
        group=_groups(raw, first_row, connection),
    )
    return Batch(feedback, first_row, _hashes(raw.column("decision_id"), connection), names, codes)


@dataclass(frozen=True)
class _Rows:
    """Columns of a batch, and the words to refuse a row of them with."""

    raw: pa.RecordBatch
    first: int
    source: str

    def refuse(
        self, wrong: Bool[np.ndarray, " decisions"], column: str, shown: object, remedy: str
    ) -> None:
        """Raise for the first row that is wrong; `shown` may be an array, of what each holds."""
        if wrong.any():
            at = int(wrong.argmax())
            value = shown[at] if isinstance(shown, np.ndarray) else shown
            value = f"{value:.6g}" if isinstance(value, float) else value
            raise BadInput(f"{self._place(at)}: {column} {value}; {remedy}")

    def numbers(self, column: str) -> Float[np.ndarray, " decisions"]:
        """A column of numbers."""
        try:
            return self.raw.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowException:
            kind = self.raw.column(column).type
            raise BadInput(f"{self.source}: {column} is {kind}; give numbers") from None

    def lists(
        self, column: str, kind: pa.DataType | None
    ) -> tuple[Int[np.ndarray, " decisions_and_one"], pa.Array]:
        """Offsets and flat values of a list column, free of nulls inside."""
        lists = self.raw.column(column)
        if not (
            pa.types.is_list(lists.type)
            or pa.types.is_large_list(lists.type)
            or pa.types.is_fixed_size_list(lists.type)
        ):
            raise BadInput(
                f"{self.source}: {column} is {lists.type}; it must be a list, one value a candidate"
            )
        sizes = pc.call_function("list_value_length", [lists]).to_numpy(zero_copy_only=False)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        values = lists.flatten()
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if kind is not None and values.type != kind:
            try:
                values = values.cast(kind)
            except pa.ArrowException:
                raise BadInput(
                    f"{self.source}: {column} holds {values.type}; give numbers"
                ) from None
        if values.null_count:
            null = int(np.asarray(values.is_null()).argmax())
            at = int(np.searchsorted(offsets, null, "right")) - 1
            raise BadInput(
                f"{self._place(at)}: {column} holds a null; give a value for every candidate"
            )
        return offsets, values

    def per_candidate(
        self, column: str, offsets: Int[np.ndarray, " decisions_and_one"]
    ) -> Float[np.ndarray, " flat"]:
        """A list column of one number a candidate, flat."""
        own, values = self.lists(column, pa.float64())
        sizes, wanted = np.diff(own), np.diff(offsets)
        if (sizes != wanted).any():
            pairs = zip(sizes, wanted, strict=True)
            words = np.array([f"has {s} values for {w} candidates" for s, w in pairs], object)
            self.refuse(sizes != wanted, column, words, "give one value a candidate")
        return values.to_numpy(zero_copy_only=False)

    def _place(self, at: int) -> str:
        name = self.raw.column("decision_id")[at].as_py()
        return f"{self.source}: row {self.first + at} (decision_id {name})"


def _logged_actions(
    rows: _Rows, offsets: Int[np.ndarray, " decisions_and_one"], candidates: pa.Array
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
    rows: _Rows, offsets: Int[np.ndarray, " decisions_and_one"]
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
    rows: _Rows, offsets: Int[np.ndarray, " decisions_and_one"]
) -> Float[np.ndarray, " flat"]:
    estimated = rows.per_candidate("estimated_rewards", offsets)
    wrong = _any_by_row(~np.isfinite(estimated), offsets)
    rows.refuse(wrong, "estimated_rewards", "holds a value that is not finite", "check the model")
    return estimated


def _reward(rows: _Rows) -> Float[np.ndarray, " decisions"]:
    reward = rows.numbers("reward")
    rows.refuse(~np.isfinite(reward), "reward", reward, "give a finite number")
    return reward


def _propensity(rows: _Rows) -> Float[np.ndarray, " decisions"]:
    propensity = rows.numbers("propensity")
    rows.refuse(
        ~((propensity > 0) & (propensity <= 1)),
        "propensity",
        propensity,
        "it is the probability with which the action was chosen, above 0 and at most 1: log it when"
        " choosing, or drop the row",
    )
    return propensity


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
