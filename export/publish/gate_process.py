"""The gate of `python -m evaluate gate`, asked in a process of its own.

Export stands below evaluation and may not import it; a command may run another.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from data.errors import BadInput


@dataclass(frozen=True)
class PrintedVerdict:
    """A verdict as the gate printed it: may the candidate go live, why, and on what grounds."""

    passed: bool
    reason: str
    numbers: Mapping[str, object]

    def on(self, candidate: Path, live: Path) -> "PrintedVerdict":
        """This verdict as a gate, if it was given on these two.

        Raises:
            BadInput: it was given on others.
        """
        for role, folder in (("candidate", candidate), ("live", live)):
            judged = self.numbers.get(f"{role}_bundle")
            if judged is not None and judged != folder.name:
                raise BadInput(
                    f"the verdict is on {role} {judged}, not {folder.name}; run the gate again"
                )
        return self


def command_gate(*options: str) -> Callable[[Path, Path], PrintedVerdict]:
    """A gate that runs the command with these options besides the two bundles."""

    def ask(candidate: Path, live: Path) -> PrintedVerdict:
        command = [sys.executable, "-m", "evaluate", "gate"]
        command += [f"--candidate={candidate}", f"--live={live}", *options, "--json"]
        done = subprocess.run(command, capture_output=True, check=False)
        complaint = done.stderr.decode(errors="replace").strip()
        try:
            return verdict_of(done.stdout)
        except BadInput as error:
            reason = complaint.rpartition("error: ")[2][-600:] or str(error)
            raise BadInput(
                f"the gate gave no verdict (exit code {done.returncode}): {reason}"
            ) from None

    return ask


def verdict_of(raw: bytes) -> PrintedVerdict:
    """A verdict from the JSON that the gate prints.

    Raises:
        BadInput: it is none.
    """
    try:
        numbers = orjson.loads(raw)
        passed, reason = numbers.pop("passed"), numbers.pop("reason")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"not a verdict ({error}); it needs passed and reason") from None
    return PrintedVerdict(passed is True, str(reason), numbers)
