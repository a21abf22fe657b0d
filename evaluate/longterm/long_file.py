"""A file of decisions whose long-term rewards have come, as estimators read it."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.errors import BadInput
from data.schema_cast import read_table
from evaluate.longterm.long_rows import Grid, LongRows, means
from evaluate.longterm.lope import LongTermLog
from evaluate.ope.feedback_file import FeedbackSource
from evaluate.ope.support import Support

MOST_OUTCOMES = 50
"""Kinds of short-term outcomes: more are no kinds, and each would be seen too seldom."""


@dataclass(frozen=True)
class LongFile:
    """What a file holds.

    Attributes:
        log: decisions that were drawn, candidates padded.
        target: the target's probability of each candidate.
        predicted: a proxy's reward of each decision; None: the file has none.
        left: modelled reward − predicted of each candidate, by cross-fitted means; None likewise.
        clustered: whether profiles are named.
        support: rows that were left out, and why.
        rows: the decisions before anything was learnt from them.
    """

    log: LongTermLog
    target: Float[np.ndarray, "decisions actions"]
    predicted: Float[np.ndarray, " decisions"] | None
    left: Float[np.ndarray, "decisions actions"] | None
    clustered: bool
    support: Support
    rows: LongRows

    @classmethod
    def read(cls, file: Path) -> "LongFile":
        """Read a file whole.

        Raises:
            BadInput: it is no feedback, or lacks `outcome` or `probabilities`: by name.
        """
        if not file.is_file():
            raise BadInput(f"{file}: no such file; docs/longterm.md says what it holds")
        table = read_table(file)
        for name, why in (
            ("outcome", "what was seen at once: text or whole numbers, such as none, early, take"),
            ("probabilities", "the logging policy's probability of each candidate"),
        ):
            if name not in table.schema.names:
                raise BadInput(f"{file}: column {name} is missing; it is {why}")
        source = FeedbackSource.open(table)
        batches = list(source.batches())
        support = Support.sum(batch.support for batch in batches)
        support.refuse_none(str(file))
        drawn = np.concatenate(
            [np.ones(len(b.feedback), bool) if b.drawn is None else b.drawn for b in batches]
        )
        table = table.filter(pa.array(drawn))
        batches = [batch.with_support() for batch in batches]
        grid = Grid.of(batches)
        named = "outcome_probabilities"
        rows = LongRows(
            batches,
            _outcomes(table, file),
            _flat(table, "probabilities", grid, file),
            _flat(table, named, grid, file) if named in table.schema.names else None,
        )
        try:
            log = rows.log()
        except ValueError as error:
            raise BadInput(f"{file}: {error}") from None
        predicted = left = None
        if "predicted_reward" in table.schema.names:
            predicted = _numbers(table, "predicted_reward", file)
            left = grid.spread(means(batches, grid.reward - predicted))
        clustered = source.has("profile_id")
        return cls(log, rows.target(), predicted, left, clustered, support, rows)

    def again(self, keep: Bool[np.ndarray, " decisions"]) -> LongTermLog:
        """The log of some decisions, its models learnt from these alone."""
        return self.rows.kept(keep).log()


def _outcomes(table: pa.Table, file: Path) -> Int[np.ndarray, " decisions"]:
    """Codes of the short-term outcomes."""
    column = table["outcome"]
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_boolean(kind)):
        raise BadInput(f"{file}: outcome is {kind}; give text or whole numbers, a kind each")
    if column.null_count:
        raise BadInput(f"{file}: outcome is null in {column.null_count} rows; name it, say none")
    coded = pc.dictionary_encode(column.combine_chunks())
    count = len(coded.dictionary)
    if count > MOST_OUTCOMES:
        raise BadInput(
            f"{file}: outcome has {count} kinds, more than {MOST_OUTCOMES}; group them, such as"
            " none, early, late, take"
        )
    return coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _flat(table: pa.Table, name: str, grid: Grid, file: Path) -> Float[np.ndarray, " flat"]:
    """A list column with a number a candidate."""
    column = table[name].combine_chunks()
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise BadInput(f"{file}: {name} is {column.type}; give a list, a number a candidate")
    sizes = np.bincount(grid.row)
    own = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if (own != sizes).any():
        row = int((own != sizes).argmax())
        raise BadInput(
            f"{file}: row {row} of those that were drawn has {own[row]} {name} for {sizes[row]}"
            " candidates; give one each"
        )
    values = pc.cast(column.flatten(), pa.float64()).to_numpy(zero_copy_only=False)
    if not (np.isfinite(values) & (values >= 0) & (values <= 1)).all():
        raise BadInput(f"{file}: {name} holds a value that is no probability; give 0 to 1")
    return values


def _numbers(table: pa.Table, name: str, file: Path) -> Float[np.ndarray, " decisions"]:
    values = pc.cast(table[name], pa.float64()).to_numpy()
    if not np.isfinite(values).all():
        raise BadInput(f"{file}: {name} holds no finite number in every row; fill it in")
    return values
