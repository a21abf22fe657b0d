"""Servers that a measurement starts on this machine and ends: Redis, and the live service."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.optional import why_no_redis
from data.servers.free_port import free_port

PATIENCE = 30.0
"""Seconds that a server may take until it answers."""
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


def wait_until(done: Callable[[], bool], patience: float = PATIENCE) -> float | None:
    """Seconds until something is so; None if it takes too long."""
    start = time.monotonic()
    while not done():
        if time.monotonic() - start > patience:
            return None
        time.sleep(0.02)
    return time.monotonic() - start


class RedisServer:
    """A redis-server of our own, which can be killed and started again at the same address."""

    def __init__(self, folder: Path, durable: bool = True, options: Sequence[str] = ()) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        self._command += ["--save", "", "--dir", str(folder), *(DURABLE if durable else ())]
        self._command += options
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            RuntimeError: it does not.
        """
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        if wait_until(self._answers) is None:
            self.stop()
            raise RuntimeError(f"redis-server did not start within {PATIENCE:.0f} s")

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16) == b"+PONG\r\n"
        except OSError:
            return False

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, also one that stands still, and wait until it is gone.

        A server that writes its first append-only file refuses to end, and does not try again: it
        is told once more each second, and killed in the end.
        """
        start = time.monotonic()
        while self._process.poll() is None:
            late = time.monotonic() - start > PATIENCE
            self._process.send_signal(signal.SIGKILL if late else how)
            self._process.send_signal(signal.SIGCONT)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1)

    def pause(self) -> None:
        """Stop it where it stands, connections and all."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run after `pause`."""
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def redis_server(durable: bool = True) -> Iterator[RedisServer | None]:
    """A redis-server for as long as it is needed; None where there is none.

    Args:
        durable: every write is on disk before it is answered.
    """
    if why_no_redis() is not None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), durable)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def served(application: str, **environment: str) -> Iterator[tuple[int, int]]:
    """A process that serves an ASGI application, one worker: its port and process id.

    Args:
        application: `module:function` that makes it.
        environment: variables that it reads, beside this process's own.

    Raises:
        RuntimeError: it does not come up.
    """
    code = "from sys import argv; from serve.live.server import listen"
    code += "; listen(argv[1], '127.0.0.1', int(argv[2].partition('=')[2]))"
    with serving(["-c", code, application], Path(), **environment) as running:
        yield running


@contextmanager
def serving(
    arguments: Sequence[str], folder: Path, **environment: str
) -> Iterator[tuple[int, int]]:
    """A Python process that serves HTTP: its port and process id.

    Args:
        arguments: after `python`; `--port=…` is put behind them.
        folder: in which it starts.
        environment: variables that it reads, beside this process's own.

    Raises:
        RuntimeError: it does not come up.
    """
    port = free_port()
    variables = os.environ | {"OPENBLAS_NUM_THREADS": "1"} | environment
    command = [sys.executable, *arguments, f"--port={port}"]
    server = subprocess.Popen(command, env=variables, cwd=folder)

    def up() -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=5).close()
        except OSError:
            return server.poll() is not None
        return True

    try:
        if wait_until(up) is None or server.poll() is not None:
            raise RuntimeError(f"`{' '.join(arguments)}` did not start")
        yield port, server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(40)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            raise
