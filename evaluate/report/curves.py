"""Learning curves of a run, from the CSV files that training writes, one a stage."""

import csv
from dataclasses import dataclass
from pathlib import Path

from data.errors import BadInput

FILE = "metrics.csv"
RUNS = Path("artifacts/runs")
POINTS = 40
"""Of a training curve: steps are averaged until no more are left."""

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class StageCurve:
    """Points (step, loss) of one stage of training."""

    name: str
    training: Points
    validation: Points


@dataclass(frozen=True)
class LearningCurves:
    """The stages of a run, in the order in which they were trained."""

    run: Path
    stages: list[StageCurve]

    @classmethod
    def read(cls, run: Path | str | None) -> "LearningCurves | None":
        """The curves of a run; of the newest run in `artifacts/runs` if None; None if it has none.

        Raises:
            BadInput: there is no such run, or its file is not what training writes.
        """
        if run is None:
            newest = sorted(RUNS.glob(f"*/curves/*/{FILE}"), key=_written)
            if not newest:
                return None
            run = RUNS / newest[-1].relative_to(RUNS).parts[0]
        files = sorted(Path(run).glob(f"curves/*/{FILE}"), key=_written)
        if not files:
            raise BadInput(
                f"{run} has no curves/STAGE/{FILE}; give --run the folder of a training run"
            )
        stages = [_stage(file) for file in files]
        stages = [stage for stage in stages if stage.training or stage.validation]
        return cls(Path(run), stages) if stages else None


def _stage(file: Path) -> StageCurve:
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    if rows and "step" not in rows[0]:
        raise BadInput(f"{file} has no column step; give the folder of a training run")
    training, validation = (_points(rows, name) for name in ("train_loss", "validation_loss"))
    return StageCurve(file.parent.name, _averaged(training), validation)


def _written(file: Path) -> float:
    return file.stat().st_mtime


def _points(rows: list[dict[str, str]], name: str) -> Points:
    """Empty where a run was too short to log any."""
    return [(float(row["step"]) + 1, float(row[name])) for row in rows if row.get(name)]


def _averaged(points: Points) -> Points:
    """Neighbours averaged, each at their last step."""
    size = -(-len(points) // POINTS)
    parts = [points[at : at + size] for at in range(0, len(points), size or 1)]
    return [(part[-1][0], sum(loss for _, loss in part) / len(part)) for part in parts]
