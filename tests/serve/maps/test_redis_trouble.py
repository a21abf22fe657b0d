"""One key's trouble costs a page, one node's its members; a look-up raises nothing."""

import os

import numpy as np
import pytest

from bench.hosts.stage import map_cluster
from bench.optional import why_no_redis
from bench.servers import RedisServer, wait_until
from data.errors import BadInput
from serve.maps.command import lookup, show
from serve.maps.current import Current, put_current, read_current
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store
from serve.maps.store import StoreUnavailableError
from tests.serve.maps.test_lookup import Clock, put

if why_no_redis() is None:
    import redis
    from redis.cluster import RedisCluster
elif os.environ.get("CI") != "true":
    pytest.skip(f"{why_no_redis()}: maps in Redis are not tested", allow_module_level=True)
else:
    pytest.fail(f"{why_no_redis()}, and CI must test maps in Redis", pytrace=False)

MEMBERS = [f"member-{i}" for i in range(40)]


@pytest.fixture
def server(tmp_path):
    server = RedisServer(tmp_path, durable=False)
    yield server
    server.go_on()
    server.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nodes")
    with map_cluster.cluster(folder, False, ("--cluster-enabled", "yes")) as nodes:
        yield nodes


def cluster_url(nodes):
    return f"redis+cluster://127.0.0.1:{nodes[0].port}"


def fill(store, layout, version=1):
    store.put_shared("layout:" + layout.digest.hex(), layout.to_bytes())
    best = put(store, layout, "best", layout.starts[:-1], version)
    assert put_current(store, Current(version, layout.digest, best))
    for member in MEMBERS:
        put(store, layout, member, layout.starts[1:] - 1, version)


def personalised(lookup, layout, members=MEMBERS):
    """Members whose pages are theirs; every page has an image for each title."""
    best = [lookup._base_url + layout.paths[start] for start in layout.starts[:-1].tolist()]
    titles = layout.title_ids.astype(np.int64)
    mine = []
    for member in members:
        urls = lookup.urls(member, titles)
        assert all(urls)
        if urls.tolist() != best:
            mine.append(member)
    return mine


def test_a_cluster_keeps_what_one_server_keeps(cluster, layout):
    store = open_map_store(cluster_url(cluster), timeout=1.0)
    fill(store, layout, version=5)
    assert put(store, layout, "late", layout.starts[:-1], 5)
    before = store.get_many([*MEMBERS, "nobody"])
    assert None not in before[:-1]
    assert before[-1] is None
    assert store.get_many(MEMBERS) == [store.get(member) for member in MEMBERS]
    assert store.put_many(MEMBERS, [older(value) for value in before[:-1]]) == 0
    assert not put_current(store, Current(4, b"\1" * 8, None))
    assert set(store.profiles()) >= set(MEMBERS)
    assert personalised(Lookup(store), layout) == MEMBERS
    titles = np.tile(layout.title_ids.astype(np.int64), (len(MEMBERS), 1))
    together = Lookup(store).urls_many(MEMBERS, titles)
    assert together.shape == titles.shape
    store.delete(["late"])
    assert store.get("late") is None
    store.close()


def older(value):
    return value[:16] + (4).to_bytes(8) + value[24:]


def test_a_node_that_stops_costs_its_own_members_alone(cluster, layout):
    url = cluster_url(cluster)
    store = open_map_store(url, timeout=1.0)
    fill(store, layout, version=9)
    with RedisCluster("127.0.0.1", cluster[0].port) as client:
        where = {m: client.get_node_from_key(f"marquee:map:{m}").port for m in MEMBERS}
    shared_at = {cluster[0].port}
    lost = next(node for node in cluster if node.port not in shared_at)
    living = [member for member in MEMBERS if where[member] != lost.port]
    assert 0 < len(living) < len(MEMBERS)
    lookup = Lookup(open_map_store(url, timeout=0.05))
    assert personalised(lookup, layout) == MEMBERS
    lost.pause()
    for _ in range(3):
        assert personalised(lookup, layout) == living
    titles = np.tile(layout.title_ids.astype(np.int64), (len(MEMBERS), 1))
    assert lookup.urls_many(MEMBERS, titles).all()
    assert lookup.reasons["store_timeout"] + lookup.reasons["store_asleep"] >= 3
    lost.go_on()
    assert wait_until(lambda: personalised(lookup, layout) == MEMBERS) is not None
    store.close()


def forbid(client, key):
    allowed = [f"marquee:map:{member}" for member in [*MEMBERS, "best"]]
    allowed = [name for name in allowed if name != key]
    keys = ["marquee:shared:*", *allowed]
    client.acl_setuser("default", enabled=True, nopass=True, reset_keys=True, keys=keys)


SPOILT = {
    "of another type": lambda client, key: client.lpush(key, "x"),
    "far too large": lambda client, key: client.set(key, b"x" * (2 << 20)),
    "forbidden": forbid,
}


@pytest.mark.parametrize("how", SPOILT)
def test_one_key_that_cannot_be_read_costs_one_page(how, server, layout):
    store = open_map_store(server.url, timeout=1.0)
    fill(store, layout)
    with redis.Redis(port=server.port) as client:
        key = f"marquee:map:{MEMBERS[7]}"
        client.delete(key)
        SPOILT[how](client, key)
    lookup = Lookup(store)
    others = [member for member in MEMBERS if member != MEMBERS[7]]
    for _ in range(3):
        assert personalised(lookup, layout) == others
    assert lookup.reasons["map_corrupt"] == 3
    if how != "forbidden":  # and the next run mends it
        put(store, layout, MEMBERS[7], layout.starts[1:] - 1, 2)
        assert personalised(lookup, layout) == MEMBERS
    store.close()


def test_answers_that_are_late_now_and_then_cost_their_own_pages(server, layout):
    store = open_map_store(server.url, timeout=1.0)
    fill(store, layout)
    lookup = Lookup(open_map_store(server.url, timeout=0.05))
    late = 0
    for round_ in range(20):
        server.pause()
        assert personalised(lookup, layout, MEMBERS[:1]) == []
        server.go_on()
        late += 1
        ask = redis.Redis(port=server.port)
        assert ask.ping()
        ask.close()
        mine = personalised(lookup, layout, MEMBERS[1:10])
        assert mine == MEMBERS[1:10], (round_, dict(lookup.reasons))
    assert lookup.reasons["store_timeout"] == late
    store.close()


def test_a_server_that_is_gone_is_asked_once_a_second_and_found_again(server, layout):
    clock = Clock()
    store = open_map_store(server.url, timeout=1.0, clock=clock)
    fill(store, layout)
    lookup = Lookup(store, clock=clock)
    server.stop()
    assert personalised(lookup, layout) == []
    assert lookup.reasons["store_down"] == 1
    assert lookup.reasons["store_asleep"] == len(MEMBERS) - 1
    server.start()
    clock.now += 2.0
    fill(store, layout)
    assert personalised(lookup, layout) == MEMBERS
    store.close()


def test_a_look_up_opens_and_answers_without_any_server(layout):
    lookup = Lookup(open_map_store("redis://127.0.0.1:1/0"), layout=layout)
    assert lookup.urls("m", layout.title_ids.astype(np.int64)).all()
    lookup = Lookup(open_map_store("redis+cluster://127.0.0.1:1"), layout=layout)
    assert lookup.urls("m", layout.title_ids.astype(np.int64)).all()


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random"])
def test_a_server_that_evicts_what_all_share_is_no_place_for_maps(policy, server, layout):
    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory-policy", policy)
    store = open_map_store(server.url, timeout=1.0)
    with pytest.raises(BadInput, match="set volatile-lru"):
        put(store, layout, "m", layout.starts[:-1])
    store.close()


def test_a_server_without_room_refuses_maps_and_says_so(server, layout):
    store = open_map_store(server.url, timeout=1.0)
    fill(store, layout)
    with redis.Redis(port=server.port) as client:
        client.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailableError, match="maxmemory") as refused:
        put(store, layout, "m", layout.starts[:-1])
    assert refused.value.reason == "store_full"
    assert personalised(Lookup(store), layout) == MEMBERS
    store.close()


WRITES = {
    "a map": lambda store: store.put_many(["m"], [b"x"]),
    "what all share": lambda store: store.put_shared("a", b"x"),
    "what all share, newer": lambda store: store.put_newer("a", b"x"),
    "forgetting": lambda store: store.delete(["m"]),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_user_who_may_not_write_is_told_so_and_nothing_is_taken_for_done(what, server):
    with redis.Redis(port=server.port) as client:
        rights = ["+@read", "+ping", "+config|get"]
        client.acl_setuser("reader", True, passwords="+p", keys="*", commands=rights)
    store = open_map_store(f"redis://reader:p@127.0.0.1:{server.port}/0", timeout=1.0)
    with pytest.raises(BadInput, match="does not let its user write"):
        WRITES[what](store)
    store.close()


def test_a_store_that_names_no_titles_shows_none_and_says_why(server, capsys):
    images = lookup("m", store=server.url)
    show(images)
    said = capsys.readouterr()
    assert (images.titles, said.out) == ({}, "")
    assert "no_map" in said.err
    assert "names no titles" in said.err


def test_a_version_never_goes_back_and_one_of_before_is_read(store, layout):
    assert read_current(store) is None
    store.put_shared("layout", layout.digest)
    assert read_current(store) == Current(0, layout.digest, None)
    for version, newer in ((7, True), (6, False), (7, True), (2**40, True), (255, False)):
        assert put_current(store, Current(version, layout.digest, b"best")) is newer
    assert read_current(store) == Current(2**40, layout.digest, b"best")
    store.put_shared("current", b"garbage")
    with pytest.raises(ValueError, match="no version"):
        read_current(store)
    assert Lookup(store, layout=layout).reasons["current_damaged"] == 1
