"""deploy/compose.yaml without containers: its commands as processes on loopback.

A service's command is taken from the file; the names of servers become addresses of 127.0.0.1, and
a host's volume becomes a folder that its processes start in.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import yaml

from bench.faults.stage.scene import FaultScene
from bench.hosts.object_store import ObjectStore, object_store
from bench.hosts.stage.map_cluster import cluster
from bench.measured import ROOT
from bench.servers import RedisServer
from data.servers.free_port import free_port

SERVE = ("python", "-m", "serve")
"""The entry point of deploy/Dockerfile."""
HOSTS = {"live": "pull", "live-2": "pull-2", "lookup": "pull-3"}
"""Services that answer pages, and what brings each its bundles."""
MAPS = "${MARQUEE_MAPS:-redis://maps:6379/0}"


class Deployment(NamedTuple):
    """What is up."""

    services: Mapping[str, dict]
    folder: Path
    maps: list[RedisServer]
    log: RedisServer
    objects: ObjectStore

    @property
    def maps_url(self) -> str:
        """Of the cluster."""
        return f"redis+cluster://127.0.0.1:{self.maps[0].port}"

    def words(self, service: str) -> list[str]:
        """A service's command line, as it runs here."""
        held = self.services[service]
        here = {
            MAPS: self.maps_url,
            "redis://log:6379/0": self.log.url,
            "0.0.0.0": "127.0.0.1",
            "python": sys.executable,
        }
        words = [str(here.get(w, w)) for w in (*held.get("entrypoint", SERVE), *held["command"])]
        if "--workers" in words:  # of two, on a machine that has as many cores for all
            words[words.index("--workers") + 1] = "1"
        return words

    def start(self, service: str, host: str, *more: object) -> "subprocess.Popen[bytes]":
        """Start a service in a host's folder; what it says goes to a file there."""
        home = self.folder / host
        with (home / f"{service}.txt").open("ab") as said:
            return subprocess.Popen(
                [*self.words(service), *map(str, more)],
                cwd=home,
                env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def done(self, service: str, host: str, *more: object, limit: float = 180) -> tuple[int, str]:
        """Run a job to its end: its exit code, and the end of what it said."""
        job = self.start(service, host, *more)
        try:
            job.wait(limit)
        finally:
            end(job)
        return job.returncode, (self.folder / host / f"{service}.txt").read_text()[-400:]


@contextmanager
def deployment(scene: FaultScene, folder: Path) -> Iterator[Deployment]:
    """The servers of the compose file, and a folder for each host with the catalogue.

    Args:
        scene: whose catalogue, profiles and bundle the first host has.
        folder: for all that is kept.
    """
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    for name in ("maps", "log", "objects"):
        (folder / name).mkdir()
    for name in HOSTS:
        artifacts = folder / name / "artifacts"
        artifacts.mkdir(parents=True)
        (artifacts / "catalogue").symlink_to(scene.catalogue)
    first = folder / "live" / "artifacts"  # the host that trains and runs the jobs
    (first / "profiles.parquet").symlink_to(scene.profiles)
    (first / "trained").symlink_to(scene.bundles)
    with ExitStack() as up:
        nodes = up.enter_context(cluster(folder / "maps", False, _options(services["maps-1"])))
        log = RedisServer(folder / "log", False, _options(services["log"]))
        up.callback(log.stop, signal.SIGKILL)
        objects = up.enter_context(object_store(folder / "objects"))
        yield Deployment(services, folder, nodes, log, objects)


def _options(service: dict) -> Sequence[str]:
    return service["command"][1:]


def end(process: "subprocess.Popen[bytes]", how: signal.Signals = signal.SIGKILL) -> None:
    """End a service with all that it started, and wait until it is gone."""
    if process.poll() is None:
        os.killpg(process.pid, how)
        process.wait(40)


def ports(names: Sequence[str]) -> dict[str, int]:
    """A free port for each."""
    return {name: free_port() for name in names}
