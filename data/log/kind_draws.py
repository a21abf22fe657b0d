"""What a run of precompute chose beside artwork: a few bytes a draw, and columns of the log again.

A file of such a run has four columns more. What its draws have in common (names, candidates, how
chances follow from votes) stands once in its header.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple, TypedDict

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int, UInt8, UInt16, UInt64

from bandit.kinds.many import UNKNOWN, Leaning, combinations_of, steps_of
from data.records import KIND_COLUMNS

MOST_LOGGED = 128
"""Combinations of a title whose probabilities are logged; of more, that of what was chosen is."""
NOT_SHOWN = 255
"""In place of a candidate's place, of a kind that is not shown."""
COLUMNS = pa.schema(
    [
        pa.field("kind_ranks", pa.binary()),  # uint8, each draw's kinds: the candidate chosen
        pa.field("kind_allowed", pa.binary()),  # uint64, likewise: a bit a candidate
        pa.field("kind_chances", pa.binary()),  # float64, likewise: given those before
        pa.field("kind_codes", pa.binary()),  # uint16: `bandit.kinds.many.ManyChosen.codes`
    ]
)
"""Columns of a run's file; those of runs that decide artwork alone are not there."""


class KindsHeader(TypedDict):
    """What draws of kinds have in common."""

    names: list[str]
    """Of the kinds, in their order."""
    assets: list[list[list[str]]]
    """Of each kind and title, ids of the candidates."""
    words: list[int]
    """Of each title: what seeds mix in (`bandit.kinds.many.candidates_with_kinds`)."""
    heads: int
    """That vote."""
    epsilon: float
    """Share of even draws."""


class KindDraws(NamedTuple):
    """What a block of members is shown beside artwork, as it is logged."""

    ranks: UInt8[np.ndarray, "members titles kinds"]
    allowed: UInt64[np.ndarray, "members titles kinds"]
    chances: Float[np.ndarray, "members titles kinds"]
    codes: UInt16[np.ndarray, "members steps"]
    """Of all titles, one behind another."""
    widths: Int[np.ndarray, " titles"]
    """Codes of each title."""

    def columns(self, made: Bool[np.ndarray, "members titles"]) -> list[pa.Array]:
        """COLUMNS of the draws that were made."""
        count, kinds = made.sum(1), self.ranks.shape[2]
        steps = np.repeat(made, self.widths, axis=1)
        return [
            binary(self.ranks[made].astype("u1"), count * kinds),
            binary(self.allowed[made].astype("<u8"), count * kinds),
            binary(self.chances[made].astype("<f8"), count * kinds),
            binary(self.codes[steps].astype("<u2"), steps.sum(1)),
        ]


def binary(values: np.ndarray, counts: Int[np.ndarray, " profiles"]) -> pa.Array:
    """One binary value a profile, of so many numbers each."""
    offsets = np.concatenate([[0], np.cumsum(counts)]) * values.itemsize
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(values.tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(counts), buffers)


def flat(column: pa.ChunkedArray, kind: str | np.dtype) -> np.ndarray:
    """All numbers of a binary column behind one another."""
    array = column.combine_chunks()
    _, offsets, values = array.buffers()
    ends = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(values, np.uint8)[ends[0] : ends[-1]].view(kind)


class KindColumns:
    """Draws of a run's rows, with what was chosen beside them.

    Args:
        header: of the run.
        counts: artworks of each title.
        keep: share of what was shown before.
    """

    def __init__(
        self, header: KindsHeader, counts: Int[np.ndarray, " titles"], keep: float
    ) -> None:
        self.header, self.counts = header, counts
        self.leaning = Leaning(header["heads"], header["epsilon"], keep)

    @cached_property
    def words(self) -> UInt64[np.ndarray, " titles"]:
        """Of each title, for its draws' seeds."""
        return np.array(self.header["words"], np.uint64)

    @cached_property
    def sizes(self) -> Int[np.ndarray, "titles all_kinds"]:
        """Candidates of each title: of the artwork, and of each kind; 1 of one that it lacks."""
        own = [[max(len(of), 1) for of in titles] for titles in self.header["assets"]]
        return np.c_[self.counts, np.array(own, np.int64).T]

    @cached_property
    def widths(self) -> Int[np.ndarray, " titles"]:
        """Codes of a draw of each title."""
        return logged_widths(self.sizes, self.words)

    def columns(
        self,
        table: pa.Table,
        slots: Int[np.ndarray, " all_draws"],
        wanted: Int[np.ndarray, " draws"],
        propensities: Float[np.ndarray, " draws"],
        probabilities: Float[np.ndarray, "draws artworks"],
        ruled: Bool[np.ndarray, " draws"],
    ) -> dict[str, pa.Array]:
        """KIND_COLUMNS of some draws.

        Args:
            table: rows of the run's file.
            slots: titles of all its draws, in order.
            wanted: places of those that are asked for.
            propensities: of their artwork.
            probabilities: of all candidates of their artwork.
            ruled: rules changed their candidates, which then say nothing of combinations.

        Raises:
            ValueError: the file's columns are not as long as its draws.
        """
        kinds = len(self.header["names"])
        shape = (len(slots), kinds)
        ranks = flat(table["kind_ranks"], "u1").reshape(shape)[wanted]
        allowed = flat(table["kind_allowed"], "<u8").reshape(shape)[wanted]
        chances = flat(table["kind_chances"], "<f8").reshape(shape)[wanted]
        codes, ends = flat(table["kind_codes"], "<u2"), np.cumsum(self.widths[slots])
        if len(slots) and len(codes) != ends[-1]:
            raise ValueError(f"{len(codes)} codes of kinds, {ends[-1]} belong to the draws")
        starts, own = (ends - self.widths[slots])[wanted], slots[wanted]
        alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for at, key in enumerate(np.c_[own.astype(np.uint64), allowed].tolist()):
            if any(key[1:]):
                alike[tuple(key)].append(at)
        columns: dict[str, list[object]] = {
            name: [None] * len(wanted) for name in KIND_COLUMNS.names
        }
        joint = propensities * chances.prod(1)
        for (slot, *bits), rows in alike.items():
            at, offered = np.array(rows), [_places(one) for one in bits]
            shown = [kind for kind in range(kinds) if bits[kind]]
            names = [self.header["assets"][kind][slot] for kind in range(kinds)]
            said = [self.header["names"][kind] for kind in shown]
            listed = [[names[kind][one] for one in offered[kind]] for kind in shown]
            width = int(self.widths[slot])
            known = self._combinations(
                codes[starts[at][:, None] + np.arange(width)], slot, offered, probabilities[at]
            )
            unknown = ruled[at] | np.isnan(known).any(1) if width else np.ones(len(at), bool)
            for n, row in enumerate(rows):
                columns["kinds"][row] = said
                columns["assets"][row] = [names[kind][ranks[row, kind]] for kind in shown]
                columns["asset_candidates"][row] = listed
                columns["asset_propensities"][row] = chances[row, shown].tolist()
                columns["joint_propensity"][row] = float(joint[row])
                columns["combinations"][row] = None if unknown[n] else known[n].tolist()
        return {field.name: pa.array(columns[field.name], field.type) for field in KIND_COLUMNS}

    def _combinations(
        self,
        codes: UInt16[np.ndarray, "draws steps"],
        slot: int,
        offered: Sequence[list[int]],
        probabilities: Float[np.ndarray, "draws artworks"],
    ) -> Float[np.ndarray, "draws combinations"]:
        if not codes.shape[1]:
            return np.zeros((len(codes), 0))
        sizes = self.sizes[slot].tolist()
        kept = [np.array(one or [0]) for one in offered]
        chances = probabilities[:, : sizes[0]]
        found = combinations_of(codes, sizes, kept, chances, self.leaning)
        return np.where((codes == UNKNOWN).any(1)[:, None], np.nan, found)


def logged_widths(
    sizes: Int[np.ndarray, "titles all_kinds"], words: UInt64[np.ndarray, " titles"]
) -> Int[np.ndarray, " titles"]:
    """Codes that the log keeps of a draw of each title.

    Args:
        sizes: candidates of the artwork and of each kind.
        words: 0 of a title that shows artwork alone.
    """
    widths = [
        steps_of(of) if word and int(np.prod(of)) <= MOST_LOGGED else 0
        for of, word in zip(sizes.tolist(), words.tolist(), strict=True)
    ]
    return np.array(widths, np.int64)


def _places(bits: int) -> list[int]:
    return [place for place in range(64) if bits >> place & 1]
