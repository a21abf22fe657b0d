"""`python -m serve live` as a process of its own, which can be stopped, killed and asked."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from pathlib import Path

import orjson

from bench.faults.stage.scene import FaultScene
from bench.measured import ROOT
from bench.servers import wait_until
from data.errors import BadInput
from data.servers.free_port import free_port


class LiveProcess:
    """The live service on a scene.

    Args:
        scene: what it serves.
        workers: processes.
        store: of maps; the scene's if None.
        options: more of the command's, as words.
        environment: variables beside this process's own.
    """

    def __init__(
        self,
        scene: FaultScene,
        workers: int = 1,
        store: str | None = None,
        options: tuple[object, ...] = (),
        environment: dict[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        words: list[object] = ["-m", "serve", "live", "--port", self.port, "--workers", workers]
        words += ["--bundles", scene.bundles, "--catalogue", scene.catalogue]
        words += ["--store", store or scene.maps, "--log", scene.log, "--cache", scene.cache]
        # A page of a busy machine is late, not broken: deadlines have measurements of their own.
        words += ["--deadline-ms", 2000, *options]
        self._words = [sys.executable, *map(str, words)]
        self._environment = os.environ | (environment or {})
        self.said = scene.folder / f"service-{self.port}.txt"
        self.start()

    def start(self) -> None:
        """Start it; it need not answer yet."""
        with self.said.open("ab") as said:
            self.process = subprocess.Popen(
                self._words,
                cwd=ROOT,
                env=self._environment,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def wait(self, model: bool = True) -> None:
        """Wait until it answers, with a model or without.

        Raises:
            RuntimeError: it does not.
        """

        def up() -> bool:
            if self.process.poll() is not None:
                return True
            state = self.ready()
            return state is not None and (not model or state["bundle"] is not None)

        if wait_until(up) is None or self.process.poll() is not None:
            raise RuntimeError(f"the live service did not start: {self.words_said()}")

    def ready(self) -> dict[str, object] | None:
        """What `/readyz` says; None where nobody answers."""
        try:
            return orjson.loads(self.get("/readyz"))
        except (OSError, BadInput):
            return None

    def get(self, path: str) -> bytes:
        """The body of an answer, whatever its status.

        Raises:
            OSError: nobody answers.
        """
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.read()

    def counted(self, metric: str) -> Counter[str]:
        """A counter's values by their last label."""
        values: Counter[str] = Counter()
        for line in self.get("/metrics").decode().splitlines():
            if line.startswith(metric):
                labels, value = line.rsplit(" ", 1)
                values[labels.rsplit('"', 2)[-2] if '"' in labels else ""] += int(float(value))
        return values

    def workers(self) -> list[int]:
        """Process ids of those that answer pages: the ones that have a log's segment open."""
        return [pid for pid in family(self.process.pid) if _writes_log(pid)]

    def words_said(self) -> str:
        """The end of what it said."""
        return self.said.read_text(errors="replace")[-600:]

    def stop(self, patience: float = 40) -> int:
        """End it by SIGTERM, by SIGKILL if that does not help; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """`kill -9` it and all that it started; its exit code."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()


def family(pid: int) -> list[int]:
    """A process and all that it started, itself first; nothing where it is gone."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def _writes_log(pid: int) -> bool:
    for descriptor in open_files(pid):
        if descriptor.endswith(".log") and "/live/" in descriptor:
            return True
    return False


def open_files(pid: int) -> list[str]:
    """What a process's descriptors lead to."""
    found = []
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found.append(str(descriptor.readlink()))
            except OSError:  # closed meanwhile
                continue
    except OSError:
        return []
    return found
