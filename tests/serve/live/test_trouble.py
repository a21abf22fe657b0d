"""What fails for a while is tried again, and said; pages have their images meanwhile."""

import asyncio
import gc
import itertools
import os
import resource
import subprocess
import sys
import time

import httpx
import pytest
import redis

from bench.servers import RedisServer
from data.errors import BadInput
from data.log import roll
from data.servers.free_port import free_port
from serve.live.command import see_to_log
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from tests.serve.live.test_live import Bundles, page, run, served
from tests.serve.maps.test_lookup import Clock
from tests.serve.world import make_model


def test_a_bundle_that_did_not_load_is_tried_again_ever_less_often(tmp_path):
    clock, tries = Clock(), []

    def load(folder):
        tries.append(clock.now)
        if len(tries) < 12:
            raise OSError("an image is on its way")
        return make_model(folder.name)

    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    source = ModelSource(tmp_path / "current", load, now=clock)
    for _ in range(2000):
        source.look()
        clock.now += 0.5
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert source.model is not None
    assert source.refused == ""
    assert len(tries) == 12, "what is loaded is not loaded again"
    assert pauses[:3] == [1, 2, 4]
    assert max(pauses) == 60


def test_another_bundle_is_tried_at_once(tmp_path):
    clock = Clock()
    bundles = Bundles(tmp_path)
    source = ModelSource(tmp_path / "current", bundles.load, now=clock)
    bundles.publish("bad", "torn")
    assert not source.look()
    bundles.publish("good")
    assert source.look()


def test_what_went_and_came_back_as_it_was_is_no_longer_missed(tmp_path):
    bundles = Bundles(tmp_path)
    source = ModelSource(tmp_path / "current", bundles.load)
    bundles.publish("good")
    assert source.look()
    (tmp_path / "current").rename(tmp_path / "away")
    assert not source.look()
    assert "leads to no bundle" in source.refused
    (tmp_path / "away").rename(tmp_path / "current")
    assert not source.look()
    assert source.refused == ""
    assert source.model is not None


def test_a_log_that_cannot_be_opened_is_said_and_opened_when_it_can(tmp_path):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    place = tmp_path / "log"
    place.write_text("in the way")

    async def check():
        log = DurableLog(place)
        async with served(bundles, log) as (client, _):
            got = (await client.post("/v1/decide", json=page(fresh=True))).json()
            assert (got["reason"], got["logged"]) == ("unlogged", False)
            assert all(decision["url"] for decision in got["decisions"])
            ready = await client.get("/readyz")
            assert (ready.status_code, "cannot be opened" in ready.json()["log"]) == (200, True)
            events = {"events": [{"kind": "play", "profile_id": "a", "title_id": 5}]}
            assert (await client.post("/v1/events", json=events)).status_code == 503
            place.unlink()
            log.look()
            got = (await client.post("/v1/decide", json=page(fresh=True))).json()
            assert (got["reason"], got["logged"]) == (None, True)
            assert (await client.get("/readyz")).json()["log"] == ""
        assert roll(place)["decisions"] == len(got["decisions"])

    run(check())


def test_a_log_whose_server_comes_later_is_a_warning_and_one_that_refuses_is_not(tmp_path, capsys):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    server = RedisServer(tmp_path)
    server.stop()
    see_to_log(server.url)
    assert "pages are marked unlogged" in capsys.readouterr().err

    async def check():
        log = DurableLog(server.url)
        async with served(bundles, log) as (client, _):
            got = (await client.post("/v1/decide", json=page())).json()
            assert (got["reason"], got["logged"]) == ("unlogged", False)
            assert all(decision["url"] for decision in got["decisions"])
            server.start()
            log.look()
            got = (await client.post("/v1/decide", json=page())).json()
            assert (got["reason"], got["logged"]) == (None, True)

    try:
        run(check())
        with redis.Redis(port=server.port) as client:
            client.config_set("requirepass", "x")
        with pytest.raises(BadInput, match="no Redis log"):
            see_to_log(server.url)
    finally:
        server.stop()


def test_what_cannot_be_looked_into_does_not_end_the_looking(tmp_path):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    (tmp_path / "log" / "damaged").mkdir(parents=True)
    (tmp_path / "log" / "damaged" / "odd").symlink_to("n" * 300)

    async def check():
        async with served(bundles, DurableLog(tmp_path / "log"), watch=0.01) as (client, _):
            for name in ("bundle-2", "bundle-3"):  # the first look ends before it fails
                bundles.publish(name)
                until = time.monotonic() + 5
                while (await client.get("/readyz")).json()["bundle"] != name:
                    assert time.monotonic() < until, "nobody looks at `current` any more"
                    await asyncio.sleep(0.01)

    run(check())


def test_links_that_lead_to_themselves_are_no_bundle(tmp_path):
    bundles = Bundles(tmp_path)
    (tmp_path / "current").symlink_to("current")
    source = ModelSource(tmp_path / "current", bundles.load)
    assert not source.look()
    assert "leads to no bundle" in source.refused


def test_events_that_the_disk_refuses_are_asked_for_again(tmp_path):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    event = {"kind": "play", "profile_id": "a", "title_id": 5}

    async def check():
        log = DurableLog(tmp_path / "log")
        async with served(bundles, log) as (client, _):
            # Python leaves the signal alone: a write that would be too long is an OSError.
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
            try:
                got = await client.post("/v1/events", json={"events": [event]})
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limit)
            assert (got.status_code, got.headers["Retry-After"]) == (503, "1")
            taken = 0
            while taken != 200:
                taken = (await client.post("/v1/events", json={"events": [event]})).status_code
                assert taken in (200, 503)
        assert roll(tmp_path / "log")["events"] == 1

    run(check())


def test_a_log_in_redis_that_may_forget_acknowledges_nothing(tmp_path, redis_server, caplog):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    event = {"kind": "play", "profile_id": "a", "title_id": 5}

    async def check():
        with redis.Redis.from_url(redis_server.url) as server:
            server.config_set("appendonly", "yes")
            server.config_set("appendfsync", "always")
            log = DurableLog(redis_server.url)
            async with served(bundles, log) as (client, _):
                statuses, logged, why = [], [], []
                for setting in ("always", "everysec", "always"):
                    server.config_set("appendfsync", setting)
                    got = await client.post("/v1/events", json={"events": [event]})
                    statuses.append(got.status_code)
                    patient = {"X-Deadline-Ms": "60000"}
                    answer = (await client.post("/v1/decide", json=page(), headers=patient)).json()
                    assert all(choice["url"] for choice in answer["decisions"])
                    logged.append(answer["logged"])
                    said = (await client.get("/readyz")).json()["log"]
                    why.append("appendfsync is everysec" in said if said else None)
        assert (statuses, logged) == ([200, 503, 200], [True, False, True])
        assert why == [None, True, None]

    run(check())
    gc.collect()
    assert "never retrieved" not in caplog.text


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("content", [None, b"no store" * 4096])
def test_a_service_whose_store_is_none_ends_with_one_word(tmp_path, workers, content):
    if content is not None:
        (tmp_path / "maps").mkdir()
        (tmp_path / "maps" / "data.mdb").write_bytes(content)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "serve", "live", "--workers", workers, "--port", "0"),
            *("--store", tmp_path / "maps", "--log", tmp_path / "log"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ,
    )
    assert done.returncode == 2
    assert "store at" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_is_counted_is_shown_whatever_the_number_of_workers(tmp_path, workers):
    port = free_port()
    command = [sys.executable, "-m", "serve", "live", "--port", str(port), "--workers", workers]
    for name in ("bundles", "catalogue", "log"):
        command += [f"--{name}", str(tmp_path / name)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    assert client.post("/v1/decide", json=page()).json()["reason"] == "no_model"
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline, "the service did not start"
            shown = client.get("/metrics").text
    finally:
        server.terminate()
        server.wait(40)
    assert 'marquee_fallbacks_total{level="placeholder",reason="no_model"} 1.0' in shown
