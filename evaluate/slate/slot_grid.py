"""Where each line of a file of rows belongs: its row, and its place in it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int, Shaped

from data.errors import BadInput


@dataclass(frozen=True)
class SlotGrid:
    """Lines as slots of rows.

    Attributes:
        names: of the rows.
        row: of each line.
        place: of each line in its row, from 0.
        source: what messages call the file.
    """

    names: pa.Array
    row: Int[np.ndarray, " lines"]
    place: Int[np.ndarray, " lines"]
    source: Path | str

    @classmethod
    def of(
        cls, names: pa.ChunkedArray, place: Int[np.ndarray, " lines"], source: Path | str
    ) -> "SlotGrid":
        """From each line's row and place.

        Raises:
            BadInput: the places of a row are not 0, 1, 2 and on, each once.
        """
        encoded = names.combine_chunks().dictionary_encode()
        row = encoded.indices.to_numpy().astype(np.int64)
        grid = cls(encoded.dictionary, row, place.astype(np.int64), source)
        size = grid.length[row]
        remedy = "the positions of a row are 0, 1, 2 and on, each once"
        grid.refuse((place < 0) | (place >= size), "position", place, remedy)
        key = row * int(size.max()) + place
        again = np.ones(len(key), bool)
        again[np.unique(key, return_index=True)[1]] = False
        grid.refuse(again, "position", place, remedy)
        return grid

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.names)

    @cached_property
    def length(self) -> Int[np.ndarray, " slates"]:
        """Slots of each row."""
        return np.bincount(self.row, minlength=self.rows)

    @cached_property
    def last(self) -> Bool[np.ndarray, " lines"]:
        """Which lines are the last slot of their row."""
        return self.place == self.length[self.row] - 1

    @cached_property
    def first_line(self) -> Int[np.ndarray, " slates"]:
        """The line of each row's first slot."""
        lines = np.flatnonzero(self.place == 0)
        return lines[np.argsort(self.row[lines])]

    def spread(self, values: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
        """Values by row and place; 0 beyond a row's end."""
        shape = self.rows, int(self.length.max()), *values.shape[1:]
        spread = np.zeros(shape, values.dtype)
        spread[self.row, self.place] = values
        return spread

    def refuse(
        self, wrong: Bool[np.ndarray, " lines"], column: str, shown: object, remedy: str
    ) -> None:
        """Raise for the first line that is wrong; `shown` may be an array, of what each holds."""
        if wrong.any():
            at = int(wrong.argmax())
            value = shown[at] if isinstance(shown, np.ndarray) else shown
            value = f"{value:.10g}" if isinstance(value, float) else value
            name = self.names[int(self.row[at])].as_py()
            raise BadInput(
                f"{self.source}: row {at} (slate_id {name}, position {self.place[at]}): {column}"
                f" {value}; {remedy}"
            )


def ratio_of(
    target: Float[np.ndarray, "..."], logged: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """Weights; 0 where a part has no probability, beyond a row's end."""
    return np.divide(target, logged, out=np.zeros_like(target), where=logged > 0)
