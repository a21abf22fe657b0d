"""Two processes learn what one learns: for real, with gradients averaged between them."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name("in_processes.py")


def losses(folder: Path, stage: str) -> list[float]:
    """Validation losses of a stage."""
    with (folder / "run" / "curves" / stage / "metrics.csv").open() as file:
        return [float(r["validation_loss"]) for r in csv.DictReader(file) if r["validation_loss"]]


def test_two_processes_learn_the_same_as_one(tmp_path):
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, SCRIPT, str(processes), folder],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    for stage in ("encoder", "towers"):
        one, two = (losses(tmp_path / name, stage) for name in "12")
        assert len(one) == 2
        assert two == pytest.approx(one, rel=1e-4)
    one, two = (torch.load(tmp_path / name / "weights.pt", weights_only=True) for name in "12")
    for name, values in one.items():
        torch.testing.assert_close(two[name], values, rtol=2e-3, atol=2e-3, msg=name)
