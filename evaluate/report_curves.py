"""Learning curves of a run, from the CSV file that training writes."""

import csv
from dataclasses import dataclass
from pathlib import Path

from data.errors import BadInput

FILE = Path("curves") / "metrics.csv"
RUNS = Path("artifacts/runs")


@dataclass(frozen=True)
class Curves:
    """Points (epoch, loss) of the training and of the validation days."""

    run: Path
    training: list[tuple[float, float]]
    validation: list[tuple[float, float]]

    @classmethod
    def read(cls, run: Path | str | None) -> "Curves | None":
        """The curves of a run; of the newest run in `artifacts/runs` if None; None if it has none.

        Raises:
            BadInput: there is no such run, or its file is not what training writes.
        """
        if run is None:
            files = sorted(RUNS.glob(f"*/{FILE}"), key=lambda file: file.stat().st_mtime)
            if not files:
                return None
            run = files[-1].parents[1]
        file = Path(run) / FILE
        if not file.is_file():
            raise BadInput(f"{file} is not there; give --run the folder that train.py --out wrote")
        with file.open(newline="") as opened:
            rows = list(csv.DictReader(opened))
        if rows and "epoch" not in rows[0]:
            raise BadInput(f"{file} has no column epoch; give the folder of a training run")
        training, validation = (_points(rows, name) for name in ("train_loss", "validation_loss"))
        return cls(Path(run), training, validation) if training or validation else None


def _points(rows: list[dict[str, str]], name: str) -> list[tuple[float, float]]:
    """Mean of each epoch, in order; none where a run was too short to log any."""
    by_epoch: dict[float, list[float]] = {}
    for row in rows:
        if row.get(name):
            by_epoch.setdefault(float(row["epoch"]), []).append(float(row[name]))
    return [(epoch + 1, sum(v) / len(v)) for epoch, v in sorted(by_epoch.items())]
