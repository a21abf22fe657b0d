"""The experiments of `experiments.yaml`: who is in which cell, what came of it, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data.cells.experiment import Arm, Cell, Experiment, Experiments
from data.cells.ramp_state import RampState, read_states
from data.cells.written import read_experiments
from data.errors import BadInput
from evaluate.experiments.cell_metrics import CellMetric
from evaluate.experiments.experiment import CellResult, ExperimentResult, experiment
from evaluate.ramp.in_words import Said, cell_in_words
from evaluate.ramp.judge import StepLook
from evaluate.ramp.ramp import looked_step


@dataclass(frozen=True)
class CellRecord:
    """One cell."""

    cell: str
    share: float
    """Of the experiment's members, now."""
    decides: str
    """What decides in it that is not the service's own, in words."""
    learns: str
    """Who learns from it: yes, no, own."""
    members: int
    """Seen in the log."""
    result: CellResult | None
    """Beside control; None: it is control, or too small yet."""
    metrics: Mapping[str, CellMetric]
    said: Said | None
    """What to do about it; None: it is control, or there is no log."""


@dataclass(frozen=True)
class ExperimentRecord:
    """One experiment."""

    name: str
    layer: str
    share: float
    """Of the layer's members."""
    loop: str | None
    who: str
    why: str
    control: str
    cells: list[CellRecord]
    ramp: RampState | None
    """As far as it has come; None: it has none, or it has not begun."""
    ramped: str | None
    """The cell that is let grow."""
    steps: tuple[float, ...]
    warnings: list[str]
    notes: list[str]
    trouble: str | None
    """Why nothing is known of its rewards, in a sentence."""


@dataclass(frozen=True)
class ExperimentsSeen:
    """All of a file."""

    file: str
    records: list[ExperimentRecord] = field(default_factory=list)
    trouble: str | None = None
    """Why the file cannot be read, in a sentence."""


def experiments_seen(file: Path, examples: Path | None, catalogue: Path) -> ExperimentsSeen:
    """What a file comes to, and what joined examples say of it.

    Args:
        file: experiments.yaml.
        examples: joined examples; None: only who is in which cell is known.
        catalogue: whose schema guards metrics.
    """
    try:
        found = read_experiments(file)
        states = read_states(file)
    except BadInput as error:
        return ExperimentsSeen(str(file), [], str(error))
    records = [
        _record(found, one, states.get(one.name), (file, examples, catalogue))
        for one in found.experiments
    ]
    return ExperimentsSeen(str(file), records)


def _record(
    found: Experiments,
    one: Experiment,
    state: RampState | None,
    places: tuple[Path, Path | None, Path],
) -> ExperimentRecord:
    file, examples, catalogue = places
    result, step, trouble = None, None, None
    if examples is None:
        trouble = "no rewards are known; start the pages with --examples FOLDER"
    else:
        try:
            told = str(catalogue)
            result = experiment(str(examples), experiments=file, name=one.name, catalogue=told)
            if state is not None and state.phase == "running":
                step = looked_step(one, state, str(examples), told)
        except BadInput as error:
            trouble = str(error)
    shares = found.shares_of(one)
    return ExperimentRecord(
        one.name,
        one.layer,
        one.share,
        one.loop,
        one.who,
        one.why,
        one.control,
        [_cell(one, cell, shares[cell.name], result, step) for cell in one.cells],
        state,
        None if one.ramp is None else one.ramp.cell,
        () if one.ramp is None else one.ramp.steps,
        [] if result is None else result.warnings,
        [] if result is None else result.notes,
        trouble,
    )


def _cell(
    one: Experiment,
    cell: Cell,
    share: float,
    result: ExperimentResult | None,
    step: StepLook | None,
) -> CellRecord:
    name, said = cell.name, None
    if result is not None and name != one.control:
        ramped = one.ramp is not None and one.ramp.cell == name
        said = cell_in_words(result, name, step if ramped else None)
    return CellRecord(
        name,
        share,
        _decides(cell.arm),
        cell.train,
        0 if result is None else result.members.get(name, 0),
        None if result is None else result.cells.get(name),
        {} if result is None else result.metrics.get(name, {}),
        said,
    )


def _decides(arm: Arm) -> str:
    """What an arm says for itself."""
    said = [f"{name} {value}" for name, value in vars(arm).items() if value is not None]
    return ", ".join(said) or "as the service has it"
