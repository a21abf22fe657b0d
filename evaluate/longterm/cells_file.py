"""A file of past experiments' cells: what each did to a proxy, to the goal, and to retention."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from data.errors import BadInput, first_line
from data.schema_cast import read_table
from evaluate.longterm.faithfulness import Faithfulness, faithfulness

NEEDED = ("proxy", "proxy_error", "goal", "goal_error")
JUDGE = ("retention", "retention_error")


def cells_of(file: Path) -> dict[str, Faithfulness]:
    """How the proxy goes with the goal, and with retention where the file has it.

    Args:
        file: CSV or Parquet, a line a cell: proxy, proxy_error, goal, goal_error and optionally
            retention, retention_error; effects over the control, and standard errors.

    Raises:
        BadInput: a column is missing, or is no number, or there are too few cells.
    """
    table = _read(file)
    missing = [name for name in NEEDED if name not in table.schema.names]
    if missing:
        raise BadInput(f"{file}: column {missing[0]} is missing; cells need {', '.join(NEEDED)}")
    try:
        mine, its, goal, off = (_numbers(table, name, file) for name in NEEDED)
        found = {"goal": faithfulness(mine, its, goal, off)}
        if set(JUDGE) <= set(table.schema.names):
            stays, doubt = (_numbers(table, name, file) for name in JUDGE)
            found["retention"] = faithfulness(mine, its, stays, doubt)
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(f"{file}: {error}") from None
    return found


def _read(file: Path) -> pa.Table:
    if not file.is_file():
        raise BadInput(f"{file}: no such file; give CSV or Parquet, a line a cell")
    if file.suffix == ".parquet":
        return read_table(file)
    try:
        return pa_csv.read_csv(file)
    except pa.ArrowException as error:
        raise BadInput(f"{file} is no CSV ({first_line(error)}); write it again") from None


def _numbers(table: pa.Table, name: str, file: Path) -> np.ndarray:
    try:
        values = pc.cast(table[name], pa.float64()).to_numpy()
    except pa.ArrowException:
        raise BadInput(f"{file}: {name} is {table[name].type}; give numbers") from None
    wrong = ~np.isfinite(values) | (name.endswith("_error") & (values <= 0))
    if wrong.any():
        raise BadInput(
            f"{file}: {name} of cell {int(wrong.argmax())} is {values[wrong.argmax()]}; give a"
            " finite number, above 0 for a standard error"
        )
    return values
