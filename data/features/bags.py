"""Bags of names by number: the heaviest of each row, with weights that sum to one."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from data.sound import MOST_COUNT, entries, within

CAST_BUCKETS = 4096  # bucket 0 pads; names hash into 1 … CAST_BUCKETS − 1
EXACT_BITS = 50
CAST_KEPT = 8


def name_number(name: str, exact: bool = True) -> int:
    """A name as a number, the same on any machine, never 0.

    Its remainder by `CAST_BUCKETS` is the bucket, 1 … CAST_BUCKETS − 1, whose vector is learnt;
    the rest, 50 bits, tells names of one bucket apart: of a million names two are equal in one
    catalogue of ten million.

    Args:
        name: any.
        exact: not the bucket alone, which is all that bundles of before know.
    """
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    rest, bucket = divmod(int.from_bytes(digest, "little"), CAST_BUCKETS - 1)
    return (rest % (1 << EXACT_BITS) if exact else 0) * CAST_BUCKETS + 1 + bucket


def cast_counts(column: pa.MapArray, exact: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """How much was watched of each name."""
    row, names, counts = sound_entries(column)
    return _cast_bags(len(column), row, names, counts, exact)


def cast_named(column: pa.ListArray, exact: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Each name once; a row without a list has none, and a null in one is no name."""
    row = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    pairs = pa.table({"row": row, "name": column.flatten()}).drop_null()
    once = pairs.group_by(["row", "name"]).aggregate([])
    weights = np.ones(len(once), dtype=np.float32)
    return _cast_bags(
        len(column), once["row"].to_numpy(), once["name"].combine_chunks(), weights, exact
    )


def _cast_bags(
    rows: int, row: np.ndarray, names: pa.Array, counts: np.ndarray, exact: bool
) -> tuple[np.ndarray, np.ndarray]:
    coded = names.dictionary_encode()
    code = coded.indices.to_numpy(zero_copy_only=False)
    return heaviest_bags(rows, row, code, coded.dictionary.to_pylist(), counts, exact=exact)


def sound_entries(column: pa.MapArray) -> tuple[np.ndarray, pa.Array, np.ndarray]:
    """Row, key and value of every sound entry of a map column; rows without a map have none."""
    row, names, counts = entries(column)
    sound = within(counts, MOST_COUNT)
    return row[sound], names.filter(pa.array(sound)), counts[sound].astype(np.float32)


def heaviest_bags(
    rows: int,
    row: Int[np.ndarray, " names"],
    code: Int[np.ndarray, " names"],
    distinct: list[str],
    counts: Float[np.ndarray, " names"],
    mark: str = "",
    exact: bool = True,
) -> tuple[Int[np.ndarray, "rows cast"], Float[np.ndarray, "rows cast"]]:
    """The `CAST_KEPT` heaviest names of each row as numbers, and weights that sum to one.

    Args:
        rows: how many.
        row: of each name, with `code` at most once.
        code: of each name, in `distinct`.
        distinct: names.
        counts: of each name.
        mark: put before names, so that those of one kind are not another's.
        exact: see `name_number`.
    """
    ids = np.zeros((rows, CAST_KEPT), dtype=np.int64)
    weights = np.zeros((rows, CAST_KEPT), dtype=np.float32)
    if not len(code):
        return ids, weights
    rank = np.argsort(np.argsort(np.array(distinct)))
    order = np.lexsort((rank[code], -counts, row))
    row, code, counts = row[order], code[order], counts[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    heaviest = place < CAST_KEPT
    row, place = row[heaviest], place[heaviest]
    numbers = np.array([name_number(mark + name, exact) for name in distinct])
    ids[row, place] = numbers[code[heaviest]]
    weights[row, place] = counts[heaviest]
    return ids, even_weights(weights)


def even_weights(weights: Float[np.ndarray, "members cast"]) -> Float[np.ndarray, "members cast"]:
    """Weights that sum to one in each row, in their place; a row of none stays so."""
    weights /= np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return weights
