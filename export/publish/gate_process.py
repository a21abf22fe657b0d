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

VERDICTS = ("passed", "refused", "undecided")


@dataclass(frozen=True)
class PrintedVerdict:
    """A verdict as the gate printed it: may the candidate go live, why, and on what grounds."""

    verdict: str
    """passed, refused or undecided."""
    reason: str
    numbers: Mapping[str, object]

    def on(self, candidate: Path, live: Path | None, anchor: Path | None) -> "PrintedVerdict":
        """This verdict as a gate, if it was given on these.

        Raises:
            BadInput: it was given on others.
        """
        for role, folder in (("candidate", candidate), ("live", live), ("anchor", anchor)):
            here = None if folder is None else folder.name
            judged = self.numbers.get(f"{role}_bundle", here)
            if judged != here:
                raise BadInput(f"the verdict is on {role} {judged}, not {here}; run the gate again")
        return self


def command_gate(*options: str) -> Callable[[Path, Path | None, Path | None], PrintedVerdict]:
    """A gate that runs the command with these options besides the bundles."""

    def ask(candidate: Path, live: Path | None, anchor: Path | None) -> PrintedVerdict:
        command = [sys.executable, "-m", "evaluate", "gate", f"--candidate={candidate}"]
        command += [f"--live={live or 'none'}", f"--anchor={anchor or 'none'}", *options, "--json"]
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
        verdict, reason = numbers.pop("verdict"), numbers.pop("reason")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"not a verdict ({error}); it needs verdict and reason") from None
    if verdict not in VERDICTS:
        raise BadInput(f"verdict {verdict!r}: it must be one of {', '.join(VERDICTS)}")
    return PrintedVerdict(verdict, str(reason), numbers)
