"""What a piece of work takes: seconds, the processor's seconds and the most memory."""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

ROOT = Path(__file__).parents[1]
Result = TypeVar("Result")


class Spent(NamedTuple):
    """What a process took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    output: bytes  # what it printed
    complaint: str  # the end of what it said on stderr
    spent: Spent


def in_own_process(work: Callable[..., Result], *arguments: object) -> tuple[Result, Spent]:
    """The result of work that a new process does, and what that took; imports do not count."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_timed, work, arguments).result()


def _timed(work: Callable[..., Result], arguments: Sequence[object]) -> tuple[Result, Spent]:
    began = time.perf_counter()
    result = work(*arguments)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return result, Spent(seconds, time.process_time(), peak)


def command(arguments: Sequence[object], limit: float | None = None, **environment: str) -> Ended:
    """Run a Python command from the repository's root to its end, its own processes included.

    Args:
        arguments: after `python`.
        limit: seconds after which it is killed, with the processes that it started.
        environment: variables that it reads, beside this process's own.
    """
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            stdout=output,
            stderr=complaints,
            env=os.environ | environment,
            start_new_session=True,
        )
        timer = threading.Timer(limit or 0, os.killpg, (process.pid, signal.SIGKILL))
        if limit is not None:
            timer.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:  # it is in a session of its own: an interrupt does not reach it
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            timer.cancel()
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        complaints.seek(0)
        printed, complaint = output.read(), complaints.read()[-2000:].decode(errors="replace")
    spent = Spent(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
    return Ended(process.returncode, printed, complaint, spent)


def log_slope(sizes: Sequence[float], seconds: Sequence[float]) -> float | None:
    """By which power of the size the time grows: 1 is linear; None from a single size."""
    if len(sizes) < 2:
        return None
    return round(float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0]), 3)
