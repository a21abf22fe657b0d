"""A file of decisions of several kinds, one line each: read, checked, and grouped by shape."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from bandit.choice import profile_keys
from data.errors import BadInput
from data.schema_cast import conform, read_table, refuse
from evaluate.ope.feedback import GROUPS

KIND_DECISIONS = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("reward", pa.float64(), nullable=False),
        pa.field("kinds", pa.list_(pa.string()), nullable=False),  # shown, in their order
        pa.field("sizes", pa.list_(pa.int32()), nullable=False),  # candidates of each
        pa.field("action", pa.list_(pa.int32()), nullable=False),  # place of what was shown
        pa.field("logged", pa.list_(pa.float64()), nullable=False),  # of every combination
        pa.field("target", pa.list_(pa.float64()), nullable=False),  # the last kind innermost
    ]
)
OFF = 1e-6
"""How far probabilities may be from a sum of one."""


@dataclass(frozen=True)
class KindDecisions:
    """Decisions of one shape.

    Attributes:
        kinds: that were shown, in their order.
        action: of each kind.
        logged: probability of every combination as it was logged.
        target: the same of the policy to be judged.
        reward: of each decision.
        group: which of `evaluate.ope.feedback.GROUPS` groups of whole profiles it belongs to.
    """

    kinds: tuple[str, ...]
    action: Int[np.ndarray, "decisions kinds"]
    logged: Float[np.ndarray, " decisions *combinations"]
    target: Float[np.ndarray, " decisions *combinations"]
    reward: Float[np.ndarray, " decisions"]
    group: Int[np.ndarray, " decisions"]


def read_kind_file(file: Path) -> list[KindDecisions]:
    """Decisions as docs/dimensions.md describes them, by the kinds shown and their candidates.

    Raises:
        BadInput: it cannot be read, lacks a column, or a row is wrong: by file, row and remedy.
    """
    if not file.is_file():
        raise BadInput(f"{file}: no such file; `python -m simulate kinds --log FILE` writes one")
    table, problems = conform(read_table(file), KIND_DECISIONS, file)
    refuse(problems)
    if not len(table):
        raise BadInput(f"{file} has no rows; give one a decision")
    shapes: dict[tuple[tuple[str, ...], tuple[int, ...]], list[int]] = defaultdict(list)
    kinds, sizes = (table[name].to_pylist() for name in ("kinds", "sizes"))
    for row, key in enumerate(zip(kinds, sizes, strict=True)):
        if None in key[0] or None in key[1] or not key[0] or len(set(key[0])) < len(key[0]):
            raise _wrong(file, row, f"kinds {key[0]}", "name each kind that was shown once")
        if len(key[0]) != len(key[1]) or min(key[1]) < 1:
            raise _wrong(file, row, f"sizes {key[1]}", "give each kind's candidates, 1 or more")
        shapes[tuple(key[0]), tuple(key[1])].append(row)
    keys = profile_keys(table["profile_id"].to_pylist())
    group = (keys % np.uint64(GROUPS)).astype(np.int64)
    reward = table["reward"].to_numpy()
    if not np.isfinite(reward).all():
        row = int((~np.isfinite(reward)).argmax())
        raise _wrong(file, row, f"reward {reward[row]}", "give a finite number")
    return [
        _of_shape(file, table, np.array(rows), shape, reward, group)
        for shape, rows in shapes.items()
    ]


def _of_shape(
    file: Path,
    table: pa.Table,
    rows: Int[np.ndarray, " decisions"],
    shape: tuple[tuple[str, ...], tuple[int, ...]],
    reward: Float[np.ndarray, " all"],
    group: Int[np.ndarray, " all"],
) -> KindDecisions:
    """Decisions of these kinds, of so many candidates each."""
    some, (kinds, sizes) = table.take(rows), shape
    action = _even(file, some, rows, "action", len(kinds)).astype(np.int64)
    outside = ((action < 0) | (action >= sizes)).any(1)
    if outside.any():
        at = int(outside.argmax())
        what = f"action {action[at].tolist()} of {list(sizes)} candidates"
        raise _wrong(file, int(rows[at]), what, "count candidates from 0")
    count = int(np.prod(sizes))
    found = []
    for name in ("logged", "target"):
        chances = _even(file, some, rows, name, count)
        wrong = ~((chances >= 0).all(1) & (np.abs(chances.sum(1) - 1) <= OFF))
        if wrong.any():
            at = int(wrong.argmax())
            what = f"{name} sums to {chances[at].sum():.6g}"
            raise _wrong(file, int(rows[at]), what, "give probabilities of all combinations")
        found.append(chances.reshape(len(rows), *sizes))
    shown = found[0][(np.arange(len(rows)), *action.T)]
    if not (shown > 0).all():
        at = int((shown <= 0).argmax())
        what = "the log says that what was shown could not be"
        raise _wrong(file, int(rows[at]), what, "mend its probabilities, or leave the row out")
    logged, target = found
    return KindDecisions(kinds, action, logged, target, reward[rows], group[rows])


def _even(
    file: Path, some: pa.Table, rows: np.ndarray, name: str, length: int
) -> Float[np.ndarray, "decisions length"]:
    """A column of lists of one length, without nulls."""
    lists = some[name].combine_chunks()
    lengths = lists.value_lengths().to_numpy(zero_copy_only=False)
    wrong = lengths != length
    if wrong.any():
        at = int(wrong.argmax())
        raise _wrong(file, int(rows[at]), f"{name} has {lengths[at]} values", f"give {length}")
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    return np.nan_to_num(values, nan=-1.0).reshape(len(rows), length)


def _wrong(file: Path, row: int, what: str, remedy: str) -> BadInput:
    return BadInput(f"{file}, row {row}: {what}; {remedy}")
