"""Estimators by name, with their hyper-parameter or a grid of it."""

from collections.abc import Mapping, Sequence
from typing import Literal

from data.errors import BadInput
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED, Estimator

Lambda = float | Literal["slope"]
"""A hyper-parameter, or that it be chosen from the log."""

GRIDS: dict[str, tuple[float, ...]] = {
    "ips_clipped": (1, 2, 5, 10, 20, 50, 100, 1e3, 1e4),
    "dr_clipped": (1, 2, 5, 10, 20, 50, 100, 1e3, 1e4),
    "switch_dr": (0, 1, 2, 5, 10, 20, 50, 100, 1e3, 1e4),
    "dros": (0.1, 1, 10, 100, 1e3, 1e4, 1e6, 1e8),
    "sg_ips": (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001, 0.0),
    "sg_dr": (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001, 0.0),
}
"""Values to choose among, from most bias and least variance to least bias and most variance."""


def estimators_by_name(names: Sequence[str], lambdas: Mapping[str, Lambda]) -> list[Estimator]:
    """Estimators by name, a whole grid where SLOPE shall choose.

    Args:
        names: of `NAMES`.
        lambdas: hyper-parameter by name; the default where there is none.

    Raises:
        BadInput: a name or a λ is wrong.
    """
    unknown = [n for n in names if n not in NAMES]
    if unknown:
        raise BadInput(f"estimators: no {', '.join(unknown)}; choose among {', '.join(NAMES)}")
    unused = [n for n in lambdas if n not in TUNED]
    if unused:
        raise BadInput(f"λ given for {', '.join(unused)}; only {', '.join(TUNED)} have one")
    built: list[Estimator] = []
    for name in names:
        if name in PLAIN:
            built.append(PLAIN[name]())
            continue
        asked = lambdas.get(name, DEFAULTS[name])
        for value in GRIDS[name] if asked == "slope" else (float(asked),):
            if not value >= 0 or (name.startswith("sg_") and value > 1):
                limit = "between 0 and 1" if name.startswith("sg_") else "0 or more"
                raise BadInput(f"λ of {name} is {value}; it must be {limit}")
            built.append(TUNED[name](float(value)))
    return built
