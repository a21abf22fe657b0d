"""The scaled log: Redis Streams drained to the same files."""

import os
import shutil
import socket
import subprocess

import pytest

from data.errors import BadInput
from tests.data.log.log_rows import decision, event, rolled


def _redis_missing() -> str | None:
    if shutil.which("redis-server") is None:
        return "redis-server is not on PATH"
    try:
        import redis  # noqa: F401
    except ImportError:
        return "the Python package redis is not installed"
    return None


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    missing = _redis_missing()
    if missing is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing}, and CI must test the scaled log")
        pytest.skip(f"{missing}: the scaled log is not tested")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
            "--dir",
            str(tmp_path_factory.mktemp("redis")),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert any("Ready to accept" in line for line in server.stdout)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


@pytest.fixture
def stream(redis_url, request):
    from data.log.redis_log import RedisLog

    with RedisLog(redis_url, prefix=request.node.name) as log:
        yield log


def test_streams_drain_to_the_same_files(stream, tmp_path):
    assert stream.write("decisions", [decision("d1")], timeout=10)
    assert stream.write("events", [event("e1"), event("e2")], timeout=10)
    moved = stream.drain(tmp_path)
    assert (moved["decisions"], moved["events"]) == (1, 2)
    assert rolled(tmp_path, "decisions")["seed"].to_pylist() == [2**64 - 1]
    assert stream.drain(tmp_path)["files"] == 0


def test_a_batch_that_a_dead_consumer_wrote_but_never_acknowledged_is_there_once(stream, tmp_path):
    assert stream.write("events", [event(f"e{i}") for i in range(5)], timeout=10)
    stream.drain(tmp_path / "other")  # makes the group
    assert stream.write("events", [event(f"f{i}") for i in range(5)], timeout=10)
    client = stream._redis
    client.xreadgroup("roll", "dead", {stream.stream("events"): ">"}, count=100)
    assert stream.drain(tmp_path, take_over_ms=10**9)["events"] == 0  # it may yet live
    assert stream.drain(tmp_path, take_over_ms=0)["events"] == 5
    assert len(rolled(tmp_path, "events")) == 5
    assert client.xlen(stream.stream("events")) == 0


def test_a_server_that_would_forget_is_refused(stream, redis_url):
    from data.log.redis_log import RedisLog

    stream._redis.config_set("appendfsync", "everysec")
    try:
        with pytest.raises(BadInput, match="before they are on disk"):
            RedisLog(redis_url)
    finally:
        stream._redis.config_set("appendfsync", "always")


def test_a_full_stream_fails_its_tickets(redis_url):
    from data.log.redis_log import RedisLog, StreamFullError

    with RedisLog(redis_url, prefix="full", limit=1) as log:
        assert log.write("events", [event("e1")], timeout=10)
        with pytest.raises(StreamFullError, match="no drain has taken"):
            log.append("events", [event("e2")]).result(10)
        assert log.failed == 1


def test_no_server_is_a_clean_refusal():
    from data.log.redis_log import RedisLog

    with pytest.raises(BadInput, match="start redis-server"):
        RedisLog("redis://127.0.0.1:1/0")
