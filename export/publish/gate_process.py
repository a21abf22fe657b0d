"""The gate of `python -m evaluate gate`, asked in a process of its own.

Export stands below evaluation and may not import it; a command may run another.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from data.errors import BadInput


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may replace the live bundle, why, and what that rests on."""

    passed: bool
    reason: str
    numbers: dict[str, Any]

    def on(self, candidate: Path, live: Path) -> "Verdict":
        """This verdict as a gate, if it was given on these two.

        Raises:
            BadInput: it was given on others.
        """
        for role, folder in (("candidate", candidate), ("live", live)):
            said = self.numbers.get(f"{role}_bundle")
            if said is not None and said != folder.name:
                raise BadInput(
                    f"the verdict is on {role} {said}, not {folder.name}; run the gate again"
                )
        return self


def command_gate(*options: str) -> Callable[[Path, Path], Verdict]:
    """A gate that runs the command with these options besides the two bundles."""

    def ask(candidate: Path, live: Path) -> Verdict:
        command = [sys.executable, "-m", "evaluate", "gate"]
        command += [f"--candidate={candidate}", f"--live={live}", *options, "--json"]
        done = subprocess.run(command, capture_output=True, check=False)
        complaint = done.stderr.decode(errors="replace").strip()
        try:
            return verdict_of(done.stdout)
        except BadInput as error:
            said = complaint.rpartition("error: ")[2][-600:] or str(error)
            raise BadInput(
                f"the gate gave no verdict (exit code {done.returncode}): {said}"
            ) from None

    return ask


def verdict_of(raw: bytes) -> Verdict:
    """A verdict from the JSON that the gate prints.

    Raises:
        BadInput: it is none.
    """
    try:
        said = orjson.loads(raw)
        passed, reason = said.pop("passed"), said.pop("reason")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"not a verdict ({error}); it needs passed and reason") from None
    return Verdict(passed is True, str(reason), said)
