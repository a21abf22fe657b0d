"""Feedback from Parquet or Arrow: one row a decision, checked, batch by batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.errors import BadInput
from evaluate.ope.feedback import GROUPS, Feedback

REQUIRED = (
    *("decision_id", "candidates", "action", "reward", "propensity"),
    "target_probabilities",
)
OPTIONAL = ("estimated_rewards", "profile_id")
ROWS = 65_536
"""Decisions read at once."""
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
    id_hashes: np.ndarray
    names: list
    codes: np.ndarray


@dataclass(frozen=True)
class FeedbackSource:
    """A table or a Parquet file of feedback that can be read more than once.

    Raises:
        BadInput: the file cannot be read, has no rows or lacks a column.
    """

    table: pa.Table | None
    path: Path | None

    @classmethod
    def open(cls, feedback: pa.Table | str | Path) -> "FeedbackSource":
        """Open a table, or a Parquet file by name."""
        if isinstance(feedback, pa.Table):
            source = cls(feedback, None)
        else:
            source = cls(None, Path(feedback))
        schema = source.schema()
        missing = [name for name in REQUIRED if name not in schema.names]
        if missing:
            raise BadInput(
                f"{source.name}: column {', '.join(missing)} is missing; feedback needs"
                f" {', '.join(REQUIRED)} (optional: {', '.join(OPTIONAL)})"
            )
        return source

    @property
    def name(self) -> str:
        """What messages call it."""
        return "feedback table" if self.path is None else str(self.path)

    def schema(self) -> pa.Schema:
        """Arrow schema of the source."""
        if self.table is not None:
            return self.table.schema
        return self._file().schema_arrow

    def has(self, column: str) -> bool:
        """Whether an optional column is there."""
        return column in self.schema().names

    def batches(self) -> Iterator[Batch]:
        """Checked batches in order; memory is bounded by one batch.

        Raises:
            BadInput: a row is wrong; names source, row, decision and remedy.
        """
        columns = [c for c in (*REQUIRED, *OPTIONAL) if self.has(c)]
        connection = duckdb.connect()
        row = 0
        for raw in self._raw(columns):
            if raw.num_rows:
                yield _checked(raw, row, self.name, connection)
                row += raw.num_rows
        if row == 0:
            raise BadInput(f"{self.name}: no rows; give at least one decision")

    def decision_ids(self) -> Iterator[tuple[int, pa.Array]]:
        """First row and decision ids of each batch."""
        row = 0
        for raw in self._raw(["decision_id"]):
            yield row, raw.column(0)
            row += raw.num_rows

    def _raw(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        if self.table is not None:
            yield from self.table.select(columns).to_batches(max_chunksize=ROWS)
            return
        try:
            yield from self._file().iter_batches(ROWS, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise BadInput(
                f"{self.name}: damaged Parquet ({error}); write the file again"
            ) from None

    def _file(self) -> pq.ParquetFile:
        path = self.path or Path()
        if not path.is_file():
            raise BadInput(f"{path}: no such file; give a Parquet file of feedback")
        try:
            return pq.ParquetFile(path, memory_map=False, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise BadInput(f"{path}: not a Parquet file ({error}); write it again") from None


def _checked(
    raw: pa.RecordBatch, first: int, name: str, connection: duckdb.DuckDBPyConnection
) -> Batch:
    """The batch's arrays, every row checked."""
    ids = raw.column("decision_id")

    def refuse(rows: np.ndarray, column: str, shown: object, remedy: str) -> None:
        """Raise for the first row that is True."""
        if rows.any():
            at = int(rows.argmax())
            value = shown[at] if isinstance(shown, np.ndarray) else shown
            value = f"{value:.6g}" if isinstance(value, float) else value
            raise BadInput(
                f"{name}: row {first + at} (decision_id {ids[at].as_py()}): {column} {value};"
                f" {remedy}"
            )

    for column in raw.schema.names:
        nulls = np.asarray(raw.column(column).is_null())
        refuse(nulls, column, "is null", "fill it in or drop the row")
    offsets, candidates = _list(raw, "candidates", None, name, first)
    sizes = np.diff(offsets)
    refuse(sizes == 0, "candidates", "is empty", "give every decision its candidates, or drop it")
    actions = raw.column("action")
    if actions.type != candidates.type:
        try:
            actions = actions.cast(candidates.type)
        except pa.ArrowException:
            raise BadInput(
                f"{name}: action is {actions.type} and candidates are lists of"
                f" {candidates.type}; write both with one type"
            ) from None
    encoded = pa.concat_arrays([candidates, actions]).dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    flat, chosen = codes[: len(candidates)], codes[len(candidates) :]
    parent = np.repeat(np.arange(len(sizes)), sizes)
    hits = np.flatnonzero(flat == chosen[parent])
    matches = np.bincount(parent[hits], minlength=len(sizes))
    names = encoded.dictionary.to_pylist()
    if (matches != 1).any():
        shown = np.array([repr(names[c]) for c in chosen], dtype=object)
        refuse(
            matches == 0, "action", shown + " is not among its candidates", "log the candidates"
            " that were offered, or drop the row"
        )  # fmt: skip
        refuse(
            matches > 1, "action", shown + " stands more than once among its candidates",
            "list each candidate once"
        )  # fmt: skip
    target_offsets, target = _list(raw, "target_probabilities", pa.float64(), name, first)
    _same_length(refuse, "target_probabilities", np.diff(target_offsets), sizes)
    target = target.to_numpy(zero_copy_only=False)
    estimated = None
    if "estimated_rewards" in raw.schema.names:
        modelled_offsets, modelled = _list(raw, "estimated_rewards", pa.float64(), name, first)
        _same_length(refuse, "estimated_rewards", np.diff(modelled_offsets), sizes)
        estimated = modelled.to_numpy(zero_copy_only=False)
        bad = _any_by_row(~np.isfinite(estimated), offsets)
        refuse(bad, "estimated_rewards", "holds a value that is not finite", "check the model")
    reward = _numbers(raw, "reward", name)
    propensity = _numbers(raw, "propensity", name)
    refuse(~np.isfinite(reward), "reward", reward, "give a finite number")
    refuse(
        ~((propensity > 0) & (propensity <= 1)),
        "propensity",
        propensity,
        "it is the probability with which the action was chosen, above 0 and at most 1: log it when"
        " choosing, or drop the row",
    )
    refuse(
        _any_by_row(~((target >= 0) & (target <= 1 + TOLERANCE)), offsets),
        "target_probabilities",
        "holds a value outside [0, 1]",
        "give probabilities",
    )
    totals = np.add.reduceat(target, offsets[:-1])
    refuse(
        np.abs(totals - 1) > TOLERANCE,
        "target_probabilities sum to",
        totals,
        "divide by their sum, one probability a candidate",
    )
    feedback = Feedback(
        offsets=offsets,
        logged=hits,
        reward=reward,
        propensity=propensity,
        target=target,
        estimated=estimated,
        group=_groups(raw, first, connection),
    )
    return Batch(feedback, first, _hashes(ids, connection), names, flat)


def _same_length(refuse: object, column: str, given: np.ndarray, wanted: np.ndarray) -> None:
    """Refuse rows whose list is not one value a candidate."""
    if (given != wanted).any():
        shown = np.array(
            [f"has {g} values for {w} candidates" for g, w in zip(given, wanted, strict=True)],
            dtype=object,
        )
        refuse(given != wanted, column, shown, "give one value a candidate")  # pyright: ignore[reportCallIssue]


def _list(
    raw: pa.RecordBatch, column: str, kind: pa.DataType | None, name: str, first: int
) -> tuple[np.ndarray, pa.Array]:
    """Offsets and flat values of a list column, free of nulls inside."""
    lists = raw.column(column)
    if not (
        pa.types.is_list(lists.type)
        or pa.types.is_large_list(lists.type)
        or pa.types.is_fixed_size_list(lists.type)
    ):
        raise BadInput(
            f"{name}: {column} is {lists.type}; it must be a list, one value a candidate"
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
            raise BadInput(f"{name}: {column} holds {values.type}; give numbers") from None
    if values.null_count:
        at = int(np.searchsorted(offsets, np.asarray(values.is_null()).argmax(), "right")) - 1
        raise BadInput(
            f"{name}: row {first + at} (decision_id {raw.column('decision_id')[at].as_py()}):"
            f" {column} holds a null; give a value for every candidate"
        )
    return offsets, values


def _numbers(raw: pa.RecordBatch, column: str, name: str) -> np.ndarray:
    try:
        return raw.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        raise BadInput(f"{name}: {column} is {raw.column(column).type}; give numbers") from None


def _any_by_row(flat: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return np.logical_or.reduceat(flat, offsets[:-1])


def _groups(raw: pa.RecordBatch, first: int, connection: duckdb.DuckDBPyConnection) -> np.ndarray:
    """Group of each decision: by profile where known, else decisions stand alone."""
    if "profile_id" in raw.schema.names:
        hashes = _hashes(raw.column("profile_id"), connection)
        return (hashes % np.uint64(GROUPS)).astype(np.int64)
    return (first + np.arange(raw.num_rows, dtype=np.int64)) % GROUPS


def _hashes(values: pa.Array, connection: duckdb.DuckDBPyConnection) -> np.ndarray:
    """64-bit hashes, in order."""
    connection.register("hashed", pa.table({"v": values}))
    return np.asarray(connection.execute("SELECT hash(v) AS h FROM hashed").fetchnumpy()["h"])
