"""How far each ramp has come: `experiments.ramp.json`, beside `experiments.yaml`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

from data.atomic_write import write_text_whole
from data.errors import BadInput

RampPhase = Literal["running", "stopped", "done"]


@dataclass(frozen=True)
class RampState:
    """How far a ramp has come."""

    cell: str
    step: int = 0
    """Which of its steps, from 0."""
    share: float = 0.0
    """That the step gives the cell of what it has with control; 0 where it was stopped."""
    since: str = ""
    """First whole day of the step, YYYY-MM-DD."""
    phase: RampPhase = "running"
    why: str = ""
    history: list[str] = field(default_factory=list)
    """A sentence a change, the oldest first."""


def state_file(experiments: Path) -> Path:
    """Where the state of a file's ramps is kept."""
    return experiments.with_name(f"{experiments.stem}.ramp.json")


def read_states(experiments: Path) -> dict[str, RampState]:
    """Experiment → state of its ramp; none where no ramp has begun.

    Raises:
        BadInput: the file is damaged.
    """
    file = state_file(experiments)
    try:
        got = json.loads(file.read_bytes())
        states = {str(name): RampState(**one) for name, one in got.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{file} is no state of ramps ({str(error)[:80]}); restore it, or remove it: ramps then"
            " begin anew at their first step"
        ) from None
    for name, one in states.items():
        good = isinstance(one.share, int | float) and 0 <= one.share <= 1
        if not good or one.phase not in get_args(RampPhase):
            raise BadInput(f"{file}, {name}: share {one.share!r} or phase {one.phase!r} is none")
    return states


def write_states(experiments: Path, states: Mapping[str, RampState]) -> None:
    """Replace the file, whole or not at all."""
    words = json.dumps({name: asdict(one) for name, one in states.items()}, indent=1)
    write_text_whole(state_file(experiments), words + "\n")
