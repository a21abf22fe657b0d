"""A server of S3 that a measurement starts on this machine, makes ill, kills and ends."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from bench.measured import ROOT
from bench.optional import why_no_package
from bench.servers import wait_until
from data.atomic_write import write_text_whole
from data.servers.free_port import free_port

BUCKET = "models"
URL = f"s3://{BUCKET}/store"


def why_no_object_store() -> str | None:
    """Why no object store can be started here; None if one can."""
    return why_no_package("moto") or why_no_package("flask_cors") or why_no_package("s3fs")


class ObjectStore:
    """An S3 server of our own; what it holds is gone when it is killed.

    Args:
        folder: for its log, and for what it is told.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._told, self._log = folder / "illness", folder / "object-store.log"
        self.well()
        self.start()

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which clients find it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        """Start it with an empty bucket, and wait until it answers.

        Raises:
            RuntimeError: it does not.
        """
        command = [sys.executable, "-m", "bench.hosts.ill_store", str(self.port), str(self._told)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)
        if wait_until(self._has_a_bucket) is None:
            self.stop()
            raise RuntimeError(f"the object store did not start: {self._log.read_text()[-300:]}")

    def _has_a_bucket(self) -> bool:
        make = urllib.request.Request(f"http://127.0.0.1:{self.port}/{BUCKET}", method="PUT")
        try:
            urllib.request.urlopen(make, timeout=5).close()
        except urllib.error.HTTPError as error:
            return error.code == 409  # it is there
        except OSError:
            return False
        return True

    def ill(self, how: str) -> None:
        """Make it fall ill; `bench.hosts.ill_store` says how."""
        write_text_whole(self._told, how)

    def well(self) -> None:
        """Let it be well again."""
        self.ill("")

    @contextmanager
    def being(self, how: str) -> Iterator[None]:
        """Ill for a while."""
        self.ill(how)
        try:
            yield
        finally:
            self.well()

    def pause(self) -> None:
        """Stop it where it stands, connections and all."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it, and wait until it is gone."""
        self._process.kill()
        self._process.send_signal(signal.SIGCONT)
        self._process.wait()


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """An object store for as long as it is needed, that this process and its children find."""
    s3fs = import_module("s3fs")  # an optional package

    store = ObjectStore(folder)
    before = {name: os.environ.get(name) for name in store.environment}
    os.environ.update(store.environment)
    s3fs.S3FileSystem.clear_instance_cache()
    try:
        yield store
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        store.stop()
