"""The processes of a loop: commands that end, and the live service while members browse."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.clock import VARIABLE
from data.errors import BadInput

ROOT = Path(__file__).parents[1]
PATIENCE = 120.0
"""Seconds that the service may take to load its model."""


class Commands:
    """Runs the commands that the documentation names, and keeps what they say.

    Args:
        log: file that each command's progress is appended to.
        clock: the simulation's; commands that stamp records go by it.
    """

    def __init__(self, log: Path, clock: Path) -> None:
        self.log, self.clock = log, clock

    def run(self, *arguments: object, json_out: bool = True) -> dict[str, Any]:
        """Carry out one command; what it printed with --json, or nothing.

        Raises:
            BadInput: it refused what it was given.
            RuntimeError: it failed.
        """
        command = [sys.executable, *map(str, arguments), *(["--json"] if json_out else [])]
        with self.log.open("ab") as progress:
            progress.write(f"\n$ {' '.join(command[1:])}\n".encode())
            progress.flush()
            ran = subprocess.run(
                command, cwd=ROOT, env=self._environment(), stdout=subprocess.PIPE,
                stderr=progress, check=False, preexec_fn=_end_with_parent,
            )  # fmt: skip
        if ran.returncode:
            said = self.log.read_text(errors="replace")[-1500:]
            kind = BadInput if ran.returncode == 2 else RuntimeError
            words = " ".join(map(str, arguments[:3]))
            raise kind(f"{words} ended with {ran.returncode}; {self.log} ends with\n{said}")
        return json.loads(ran.stdout) if json_out else {}

    @contextmanager
    def service(self, *arguments: object) -> Iterator[str]:
        """The live service while it is needed, ready, at its address; then stopped and flushed.

        Raises:
            RuntimeError: it does not come up, or ends by itself.
        """
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        command = [
            sys.executable, "-m", "serve", "live", "--port", str(port), *map(str, arguments),
        ]  # fmt: skip
        with self.log.open("ab") as progress:
            progress.write(f"\n$ {' '.join(command[1:])}\n".encode())
            progress.flush()
            process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment(), stdout=progress, stderr=progress,
                preexec_fn=_end_with_parent,
            )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            self._wait_until_ready(process, url)
            yield url
            if process.poll() is not None:
                raise RuntimeError(f"the service ended with {process.returncode}; see {self.log}")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes], url: str) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"the service at {url} did not become ready; see {self.log}")

    def _environment(self) -> dict[str, str]:
        return os.environ | {VARIABLE: str(self.clock)}


def _end_with_parent() -> None:
    """Ask Linux to stop the process when the loop is killed: no two may do the same step."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
