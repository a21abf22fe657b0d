"""How far a loop has come: one file, written whole, so that a loop that was killed goes on.

A day has steps, each of which may be done twice with the same outcome; the file is written after
each, so what is lost is the step that was under way.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.atomic_write import write_text_whole
from data.errors import BadInput

STATE = "state.json"


@dataclass
class LoopState:
    """What was settled when the loop began, and what was done since."""

    file: Path
    settings: dict[str, Any]
    day: int = 0
    """The day that is under way."""
    step: int = 0
    """Its first step that is not done."""
    bundle: str | None = None
    """The model published last."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """What there is to say of each day."""

    @classmethod
    def open(cls, out: Path, settings: dict[str, Any]) -> "LoopState":
        """Begin in a new folder, or go on with what was begun there with the same settings.

        Raises:
            BadInput: the folder holds something else, or a loop of other settings.
        """
        file = out / STATE
        if not file.is_file():
            if out.exists() and any(out.iterdir()):
                raise BadInput(f"{out} holds something else; give --out a new folder")
            out.mkdir(parents=True, exist_ok=True)
            state = cls(file, settings)
            state.write()
            return state
        try:
            held = json.loads(file.read_text())
            state = cls(file, **held)
        except (ValueError, TypeError) as error:
            raise BadInput(f"{file} is not the state of a loop ({error})") from None
        for name, value in settings.items():
            if state.settings.get(name) != value:
                raise BadInput(
                    f"the loop in {out} was begun with {name} {state.settings.get(name)!r}, not "
                    f"{value!r}; give --out a new folder, or the settings that it was begun with"
                )
        return state

    def write(self) -> None:
        """Put it on disk, whole."""
        held = {name: value for name, value in vars(self).items() if name != "file"}
        write_text_whole(self.file, json.dumps(held))

    def done(self, step: int, steps: Sequence[Any]) -> None:
        """Note that a step of the day is done; after the last, the next day begins."""
        self.step = step + 1
        if self.step == len(steps):
            self.day, self.step = self.day + 1, 0
        self.write()
