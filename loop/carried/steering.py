"""What steers a loop besides its model: rules, experiments with ramps, probation of new artwork.

Off unless asked for. Files are copied into the loop's folder when it begins: its nights write rules
of their own, and how far ramps have come, beside them.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from data.atomic_write import write_text_whole
from data.cells.written import read_experiments
from data.errors import BadInput
from loop.carried.processes import Commands, Printed


@dataclass(frozen=True)
class Steering:
    """What was asked for."""

    rules: Path | None = None
    """Which the service and precompute follow."""
    experiments: Path | None = None
    """By whose cells the service decides, and whose ramps a night moves."""
    probation: bool = False
    """Nights give new artwork floors and caps, and take out what costs too much."""

    def check(self) -> None:
        """Read the files.

        Raises:
            BadInput: one is not there, or not what it should be: by file and line.
        """
        if self.rules is not None:
            read_text(self.rules)
        if self.experiments is not None:
            read_experiments(self.experiments)

    def record(self) -> dict[str, object]:
        """As the loop's state keeps them; nothing where nothing was asked for."""
        if self == Steering():
            return {}
        files = {"rules": self.rules, "experiments": self.experiments}
        said = {name: None if file is None else str(file) for name, file in files.items()}
        return {"steering": said | {"probation": self.probation}}


class SteeredNights:
    """The steps of a loop's nights that steer the days behind them.

    Args:
        out: folder of the loop.
        catalogue: what it shows.
        examples: its joined log.
        steering: what was asked for.
        commands: carries them out.
    """

    def __init__(
        self, out: Path, catalogue: Path, examples: Path, steering: Steering, commands: Commands
    ) -> None:
        self.catalogue, self.examples, self._commands = catalogue, examples, commands
        self._steering, self._parted = steering, out / "parted"
        asked = steering.rules is not None or steering.probation
        self.rules = out / "rules.yaml" if asked else None
        """That the service and precompute follow; None: there are none."""
        self.experiments = out / "experiments.yaml" if steering.experiments is not None else None
        """By which the service decides; None: there are none."""

    def begin(self) -> None:
        """Copy the files, where they have not been.

        Raises:
            BadInput: one is not there.
        """
        for copy, given in (
            (self.rules, self._steering.rules),
            (self.experiments, self._steering.experiments),
        ):
            if copy is not None and not copy.exists():
                write_text_whole(copy, "rules:\n" if given is None else read_text(given))

    @property
    def options(self) -> dict[str, object]:
        """Of the service and of precompute."""
        files = {"rules": self.rules, "experiments": self.experiments}
        return {name: file for name, file in files.items() if file is not None}

    @property
    def steps(self) -> list[str]:
        """Methods of a night, in order, behind the join."""
        found = None if self.experiments is None else read_experiments(self.experiments)
        ramps = found is not None and any(one.ramp for one in found.experiments)
        return ["probation"] * self._steering.probation + ["ramp"] * ramps

    def probation(self, morrow: date) -> Printed:
        """Floors, caps and stops of new artwork from a day on."""
        options = {"rules": self.rules, "catalogue": self.catalogue, "day": morrow}
        return self._commands.run(
            "-m", "evaluate", "probation", str(self.examples), options=options
        )

    def ramp(self, morrow: date) -> Printed:
        """The steps of ramps from a day on."""
        options = {"experiments": self.experiments, "catalogue": self.catalogue, "day": morrow}
        words = ("-m", "evaluate", "ramp", str(self.examples))
        return self._commands.run(*words, options=options, fine=(0, 1))  # 1: one was stopped

    def learnt(self) -> Path:
        """The examples that the service's own model learns from: not those of cells that say no."""
        if self.experiments is None:
            return self.examples
        options = {"examples": self.examples, "out": self._parted}
        self._commands.run("-m", "data", "cells", str(self.experiments), options=options)
        return self._parted / "shared"


def read_text(file: Path) -> str:
    """What a file says.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read ({error}); mend its name") from None
