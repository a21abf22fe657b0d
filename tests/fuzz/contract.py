"""What every reader owes whatever bytes it is given: a value, or a refusal of our own, in time.

A refusal is a ValueError that code of ours raises (`raise …` stands in one of our rooms) and that
says something; an error that a library raised, or that Python raised at our code, is a finding, and
so are a case that takes longer than SECONDS, and a process that grows by more than MEGABYTES.
Findings are told apart by the error and the place, and each one's first input is kept.
"""

import json
import opcode
import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from tests.fuzz.kind import Refused
from tests.structure import MAY_IMPORT, ROOT

SECONDS = 5.0
"""For one case; the process is stopped at four times as many."""
MEGABYTES = 512
"""That a process may grow by, from its hundredth case on."""
ADDRESS_SPACE = 3 << 30
"""Bytes that a process may map beside what it starts with."""
LONGEST = 2_000
"""Characters of a refusal."""
RAISE = opcode.opmap["RAISE_VARARGS"]


@dataclass
class Outcome:
    """What a run of one kind came to."""

    kind: str
    cases: int = 0
    values: int = 0
    refused: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    grown_mb: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)
    """What was found → the file that holds its first input, and the error's words."""


class Contract:
    """Holds a target to what it owes, and writes down where it does not keep it."""

    def __init__(self, kind: str, target: Callable[[bytes], object], cases: int, out: Path) -> None:
        self.target, self.cases, self.out = target, cases, out
        self.outcome = Outcome(kind)
        self._start = time.monotonic()
        self._first_mb = 0.0
        out.mkdir(parents=True, exist_ok=True)

    def __call__(self, content: bytes) -> None:
        """One case."""
        told, start = self.outcome, time.monotonic()
        try:
            self.target(content)
            told.values += 1
        except BaseException as error:
            if is_refusal(error):
                told.refused += 1
            else:
                self._found(place(error), content, str(error))
        took = time.monotonic() - start
        if took > SECONDS:
            self._found(f"slow: more than {SECONDS:g} s", content)
        told.slowest = max(told.slowest, took)
        told.cases += 1
        if told.cases == 100:
            self._first_mb = peak_mb()
        if told.cases % 100 == 0 or told.cases == self.cases:
            told.grown_mb = peak_mb() - self._first_mb
            if told.grown_mb > MEGABYTES:
                self._found(f"grown by more than {MEGABYTES} MB", content)
            self._write()

    def _found(self, what: str, content: bytes, words: str = "") -> None:
        if what not in self.outcome.findings:
            name = f"{self.outcome.kind}-{sha256(what.encode()).hexdigest()[:10]}"
            (self.out / name).write_bytes(content)
            self.outcome.findings[what] = f"{name}: {words[:200]}"
            self._write()

    def _write(self) -> None:
        self.outcome.seconds = time.monotonic() - self._start
        report = self.out / f"{self.outcome.kind}.json"
        report.write_text(json.dumps(asdict(self.outcome), indent=1))


def is_refusal(error: BaseException) -> bool:
    """Whether an error is one that our code raised, on purpose and with words."""
    if isinstance(error, Refused):
        return True
    last = _last(error.__traceback__)
    if not isinstance(error, ValueError) or last is None or not 0 < len(str(error)) <= LONGEST:
        return False
    code = last.tb_frame.f_code
    return _ours(code.co_filename) and code.co_code[last.tb_lasti] == RAISE


def place(error: BaseException) -> str:
    """An error by its type and the last two places of ours that it went through."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f"{_short(f.filename)}:{f.lineno}" for f in frames if _ours(f.filename)]
    ours = ours or [f"{_short(f.filename)}:{f.lineno}" for f in frames]
    return f"{type(error).__name__} at {' < '.join(reversed(ours[-2:]))}"


def limit_memory() -> None:
    """Let this process map so much more, so that what asks for all there is fails here."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESS_SPACE, mapped + ADDRESS_SPACE))


def peak_mb() -> float:
    """The most memory that the process held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _last(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace


def _short(file: str) -> str:
    return str(Path(file).relative_to(ROOT)) if Path(file).is_relative_to(ROOT) else file


def _ours(file: str) -> bool:
    return Path(file).is_relative_to(ROOT) and _short(file).split("/")[0] in MAY_IMPORT
