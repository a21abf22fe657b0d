from collections.abc import Mapping

import numpy as np
import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from serve.maps.artwork_map import ArtworkMap, Run, encode_maps
from serve.maps.lookup import Lookup
from serve.maps.page_urls import PLACEHOLDER
from tests.serve.world import DAY, make_layout


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def put(store, layout, profile, choices, version=1):
    choices = np.asarray(choices)[None]
    value = encode_maps(
        layout.digest,
        layout.width,
        np.array([version], np.uint64),
        np.zeros(1),
        choices,
        np.zeros(choices.shape, np.uint8),
        [(Run(DAY, 1, 2),)],
    )[0]
    store.put_many([profile], [value])
    return value


def publish(store, layout):
    store.put_shared("layout:" + layout.digest.hex(), layout.to_bytes())
    store.put_shared("layout", layout.digest)


def test_a_page_is_a_read_only_mapping_from_video_id_to_url(store, layout):
    publish(store, layout)
    put(store, layout, "someone", layout.starts[1:] - 1)
    page = Lookup(store, base_url="https://img/").page("someone")
    assert isinstance(page, Mapping)
    assert list(page) == layout.title_ids.tolist()
    for slot, title in enumerate(page):
        assert page[title] == "https://img/" + layout.paths[layout.starts[slot + 1] - 1]
        assert title in page
    assert page[1] == PLACEHOLDER
    assert 1 not in page


def test_each_title_falls_back_on_its_own(store, layout):
    publish(store, layout)
    mine = layout.starts[:-1].copy()
    mine[1] = mine[2] = -1
    best = np.full(len(mine), -1)
    best[1] = layout.starts[1]
    put(store, layout, "someone", mine)
    store.put_shared(
        "unpersonalised",
        ArtworkMap(
            layout.digest, 1, 0, b"abc", best, np.zeros(len(best), np.uint8), (Run(DAY, 0, 0),)
        ).to_bytes(),
    )
    client = Lookup(store)
    ids = layout.title_ids.astype(np.int64)
    urls = client.urls("someone", np.append(ids, 1))
    expected = [layout.paths[ordinal] for ordinal in np.where(mine >= 0, mine, layout.defaults)]
    expected[1] = layout.paths[layout.starts[1]]
    assert urls.tolist() == [*expected, PLACEHOLDER]
    assert client.counts == {
        "personalised": len(ids) - 2,
        "unpersonalised": 1,
        "default": 1,
        "placeholder": 1,
    }


@given(st.data())
def test_arrays_pages_and_mappings_agree(tmp_path_factory, data):
    from serve.maps.lmdb_store import LmdbStore

    layout = make_layout(titles=data.draw(st.integers(1, 30)))
    store = LmdbStore(tmp_path_factory.mktemp("maps"), size=1 << 24)
    publish(store, layout)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    for profile in ("a", "b"):
        choices = layout.starts[:-1] + rng.integers(0, layout.counts)
        put(store, layout, profile, choices)
    known = st.sampled_from(layout.title_ids.tolist())
    ids = np.array(
        data.draw(
            st.lists(
                st.lists(known | st.integers(-5, 2**40), min_size=5, max_size=5),
                min_size=3,
                max_size=3,
            )
        ),
        np.int64,
    )
    client = Lookup(store)
    profiles = data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=3, max_size=3))
    many = client.urls_many(profiles, ids)
    for profile, row, urls in zip(profiles, ids, many, strict=True):
        page = client.page(profile)
        assert urls.tolist() == client.urls(profile, row).tolist() == page.urls(row).tolist()
        assert urls.tolist() == [page[title] for title in row.tolist()]
    store.close()


def test_a_map_from_before_the_catalogue_changed_keeps_what_is_still_shown(store, layout):
    publish(store, layout)
    put(store, layout, "someone", layout.starts[1:] - 1)
    gone = layout.artwork_ids[int(layout.starts[2]) - 1]
    newer = make_layout(drop=(gone,))
    publish(store, newer)
    client = Lookup(store)
    page = client.page("someone")
    assert client.reasons["layout_older"] == 1
    for slot, title in enumerate(newer.title_ids.tolist()):
        last = layout.paths[layout.starts[slot + 1] - 1]
        shown = page[title]
        assert shown == (last if slot != 1 else newer.paths[newer.defaults[1]])


def test_a_corrupt_map_falls_back_and_is_counted(store, layout):
    publish(store, layout)
    value = bytearray(put(store, layout, "someone", layout.starts[1:] - 1))
    value[40] ^= 1
    store.put_many(["someone"], [bytes(value)])
    client = Lookup(store)
    ids = layout.title_ids.astype(np.int64)
    assert client.urls("someone", ids).tolist() == [layout.paths[i] for i in layout.defaults]
    assert client.reasons == {"map_corrupt": 1}
    put(store, layout, "someone", layout.starts[1:] - 1, version=2)
    assert client.page("someone")[int(ids[3])] == layout.paths[layout.starts[4] - 1]


def test_new_shared_values_are_seen_after_the_refresh(lmdb_store, layout):
    clock = Clock()
    client = Lookup(lmdb_store, refresh=10, clock=clock)
    title = int(layout.title_ids[0])
    assert client.page("someone")[title] == PLACEHOLDER
    publish(lmdb_store, layout)
    clock.now += 11
    assert client.page("someone")[title] == layout.paths[layout.defaults[0]]


def test_pages_have_images_while_redis_is_slow_or_gone_and_after_it_is_back(redis_server, layout):
    from serve.maps.redis_nodes import TIMEOUTS
    from serve.maps.redis_store import RedisStore

    clock = Clock()
    store = RedisStore(redis_server.url, timeout=0.05, clock=clock)
    publish(store, layout)
    put(store, layout, "someone", layout.starts[1:] - 1)
    client = Lookup(store, refresh=1e9, clock=clock)
    title = int(layout.title_ids[5])
    mine, default = layout.paths[layout.starts[6] - 1], layout.paths[layout.defaults[5]]
    assert client.page("someone")[title] == mine

    with redis.Redis.from_url(redis_server.url) as control:
        control.client_pause(2000, all=True)
    for _ in range(TIMEOUTS + 1):
        assert client.page("someone")[title] == default
    assert client.reasons == {"store_timeout": TIMEOUTS, "store_asleep": 1}

    redis_server.stop()
    clock.now += 2
    assert client.page("someone")[title] == default
    assert client.reasons["store_down"] + client.reasons["store_timeout"] == TIMEOUTS + 1

    redis_server.start()
    put(store, layout, "someone", layout.starts[1:] - 1)
    clock.now += 2
    assert client.page("someone")[title] == mine


@pytest.mark.parametrize("titles", [1, 7, 300])
def test_every_title_is_found_by_its_remainder(lmdb_store, titles):
    layout = make_layout(titles=titles)
    publish(lmdb_store, layout)
    put(lmdb_store, layout, "someone", layout.starts[1:] - 1)
    client = Lookup(lmdb_store)
    urls = client.urls("someone", layout.title_ids.astype(np.int64))
    assert urls.tolist() == [layout.paths[end - 1] for end in layout.starts[1:]]
    assert client.counts["personalised"] == titles
