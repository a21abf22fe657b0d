"""What an experiment says so far, as a sentence that somebody can act on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evaluate.experiments.experiment import CellResult, ExperimentResult
from evaluate.ramp.judge import StepLook

Advice = Literal["stop", "ship", "go on"]


@dataclass(frozen=True)
class Said:
    """What to do about a cell."""

    advice: Advice
    words: str


def cell_in_words(result: ExperimentResult, cell: str, step: StepLook | None = None) -> Said:
    """What to do about one treatment cell.

    Args:
        result: of its experiment.
        cell: the treatment.
        step: what the present step of its ramp has shown; None: it is in no ramp that runs.
    """
    if result.state == "alert":
        return Said("stop", f"believe nothing yet: {result.warnings[0]}")
    broken = [name for name, one in result.metrics.get(cell, {}).items() if one.broken]
    look = result.cells.get(cell)
    if step is not None:
        advice: Mapping[str, Advice] = {"stop": "stop", "go": "go on", "wait": "go on"}
        goes = {"stop": "stop it", "go": "let it grow", "wait": "go on as it is"}
        return Said(advice[step.verdict], f"{goes[step.verdict]}: {step.why}")
    if broken:
        return Said("stop", f"stop it: its guard on {' and '.join(broken)} is broken")
    if look is None:
        return Said("go on", "go on: too few members or takes in a cell yet to look at all")
    return _by_difference(look)


def _by_difference(look: CellResult) -> Said:
    between = f"the difference lies between {look.low:+.4f} and {look.high:+.4f} a draw"
    if not look.found:
        return Said("go on", f"go on: nothing is found yet, {between}")
    if look.difference < 0:
        return Said("stop", f"stop it: it earns less than control, {between}")
    return Said("ship", f"ship it, or let it grow by a ramp: it earns more, {between}")
