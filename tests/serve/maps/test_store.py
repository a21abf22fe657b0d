import numpy as np
import pytest

from data.errors import BadInput
from serve.maps.artwork_map import Run, encode_maps
from serve.maps.open_store import open_map_store
from serve.maps.store import StoreUnavailableError
from tests.serve.world import DAY


def a_map(layout, version, choice=0):
    choices = (layout.starts[:-1] + choice)[None]
    return encode_maps(
        layout.digest,
        2,
        np.array([version], np.uint64),
        np.zeros(1),
        choices,
        np.zeros(choices.shape, np.uint8),
        [(Run(DAY, 1, version),)],
    )[0]


def test_maps_come_back_in_the_order_asked_for(store, layout):
    maps = [a_map(layout, version) for version in (1, 2, 3)]
    assert store.put_many(["a", "b", "ç"], maps) == 3
    assert store.get("b") == maps[1]
    assert store.get_many(["ç", "nobody", "a", "a"]) == [maps[2], None, maps[0], maps[0]]
    assert sorted(store.profiles()) == ["a", "b", "ç"]
    store.delete(["a"])
    assert store.get("a") is None


def test_an_older_run_never_overwrites_a_newer_map(store, layout):
    # Versions whose bytes compare differently as text, as signed numbers and little-endian.
    versions = [2**56 + 1, 2**8, 255, 2**40 + 255, 2**56 + 255]
    newest = 0
    for version in versions:
        written = store.put_many(["someone"], [a_map(layout, version)])
        assert written == (version >= newest)
        newest = max(newest, version)
        assert store.get("someone") == a_map(layout, newest)


def test_the_same_run_may_write_again(store, layout):
    assert store.put_many(["someone"], [a_map(layout, 7)]) == 1
    assert store.put_many(["someone"], [a_map(layout, 7)]) == 1


def test_a_corrupt_map_is_replaced(store, layout):
    store.put_many(["someone"], [b"\xff" * 64])
    assert store.put_many(["someone"], [a_map(layout, 1)]) == 1
    assert store.get("someone") == a_map(layout, 1)


def test_shared_values_are_no_profiles(store):
    store.put_shared("layout", b"value")
    assert store.get_shared("layout") == b"value"
    assert store.get_shared("other") is None
    assert store.get("layout") is None
    assert list(store.profiles()) == []


@pytest.mark.parametrize("profile", ["", "x" * 501, "\0a"])
def test_a_profile_id_that_cannot_be_a_key_is_refused(lmdb_store, layout, profile):
    with pytest.raises(ValueError, match="profile_id"):
        lmdb_store.put_many([profile], [a_map(layout, 1)])


def test_maps_in_redis_expire(redis_server, layout):
    import redis

    store = open_map_store(redis_server.url, timeout=1.0)
    store.put_many(["someone"], [a_map(layout, 1)])
    client = redis.Redis.from_url(redis_server.url)
    assert 0 < client.ttl("marquee:map:someone") <= 14 * 86400
    client.close()
    store.close()


def test_a_redis_that_is_not_there_is_said_to_be_down(redis_server):
    redis_server.stop()
    store = open_map_store(redis_server.url)
    with pytest.raises(StoreUnavailableError) as caught:
        store.get("someone")
    assert caught.value.reason == "store_down"


@pytest.mark.parametrize(
    "url", ["memcached://here", "s3://bucket", "redis://h:x/0", "redis+cluster://h:x"]
)
def test_an_unknown_store_is_bad_input(url):
    with pytest.raises(BadInput, match=r"redis://|no address of Redis"):
        open_map_store(url)


def test_reading_a_store_that_was_never_written_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="no store at"):
        open_map_store(str(tmp_path / "nothing"), readonly=True)
