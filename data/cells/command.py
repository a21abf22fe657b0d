"""`python -m data cells`: what experiments.yaml comes to, and who learns from which examples."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import replaced_folder
from data.cells.experiment import BETWEEN, Experiments, label_of
from data.cells.written import read_experiments
from data.errors import BadInput
from data.schema.schema import read_schema
from data.schema_cast import opened, parquet_files

SHARED = "shared"
"""Folder of the examples that the service's own loop learns from."""
LEFT_OUT = "left out"


@dataclass(frozen=True)
class CellsReport:
    """What a file comes to."""

    experiments: dict[str, dict[str, float]]
    """Experiment → cell → its share of the experiment's members now."""
    ramps: dict[str, float]
    loops: list[str]
    cells: dict[str, str | None] = field(default_factory=dict)
    """Member that was asked for → cell, as decisions name it."""
    rows: dict[str, int] = field(default_factory=dict)
    """Folder that was written → its rows."""
    absent: list[str] = field(default_factory=list)
    """Bundles and rules that cells or loops name and that are not there, seen from this folder."""


def cells(
    file: Path,
    catalogue: Path | None = None,
    members: list[str] | None = None,
    examples: Path | None = None,
    out: Path | None = None,
) -> CellsReport:
    """Check experiments.yaml, say who is in which cell, and part examples by who learns from them.

    With --examples and --out, OUT/shared gets the rows of cells that say `train: yes` and of no
    cell, OUT/EXPERIMENT/CELL those of a cell that says `own`; rows of a cell that says `no` are
    left out. Give a folder to `train.py --data.examples`.

    Args:
        file: experiments.yaml.
        catalogue: Folder whose schema.yaml declares the categories that loops may ask for.
        members: Ids, as they are logged, whose cells are printed.
        examples: Parquet file or folder of joined examples.
        out: Folder, made anew.
    """
    found = read_experiments(file, None if catalogue is None else read_schema(catalogue))
    asked = {member: label_of(found.cells_of(member)) for member in members or []}
    if (examples is None) != (out is None):
        raise BadInput("--examples and --out go together: give both, or neither")
    return CellsReport(
        {one.name: found.shares_of(one) for one in found.experiments},
        {one.name: step for one in found.experiments if (step := found.step_of(one)) is not None},
        [loop.name for loop in found.loops],
        asked,
        {} if examples is None or out is None else parted(found, examples, out),
        _absent(found),
    )


def _absent(found: Experiments) -> list[str]:
    arms = [cell.arm for one in found.experiments for cell in one.cells]
    arms += [loop.arm for loop in found.loops]
    named = dict.fromkeys(place for arm in arms for place in (arm.bundle, arm.rules) if place)
    return [place for place in named if not Path(place).exists()]


def parted(found: Experiments, examples: Path, out: Path) -> dict[str, int]:
    """Write examples by who learns from them; rows of each folder, and of none under `left out`.

    Raises:
        BadInput: there are no examples, or they have no cells.
    """
    files = parquet_files(examples) if examples.exists() else []
    if not files:
        raise BadInput(f"{examples}: no Parquet file; give what `python -m data join` wrote")
    rows: dict[str, int] = {}
    with replaced_folder(out) as aside:
        for file in files:
            with opened(file) as source:
                table = source.read()
            if "cell" not in table.column_names:
                raise BadInput(f"{file}: no column cell; give what `python -m data join` wrote")
            labels = table["cell"].to_pylist()
            places = {label: _learns(found, label) for label in set(labels)}
            of_row = np.array([places[label] for label in labels], object)
            for place in sorted(set(places.values())):
                part = table.filter(pa.array(of_row == place, pa.bool_()))
                rows[place] = rows.get(place, 0) + len(part)
                if place != LEFT_OUT:
                    # Each day's file has the same name, in a folder of its own.
                    within = file.relative_to(examples) if examples.is_dir() else file.name
                    target = aside / place / within
                    target.parent.mkdir(parents=True, exist_ok=True)
                    pq.write_table(part, target)
    return rows


def _learns(found: Experiments, label: str | None) -> str:
    """Folder of a row's loop; of several cells `no` comes before `own`, and that before `yes`."""
    experiments = {one.name: {cell.name: cell for cell in one.cells} for one in found.experiments}
    place = SHARED
    for part in (label or "").split(BETWEEN):
        name, _, wanted = part.partition(":")
        cell = experiments.get(name, {}).get(wanted)
        if cell is None:  # of an experiment that has ended: its rows are rows as others are
            continue
        if cell.train == "no":
            return LEFT_OUT
        if cell.train == "own":
            place = f"{name}/{wanted}"
    return place


def show(report: CellsReport) -> None:
    """A line a cell, a member and a folder."""
    if not report.experiments and not report.loops:
        print("no experiments and no loops: every member is in no cell")
    for name, shares in report.experiments.items():
        ramp = f", ramp at {report.ramps[name]:.0%}" if name in report.ramps else ""
        print(f"{name}{ramp}: " + ", ".join(f"{cell} {s:.2%}" for cell, s in shares.items()))
    for place in report.absent:
        print(
            f"note: {place} is not there, seen from this folder; a service without it won't start"
        )
    if report.loops:
        print("loops: " + ", ".join(report.loops))
    for member, cell in report.cells.items():
        print(f"{member}: {cell or 'in no cell'}")
    for place, count in report.rows.items():
        print(f"{place}: {count:,} rows")
