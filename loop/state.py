"""How far a loop has come, and the machine that takes it further.

A day has steps, each of which may be done twice with the same outcome. What was done is noted after
each in one file, written whole: a loop that was killed anywhere goes on, and what it repeats is the
step that was under way.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from data.atomic_write import write_text_whole
from data.errors import BadInput

STATE = "state.json"
Row = dict[str, Any]
"""What there is to say of a day, as JSON has it."""


class Step(NamedTuple):
    """One thing to do on a day, with the same outcome however often it is done."""

    name: str
    do: Callable[[int], object]
    """Takes the day."""


class Moment(NamedTuple):
    """Where a loop is: a step begins, or is done and not noted yet."""

    day: int
    step: str
    done: bool
    days: float
    """How many days are over, the part of this one too."""


@dataclass
class LoopState:
    """What was settled when the loop began, and what was done since."""

    file: Path
    settings: dict[str, object]
    day: int = 0
    """The day that is under way."""
    step: str | None = None
    """Its last step that is done."""
    bundle: str | None = None
    """The model published last."""
    rows: list[Row] = field(default_factory=list)
    """One a day."""

    @classmethod
    def open(cls, out: Path, settings: dict[str, object]) -> "LoopState":
        """Begin in a new folder, or go on with what was begun there with the same settings.

        Raises:
            BadInput: the folder holds something else, or a loop of other settings.
        """
        file = out / STATE
        settings = json.loads(json.dumps(settings))
        if not file.is_file():
            if out.exists() and any(out.iterdir()):
                raise BadInput(f"{out} holds something else; give --out a new folder")
            out.mkdir(parents=True, exist_ok=True)
            state = cls(file, settings)
            state.write()
            return state
        try:
            state = cls(file, **json.loads(file.read_text()))
        except (ValueError, TypeError) as error:
            raise BadInput(f"{file} is not the state of a loop ({error})") from None
        for name, value in settings.items():
            if state.settings.get(name) != value:
                raise BadInput(
                    f"the loop in {out} was begun with {name} {state.settings.get(name)!r}, not "
                    f"{value!r}; give --out a new folder, or the settings that it was begun with"
                )
        return state

    def row(self, day: int) -> Row:
        """What there is to say of a day."""
        while len(self.rows) <= day:
            self.rows.append({"day": len(self.rows)})
        return self.rows[day]

    def write(self) -> None:
        """Put it on disk, whole."""
        content = asdict(self)
        del content["file"]
        write_text_whole(self.file, json.dumps(content))

    def run(
        self,
        steps_of: Callable[[int], Sequence[Step]],
        days: int,
        progress: Callable[[Moment], object] = lambda moment: None,
    ) -> None:
        """Do the steps of each day until so many days are over.

        Args:
            steps_of: the steps of a day, in order, by names that differ.
            days: how many; the day that is under way counts from 0.
            progress: called before each step, and after it before it is noted.

        Raises:
            BadInput: the day's last step that is done is none of its steps.
        """
        while self.day < days:
            steps = steps_of(self.day)
            names = [step.name for step in steps]
            if self.step is not None and self.step not in names:
                raise BadInput(
                    f"{self.file} says that day {self.day} has done {self.step!r}, which is none "
                    f"of its steps {', '.join(names)}; give --out a new folder"
                )
            first = 0 if self.step is None else names.index(self.step) + 1
            for number, step in enumerate(steps[first:], start=first):
                progress(Moment(self.day, step.name, False, self.day + number / len(steps)))
                step.do(self.day)
                progress(Moment(self.day, step.name, True, self.day + (number + 1) / len(steps)))
                self.step = step.name
                self.write()
            self.day, self.step = self.day + 1, None
            self.write()
