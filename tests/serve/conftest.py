import os
import shutil
import socket
import subprocess
import time

import hypothesis
import pytest

from serve.maps.lmdb_store import LmdbStore
from serve.maps.redis_store import RedisStore
from serve.maps.store import StoreUnavailableError
from serve.scoring.candidate_bank import Bank
from tests.serve.world import make_layout, make_vectors

hypothesis.settings.register_profile(
    "serve", deadline=None, derandomize=os.environ.get("CI") == "true"
)
hypothesis.settings.load_profile("serve")


@pytest.fixture
def layout():
    return make_layout()


@pytest.fixture
def bank(layout):
    return Bank.of(layout, make_vectors(layout))


@pytest.fixture
def lmdb_store(tmp_path):
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    yield store
    store.close()


class RedisServer:
    """A redis-server on a free port of 127.0.0.1, ended with the test."""

    def __init__(self, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [
                *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--save", "", "--dir", str(self.folder)),
            ],
            stdout=subprocess.DEVNULL,
        )
        store = RedisStore(self.url, timeout=1.0)
        until = time.monotonic() + 10
        while True:
            try:
                store.get("nobody")
                break
            except StoreUnavailableError:
                assert time.monotonic() < until, "redis-server did not start"
        store.close()

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture
def redis_server(tmp_path):
    if shutil.which("redis-server") is None:
        assert os.environ.get("CI") != "true", "redis-server is not installed: CI needs it"
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["lmdb", "redis"])
def store(request, tmp_path):
    if request.param == "lmdb":
        opened = LmdbStore(tmp_path / "maps", size=1 << 26)
    else:
        opened = RedisStore(request.getfixturevalue("redis_server").url, timeout=1.0)
    yield opened
    opened.close()
