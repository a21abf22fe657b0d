"""Columns of a batch of feedback, and the words to refuse a row of them with."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.errors import BadInput


@dataclass(frozen=True)
class BatchRows:
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
            value = f"{value:.10g}" if isinstance(value, float) else value
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
        sizes = pc.fill_null(pc.call_function("list_value_length", [lists]), 0)
        sizes = sizes.to_numpy(zero_copy_only=False)
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
