"""The scaled log: what a server may forget is not acknowledged, what it holds is drained once."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from bench.optional import why_no_redis
from bench.servers import RedisServer, wait_until
from data.errors import BadInput, NoServerError, Unavailable
from data.log.embedded import EventLog
from data.log.open_log import open_log, open_runs
from data.log.records import encode, packed
from data.log.roll import roll_command, status
from serve.maps.open_store import open_map_store
from tests.data.log.log_rows import decision, event, rolled

if why_no_redis() is None:
    import redis

    from data.log.redis_drain import drain
    from data.log.redis_log import RedisLog, StreamFullError
    from data.servers.redis_server import ForgetfulServerError, RedisAddress, why_forgetful
elif os.environ.get("CI") != "true":
    pytest.skip(f"{why_no_redis()}: the scaled log is not tested", allow_module_level=True)
else:
    pytest.fail(f"{why_no_redis()}, and CI must test the scaled log", pytrace=False)

SOUND = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def client(server):
    with redis.Redis.from_url(server.url) as client:
        yield client
        client.flushall()
        client.config_set("maxmemory", 0)
        for name, value in SOUND.items():
            client.config_set(name, value)


@pytest.fixture
def address(server, client):
    return RedisAddress(server.url)


@pytest.fixture
def log(address):
    with RedisLog(address) as log:
        yield log


def ids(folder, kind="events"):
    return sorted(rolled(folder, kind)[f"{kind[:-1]}_id"].to_pylist())


def test_streams_drain_to_the_same_files_as_the_embedded_log(log, address, tmp_path):
    with EventLog(tmp_path / "embedded") as embedded:
        for each in (log, embedded):
            assert each.write("decisions", [decision("d1")], timeout=10)
            assert each.write("events", [event("e1"), event("e2")], timeout=10)
    roll_command(tmp_path / "embedded")
    moved = drain(address, tmp_path / "scaled")
    assert (moved["decisions"], moved["events"], moved["rejected"]) == (1, 2, 0)
    for kind in ("decisions", "events"):
        assert rolled(tmp_path / "scaled", kind).equals(rolled(tmp_path / "embedded", kind))
    assert drain(address, tmp_path / "scaled")["files"] == 0


@pytest.mark.parametrize("name", SOUND)
def test_a_server_that_would_forget_is_refused_with_the_setting_that_is_wrong(
    name, client, address
):
    wrong = {"appendfsync": "everysec", "maxmemory-policy": "allkeys-lru"}.get(
        name, "no" if SOUND[name] == "yes" else "yes"
    )
    client.config_set(name, wrong)
    with pytest.raises(BadInput, match=f"{name} is {wrong}.*set {name} {SOUND[name]}"):
        RedisLog(address)


@pytest.mark.parametrize("name", ["appendfsync", "maxmemory-policy", "no-appendfsync-on-rewrite"])
def test_a_server_that_is_set_otherwise_later_acknowledges_nothing_more(name, client, log):
    assert log.write("events", [event("e1")], timeout=10)
    client.config_set(
        name, {"appendfsync": "no", "maxmemory-policy": "volatile-lru"}.get(name, "yes")
    )
    with pytest.raises(ForgetfulServerError, match=name):
        log.append("events", [event("e2")]).result(10)
    client.config_set(name, SOUND[name])
    assert log.write("events", [event("e3")], timeout=10)
    assert log.failed == 1


def test_the_servers_that_compose_starts_keep_what_each_is_for(tmp_path):
    services = yaml.safe_load(Path("deploy/compose.yaml").read_text())["services"]
    for name, kept in (("log", True), ("maps", False)):
        folder = tmp_path / name
        folder.mkdir()
        server = RedisServer(folder, durable=False, options=services[name]["command"][1:])
        try:
            address = RedisAddress(server.url)
            if kept:
                with RedisLog(address) as log:
                    assert log.write("events", [event("e1")], timeout=10)
            else:  # a log in the server of maps is refused, and maps are taken
                with pytest.raises(BadInput, match="appendonly is no"):
                    RedisLog(address)
                with closing(open_map_store(server.url, timeout=1.0)) as store:
                    store.put_shared("layout", b"x")
                    assert store.get_shared("layout") == b"x"
        finally:
            server.stop()


@pytest.mark.parametrize("protocol", [2, 3])
def test_how_a_server_is_set_is_read_by_either_protocol(protocol, server, client):
    with RedisLog(RedisAddress.parse(f"{server.url}?protocol={protocol}")) as log:
        assert log.write("events", [event("e1")], timeout=10)
        client.config_set("appendfsync", "no")
        with pytest.raises(ForgetfulServerError, match="appendfsync is no"):
            log.append("events", [event("e2")]).result(10)


def test_a_replica_is_no_place_to_write():
    assert "role is slave" in why_forgetful(SOUND, {"role": "slave"})
    assert why_forgetful(SOUND, {"role": "master"}) is None


def test_a_record_counts_once_a_replica_has_it(server, client, tmp_path):
    host, port = "127.0.0.1", server.port
    replica = RedisServer(tmp_path, options=["--replicaof", host, str(port)])
    try:
        assert wait_until(lambda: client.info("replication")["connected_slaves"] == 1)
        address = RedisAddress.parse(server.url)
        with RedisLog(address) as log:
            assert wait_until(lambda: client.wait(1, 1000) == 1)
            assert log.write("events", [event("e1")], timeout=10)
            replica.pause()
            with pytest.raises(ForgetfulServerError, match="0 of 1 replicas"):
                log.append("events", [event("e2")]).result(20)
            replica.go_on()
            assert wait_until(lambda: client.wait(1, 100) == 1)
            replica.stop()
            # Had it been lost with the replica gone, nobody could tell: so it is not acknowledged.
            with pytest.raises(ForgetfulServerError, match="replicas=0"):
                log.append("events", [event("e3")]).result(20)
        with RedisLog(RedisAddress.parse(f"{server.url}?replicas=0")) as log:
            assert log.write("events", [event("e4")], timeout=10)
    finally:
        replica.stop()


def test_a_full_server_takes_nothing_more_and_can_be_drained(client, log, address, tmp_path):
    assert log.write("events", [event(f"e{i}") for i in range(9000)], timeout=10)
    memory = client.info("memory")
    counted = memory["used_memory"] - memory["mem_not_counted_for_evict"]
    client.config_set("maxmemory", counted - 1000)
    with pytest.raises(redis.RedisError, match="maxmemory"):
        log.append("events", [event("late")]).result(10)
    assert drain(address, tmp_path)["events"] == 9000
    assert len(ids(tmp_path)) == 9000
    assert log.write("events", [event("later")], timeout=10)


def test_a_full_stream_fails_its_tickets(address):
    with RedisLog(address, limit=1) as log:
        assert log.write("events", [event("e1")], timeout=10)
        with pytest.raises(StreamFullError, match="no drain has taken"):
            log.append("events", [event("e2")]).result(10)
        assert log.failed == 1


def test_a_batch_that_a_dead_consumer_wrote_but_never_acknowledged_is_there_once(
    log, client, address, tmp_path
):
    assert log.write("events", [event(f"f{i}") for i in range(5)], timeout=10)
    client.xreadgroup("roll", "dead", {"marquee:events": ">"}, count=100)
    waits = drain(address, tmp_path, take_over_ms=10**9)
    assert (waits["events"], waits["pending"]) == (0, 5)  # it may yet live, and that is said
    assert drain(address, tmp_path, take_over_ms=0)["events"] == 5
    assert ids(tmp_path) == [f"f{i}" for i in range(5)]
    assert client.xlen("marquee:events") == 0


def test_drains_of_one_host_and_process_number_have_batches_of_their_own(
    log, client, address, tmp_path
):
    assert log.write("events", [event("e1")], timeout=10)
    (tmp_path / "no-folder").write_text("")
    with pytest.raises(OSError, match="no-folder"):
        drain(address, tmp_path / "no-folder")
    # As in containers, whose first process is 1 everywhere: it may be writing the batch still.
    waits = drain(address, tmp_path / "log")
    assert (waits["events"], waits["pending"]) == (0, 1)
    assert drain(address, tmp_path / "log", take_over_ms=0)["events"] == 1


def test_a_drain_that_is_done_leaves_no_name_behind(log, client, address, tmp_path):
    for turn in range(3):
        assert log.write("events", [event(f"e{turn}")], timeout=10)
        assert drain(address, tmp_path)["events"] == 1
    assert client.xinfo_consumers("marquee:events", "roll") == []


def test_a_consumer_of_any_name_is_taken_over(log, client, address, tmp_path):
    assert log.write("events", [event("e1")], timeout=10)
    client.xreadgroup("roll", b"\xff\xfe", {"marquee:events": ">"})
    assert drain(address, tmp_path, take_over_ms=0)["events"] == 1


def test_a_batch_that_was_taken_over_and_written_before_its_taker_died_is_there_once(
    log, client, address, tmp_path
):
    for batch, consumer in (("a", "first"), ("b", "second")):
        assert log.write("events", [event(f"{batch}{i}") for i in range(5)], timeout=10)
        client.xreadgroup("roll", consumer, {"marquee:events": ">"}, count=100)
    client.acl_setuser("dies", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-xack"])
    killed = RedisAddress(address.url.replace("//", "//dies:x@"))
    for _ in range(2):
        with pytest.raises(BadInput, match="xack"):
            drain(killed, tmp_path, "third", take_over_ms=0)
    drain(address, tmp_path, "fourth", take_over_ms=0)
    assert ids(tmp_path) == [f"{batch}{i}" for batch in "ab" for i in range(5)]
    assert sum(len(pq.read_table(file)) for file in tmp_path.rglob("*.parquet")) == 10


STRANGE = {
    "no body": {b"other": b"x"},
    "nothing in it": {b"body": b""},
    "garbage": {b"body": b"\x00\x01garbage"},
    "cut zstd": {b"body": packed(b"{" + b" " * 5000 + b"}")[:40]},
    "zstd that says it is 4 GiB": {
        b"body": b"Z\xff\xff\xff\xff" + pa.compress(b"{}", "zstd").to_pybytes()
    },
    "a list": {b"body": b"[]"},
    "cut JSON": {b"body": b'{"event_id": "x'},
}
UNFIT = {
    "columns that are a list": {b"body": b'{"each": [1]}'},
    "columns that are numbers": {b"body": b'{"each": {"event_id": 5}}'},
    "no column": {b"body": b"{}"},
    "columns missing": {b"body": b'{"event_id": "e", "kind": "play"}'},
    "a day that no calendar has": {
        b"body": orjson.dumps(orjson.loads(encode("events", event("e"))) | {"received": 2**62})
    },
    "a number for a name": {b"body": encode("events", event("e")).replace(b'"e"', b"[7]")},
}


@pytest.mark.parametrize("fields", [*STRANGE.values(), *UNFIT.values()], ids=[*STRANGE, *UNFIT])
def test_an_entry_that_is_no_record_is_set_aside_and_in_nobodys_way(
    fields, log, client, address, tmp_path
):
    assert log.write("events", [event("before")], timeout=10)
    client.xadd("marquee:events", fields)
    assert log.write("events", [event("after")], timeout=10)
    moved = roll_command(tmp_path, redis=str(address))
    assert ids(tmp_path) == ["after", "before"]
    assert moved["rejected"] + moved["damaged"] == 1
    assert status(moved) == (3 if moved["damaged"] else 0)
    kept = [*tmp_path.glob("damaged/*.jsonl"), *tmp_path.glob("rejected.jsonl")]
    assert sum(len(file.read_bytes().splitlines()) for file in kept) == 1
    assert client.xlen("marquee:events") == 0


def test_entries_that_somebody_trimmed_are_counted_as_lost(log, client, address, tmp_path):
    assert log.write("events", [event(f"e{i}") for i in range(10)], timeout=10)
    client.xreadgroup("roll", "dead", {"marquee:events": ">"}, count=100)
    client.xtrim("marquee:events", maxlen=4, approximate=False)
    moved = drain(address, tmp_path, take_over_ms=0)
    assert (moved["events"], moved["lost"]) == (4, 6)
    assert status(moved) == 3


def test_what_a_drain_acknowledged_and_did_not_take_out_leaves_with_the_next(
    log, client, address, tmp_path
):
    assert log.write("events", [event("e1")], timeout=10)
    [[_, [(name, _)]]] = client.xreadgroup("roll", "dead", {"marquee:events": ">"})
    client.xack("marquee:events", "roll", name)
    assert drain(address, tmp_path)["events"] == 0
    assert client.xlen("marquee:events") == 0
    assert log.write("events", [event("e2")], timeout=10)
    assert drain(address, tmp_path)["events"] == 1


def test_what_precompute_decided_comes_out_as_a_file_of_its_name(address, tmp_path):
    runs = open_runs(address.url)
    runs.write_run("precompute-1-000000-ab.parquet", b"one")
    runs.write_run("../../escaped.parquet", b"two")
    runs.close()
    moved = drain(address, tmp_path / "log")
    assert (moved["runs"], moved["damaged"]) == (1, 1)
    assert (tmp_path / "log/runs/precompute-1-000000-ab.parquet").read_bytes() == b"one"
    assert not list(tmp_path.rglob("escaped*"))


def test_a_server_that_is_full_takes_no_run_and_says_so(client, address):
    with RedisLog(address, patience=0) as log:
        client.config_set("maxmemory", 1)
        with pytest.raises(Unavailable, match=r"did not take run.parquet.*maxmemory"):
            log.write_run("run.parquet", b"x")


def test_precompute_leaves_pages_half_of_the_server_and_waits_for_a_drain(
    client, address, tmp_path
):
    block = os.urandom(2_000_000)
    room = client.info("memory")["used_memory"] + 3_000_000
    client.config_set("maxmemory", 2 * room)
    with RedisLog(address, patience=0) as log, ThreadPoolExecutor(1) as beside:
        log.write_run("run-1.parquet", block)
        with pytest.raises(Unavailable, match=r"50% full.*for pages"):
            log.write_run("run-2.parquet", block)
        assert log.write("decisions", [decision("d1")], timeout=10)
        log.patience = 60
        later = beside.submit(log.write_run, "run-2.parquet", block)
        assert drain(address, tmp_path)["runs"] >= 1
        later.result(60)
    drain(address, tmp_path)
    assert {file.read_bytes() for file in (tmp_path / "runs").iterdir()} == {block}
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_key_of_another_type_is_a_clean_refusal(client, address, tmp_path):
    client.set("marquee:events", "mine")
    with pytest.raises(BadInput, match="cannot hold a log: WRONGTYPE"):
        RedisLog(address)
    with pytest.raises(BadInput, match="WRONGTYPE"):
        drain(address, tmp_path)


def test_no_server_is_a_clean_refusal_that_keeps_the_password(tmp_path):
    for ask in (open_log, open_runs, lambda url: roll_command(tmp_path, redis=url)):
        with pytest.raises(BadInput, match="start redis-server") as refusal:
            ask("redis://somebody:secret@127.0.0.1:1/0")
        assert "secret" not in str(refusal.value)


def test_a_server_without_tls_is_refused_and_one_that_is_away_may_come(server, monkeypatch):
    monkeypatch.setattr("data.servers.redis_server.PATIENCE", 0.2)
    with pytest.raises(BadInput, match="no Redis log") as refused:
        open_log(server.url.replace("redis://", "rediss://"))
    assert not isinstance(refused.value, NoServerError)
    with pytest.raises(NoServerError, match="no Redis log"):
        open_log("rediss://127.0.0.1:1/0")


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:port/0", "redis://h/0?replicas=many", "redis://h/0?nothing=1"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(BadInput):
        open_log(url)


@pytest.mark.parametrize("place", ["s3://bucket/log", "redis+cluster://h:1", "http://h/x"])
def test_a_url_that_a_log_does_not_know_is_no_folder(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="give a folder, redis"):
        open_log(place)
    assert list(tmp_path.iterdir()) == []
