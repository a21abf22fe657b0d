"""What computes a member's history, and whether it looks into the future.

A history is tried on a sample of the decisions with everything after each taken away: if that
changes a value, it looked into the future.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import importlib
from collections.abc import Callable
from math import isclose, isnan

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.errors import BadInput

History = Callable[[pa.Table, pa.Table], pa.Table]
"""(decisions, events) → decision_id and one column a feature, a row a decision."""


def history_named(name: str) -> History:
    """The function that `module:function` names.

    Raises:
        BadInput: there is none.
    """
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadInput(f"--history {name}: {error}; write it as module:function") from None


def refuse_other_rows(rows: pa.Table, decisions: pa.Table, name: str) -> None:
    """Refuse what a history gave, unless it has a row for each decision, in their order.

    Raises:
        BadInput: it has not; says `name`.
    """
    if "decision_id" not in rows.column_names or not rows["decision_id"].equals(
        decisions["decision_id"]
    ):
        raise BadInput(f"{name} must give one row a decision, in their order, with its decision_id")


def future_leaks(
    compute: History, decisions: pa.Table, events: pa.Table, rows: pa.Table, sample: int
) -> list[str]:
    """Values that change when everything after their decision is taken away.

    Args:
        compute: what is tried.
        decisions: of a day.
        events: that it was given with them.
        rows: what it made of them.
        sample: how many decisions are tried, spread over the day.

    Returns:
        A sentence for each: which column of which decision, with and without its future.
    """
    leaks = []
    order = np.argsort(decisions["time"].cast(pa.int64()).to_numpy(), kind="stable")
    chosen = np.unique(np.linspace(0, len(order) - 1, min(sample, len(order))).astype(int))
    for at in order[chosen].tolist():
        name, moment = decisions["decision_id"][at], decisions["time"][at]
        past = decisions.filter(pc.less_equal(decisions["time"], moment))
        known = events.filter(pc.less(events["received"], moment))
        again = compute(past, known)
        without = again.filter(pc.equal(again["decision_id"], name)).to_pylist()
        if not without:
            leaks.append(f"decision {name} has no row without what came after it")
            continue
        leaks += [
            f"{column} of decision {name} is {value!r}, and {without[0].get(column)!r} without "
            "what came after it"
            for column, value in rows.slice(at, 1).to_pylist()[0].items()
            if not _equal(without[0].get(column), value)
        ]
    return leaks


def _equal(one: object, two: object) -> bool:
    """The same, but for the order in which floats were added up."""
    if isinstance(one, float) and isinstance(two, float):
        return isclose(one, two, rel_tol=1e-9, abs_tol=1e-9) or (isnan(one) and isnan(two))
    return one == two
