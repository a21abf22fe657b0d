"""Runs of train.py, each a process of its own, always with the same settings."""

from dataclasses import dataclass
from pathlib import Path

from bench.measured import command


@dataclass(frozen=True)
class TrainingRun:
    """What one run took and made."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    bundle: Path | None
    """None: it failed."""
    failed: str | None = None
    """Its last complaint. Its figures count as far as it came; whoever reads them must know."""

    def figures(self) -> dict[str, object]:
        """What is printed of it."""
        figures: dict[str, object] = {
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_bytes": self.peak_bytes,
        }
        return figures if self.failed is None else figures | {"failed": self.failed}


class Runs:
    """Trains on folders of examples of one catalogue."""

    def __init__(self, at: Path, catalogue: Path, epochs: int, passes: int, buffer: int) -> None:
        self.at, self.catalogue, self.buffer = at, catalogue, buffer
        self.epochs, self.passes, self.number = epochs, passes, 0

    def __call__(self, examples: Path, *options: object, may_fail: bool = False) -> TrainingRun:
        """Train on examples, with further options.

        Raises:
            RuntimeError: the run failed, and it may not.
        """
        self.number += 1
        out = self.at / f"run-{self.number}"
        fixed: dict[str, object] = {
            "data.examples": examples,
            "data.catalogue": self.catalogue,
            "data.cache": self.at / "cache",
            "out": out,
            "publish.bundles": out / "bundles",
            "fit.epochs": self.epochs,
            "fit.passes": self.passes,
            "fit.patience": 1000,
            "fit.buffer": self.buffer,
            "fit.threads": 1,
        }
        arguments = [word for name, value in fixed.items() for word in (f"--{name}", value)]
        ended = command(["train.py", *arguments, *options], OMP_NUM_THREADS="1")
        if ended.code and not may_fail:
            raise RuntimeError(f"train.py ended with {ended.code}: {ended.complaint}")
        failed = None
        if ended.code:
            errors = [line for line in ended.complaint.splitlines() if "rror" in line]
            failed = errors[-1] if errors else f"exit code {ended.code}"
        spent = ended.spent
        return TrainingRun(
            round(spent.seconds, 2),
            round(spent.cpu_seconds, 2),
            spent.peak_bytes,
            (out / "bundles" / "current").resolve() if failed is None else None,
            failed,
        )
