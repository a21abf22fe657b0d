import os
import shutil

import hypothesis
import pytest

from bench.servers import RedisServer
from serve.maps.lmdb_store import LmdbStore
from serve.maps.redis_store import RedisStore
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


@pytest.fixture
def redis_server(tmp_path):
    if shutil.which("redis-server") is None:
        assert os.environ.get("CI") != "true", "redis-server is not installed: CI needs it"
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path, durable=False)
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
