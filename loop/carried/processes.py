"""The processes of a loop: commands that end, and the live service while members browse."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from data.clock import VARIABLE
from data.errors import BadInput
from data.servers.free_port import free_port

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
"""Seconds that the service may take to load its model."""
ASK_AND_GO_ON = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
WITH_PARENT = ("-ISc", ASK_AND_GO_ON) if sys.platform == "linux" else ()
"""Asks Linux to stop a process when the loop is killed: no two may do the same step.

The process asks for itself: what runs between fork and exec may wait for ever for a lock that
another thread held."""
Printed = dict[str, Any]
"""What a command prints with --json."""
NOTHING: Mapping[str, object] = {}


class Commands:
    """Runs the commands that the documentation names, and keeps what they print.

    Args:
        log: file that each command's progress is appended to.
        clock: the simulation's, by which commands stamp records; the machine's own if None.
    """

    def __init__(self, log: Path, clock: Path | None = None) -> None:
        self.log, self.clock = log, clock

    def run(
        self,
        *words: str,
        options: Mapping[str, object] = NOTHING,
        json_out: bool = True,
        fine: Collection[int] = (0,),
    ) -> Printed:
        """Carry out one command.

        Args:
            words: what python is started with.
            options: name → value, after the words.
            json_out: ask for --json.
            fine: how it may end.

        Returns:
            What it printed; nothing without --json.

        Raises:
            BadInput: it refused what it was given.
            RuntimeError: it failed.
        """
        command = [*words, *option_words(options), *(["--json"] if json_out else [])]
        with self._started(command, subprocess.PIPE) as process:
            printed, _ = process.communicate()
        if process.returncode not in fine:
            end = self.log.read_text(errors="replace")[-1500:]
            kind = BadInput if process.returncode == 2 else RuntimeError
            name = " ".join(command[:3])
            raise kind(f"{name} ended with {process.returncode}; {self.log} ends with\n{end}")
        return json.loads(printed) if json_out else {}

    @contextmanager
    def service(self, options: Mapping[str, object]) -> Iterator[str]:
        """The live service while it is needed, ready, at its address; then stopped and flushed.

        Args:
            options: of `python -m serve live`: name → value.

        Raises:
            RuntimeError: it does not come up, or ends by itself.
        """
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        words = ["-m", "serve", "live", *option_words({"port": port, **options})]
        with self._started(words, None) as process:
            try:
                self._wait_until_ready(process, url)
                yield url
                if process.poll() is not None:
                    code = process.returncode
                    raise RuntimeError(f"the service ended with {code}; see {self.log}")
            finally:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _started(self, words: list[str], stdout: int | None) -> subprocess.Popen[bytes]:
        """A process that ends when this one is killed; what it prints goes to the log or a pipe."""
        with self.log.open("ab") as log:
            log.write(f"\n$ {' '.join(words)}\n".encode())
            log.flush()
            to: int | IO[bytes] = log if stdout is None else stdout
            return subprocess.Popen(
                [sys.executable, *WITH_PARENT, *words],
                cwd=ROOT,
                env=os.environ | ({} if self.clock is None else {VARIABLE: str(self.clock)}),
                stdout=to,
                stderr=log,
            )

    def _wait_until_ready(self, process: subprocess.Popen[bytes], url: str) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the service at {url} did not become ready; see {self.log}")


def option_words(options: Mapping[str, object]) -> list[str]:
    """Options as a command line has them."""
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]
