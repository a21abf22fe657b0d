"""`python -m bench golden`: a folder of reference values, by the product's own estimators."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench.golden.folder import PROBLEM, Arrays, arrays_of
from bench.golden.of_decisions import decision_values
from bench.golden.of_long_term import long_term_values
from bench.golden.of_slates import slate_files, slate_values
from bench.golden.of_traces import trace_beliefs
from data.errors import BadInput

Values = dict[str, object]


class ReferenceKind(NamedTuple):
    """A kind of folder, told by the arrays of its problem."""

    name: str
    arrays: tuple[str, ...]
    values: Callable[[Path, Arrays], Values]


KINDS = (
    ReferenceKind("progressive", ("item", "start_day", "trace"), trace_beliefs),
    ReferenceKind("lope", ("pi_logged", "long_term"), long_term_values),
    ReferenceKind("ope", ("pscore", "evaluation_probabilities"), decision_values),
)


def golden(folder: Path, quick: bool = False) -> Values:
    """Compute what a folder of reference values holds, in the shape of its `expected.json`.

    FOLDER is of one of four kinds, told by what is in it: `ope` (decisions), `slate` (rows),
    `progressive` (traces of days), `lope` (long-term rewards); or holds such folders, and then each
    is under its name. Of `expected.json` only names are read: which λ, which days. True values and
    sizes are left out.

    Args:
        folder: with `problem.npz`, or Parquet files of rows.
        quick: nothing less is done; it takes seconds.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; give one with problem.npz or files of rows")
    values = _of(folder)
    if values is not None:
        return values
    found = {each.name: _of(each) for each in sorted(folder.iterdir()) if each.is_dir()}
    known: Values = {name: each for name, each in found.items() if each is not None}
    if not known:
        raise BadInput(
            f"{folder} holds no reference problem; give a folder with {PROBLEM}, or with files of"
            " rows such as additive.parquet"
        )
    return known


def show(values: Values, indent: str = "") -> None:
    """Print each value on a line; of lists their length."""
    for name, value in values.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(value, f"{indent}  ")
        elif isinstance(value, list):
            print(f"{indent}{name}: {len(value):,} values")
        else:
            print(f"{indent}{name}: {value}")


def _of(folder: Path) -> Values | None:
    """A folder's own values; None where it holds no problem."""
    file = folder / PROBLEM
    if file.is_file():
        arrays = arrays_of(file)
        for kind in KINDS:
            if set(kind.arrays) <= arrays.keys():
                return kind.values(folder, arrays)
        names = " or ".join(f"{', '.join(k.arrays)} ({k.name})" for k in KINDS)
        raise BadInput(f"{file}: its arrays are of no known kind; it needs {names}")
    files = slate_files(folder)
    return slate_values(files) if files else None
