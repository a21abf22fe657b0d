"""Runs the live service in several processes, each with its own model and log buffer."""

import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass

import orjson
import uvicorn

SETTINGS = "MARQUEE_LIVE_SETTINGS"
"""Environment variable that carries the settings to worker processes."""


@dataclass(frozen=True)
class LiveSettings:
    """What a worker process needs to put the service together."""

    bundles: str
    catalogue: str
    store: str | None
    log: str | None
    deadline: float
    queue: int
    base_url: str
    cache: str
    epoch_days: int
    tokens: str | None
    origins: list[str]
    foreign: bool = False
    """Whether bundles of other catalogues may decide."""
    rules: str | None = None
    """File of rules; None: there are none."""
    experiments: str | None = None
    """File of experiments; None: there are none."""
    rows: bool = False
    """Whether pages are decided as rows, and logged as pages."""
    most_alike: int = 0
    """Images of a page that may be alike; 0: as many as may be."""


def serve(settings: LiveSettings, host: str, port: int, workers: int) -> None:
    """Listen until SIGTERM or SIGINT; workers finish and flush what they began."""
    os.environ[SETTINGS] = orjson.dumps(settings).decode()
    # Matrices here are small: a second BLAS thread would only take the other worker's core.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # One process counts in its own memory: a count in a file that others read costs ten times that.
    own = workers > 1 and "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    if own:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="marquee-metrics-")
    try:
        listen("serve.live.application:application", host, port, workers)
    finally:
        if own:
            shutil.rmtree(os.environ.pop("PROMETHEUS_MULTIPROC_DIR"), ignore_errors=True)


def listen(factory: str, host: str, port: int, workers: int = 1) -> None:
    """Serve the ASGI application that a function makes, `module:function`, until SIGTERM.

    Sockets, HTTP and the application share one thread of a worker (uvloop, httptools): only the
    log's writer contends with it for the interpreter.
    """
    # Uvicorn raises the signal again when all is done: what it was sent for has happened then. One
    # that comes before it listens ends the process as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        factory,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http="serve.live.door.connection:Connection",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
    )
