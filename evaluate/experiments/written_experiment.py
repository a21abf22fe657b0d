"""What `experiments.yaml` says of an experiment that is to be read."""

from pathlib import Path

from data.cells.written import read_experiments
from data.errors import BadInput


def written_experiment(file: Path, name: str | None) -> tuple[str, dict[str, float], str]:
    """Control, shares and name of an experiment of a file.

    Raises:
        BadInput: the file is no good, or has no such experiment.
    """
    found = read_experiments(file)
    names = [one.name for one in found.experiments]
    if name is None and len(names) != 1:
        raise BadInput(f"{file} has experiments {names}; choose one with --name")
    if name is not None and name not in names:
        raise BadInput(f"--name {name}: {file} has experiments {names}")
    one = found.named(name or names[0])
    shares = {cell: share for cell, share in found.shares_of(one).items() if share > 0}
    return one.control, shares, one.name
