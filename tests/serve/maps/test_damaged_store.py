"""Stores that break while they are read: a word for the page, no exception, then well again."""

import os

import numpy as np
import pytest

from data.errors import BadInput
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.maps.map_reader import MapReader
from serve.maps.store import StoreUnavailableError
from tests.serve.maps.test_lookup import Clock, publish, put
from tests.serve.world import DAY

ODD_IDS = ["", "\0unpersonalised", "\0layout", "x" * 501, "x" * 5000, "é" * 300, "\ud800"]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_id_that_no_profile_can_have_has_no_map(store, layout, odd):
    publish(store, layout)
    put(store, layout, "someone", layout.starts[:-1])
    store.put_shared("unpersonalised", put(store, layout, "other", layout.starts[1:] - 1))
    client = Lookup(store)
    ids = layout.title_ids.astype(np.int64)
    assert store.get(odd) is None
    assert store.get_many([odd, "someone"])[0] is None
    assert store.get_many([odd, "someone"])[1] is not None
    fallback = client.page("nobody").urls(ids).tolist()
    assert client.page(odd).urls(ids).tolist() == fallback
    assert client.urls(odd, ids).tolist() == fallback
    assert client.urls_many([odd], ids[None]).tolist() == [fallback]
    assert client.reasons == {"no_map": 4}


def test_a_layout_that_is_not_what_its_name_says_is_not_used(store, layout):
    changed = Layout(
        layout.title_ids, layout.artwork_ids, layout.paths[::-1], layout.starts, layout.defaults
    )
    store.put_shared("layout", layout.digest)
    put(store, layout, "someone", layout.starts[:-1])
    ids = layout.title_ids.astype(np.int64)
    name = "layout:" + layout.digest.hex()
    for raw in (changed.to_bytes(), b"{}", b"not JSON", b'{"title_ids": [1e30]}', b"[]", b""):
        store.put_shared(name, raw)
        client = Lookup(store, layout=None)
        urls = client.urls("someone", ids)
        assert not set(urls) & set(layout.paths), raw
        assert client.reasons["layout_damaged"] > 0
    store.put_shared(name, layout.to_bytes())
    client.refresh()
    first = [layout.paths[at] for at in layout.starts[:-1]]
    assert client.urls("someone", ids).tolist() == first


def test_a_run_that_is_damaged_names_no_draws(store, layout):
    publish(store, layout)
    put(store, layout, "someone", layout.starts[:-1])
    for raw in (b"", b"{", b"[]", b'{"rules": {}, "logged": true}'):
        store.put_shared(f"run:{2:016x}", raw)
        found = MapReader(store, layout).draws("someone", DAY)
        assert found is not None
        assert not found[1].ids


class Broken:
    """A store's file in the hands of an accident."""

    def __init__(self, folder):
        self.file = folder / "data.mdb"
        self.whole = self.file.read_bytes()

    def cut(self, size):
        os.truncate(self.file, size)

    def mend(self):
        self.file.write_bytes(self.whole)

    def replace(self):
        other = self.file.with_name("other")
        other.write_bytes(self.whole)
        other.replace(self.file)

    def remove(self):
        self.file.unlink()


@pytest.fixture
def folder(tmp_path, layout):
    with_maps = LmdbStore(tmp_path / "maps", size=1 << 26)
    publish(with_maps, layout)
    for at in range(300):
        put(with_maps, layout, f"profile-{at}", layout.starts[1:] - 1)
    with_maps.close()
    return tmp_path / "maps"


@pytest.mark.parametrize("mended", ["mend", "replace"])
@pytest.mark.parametrize("size", [0, 5000, 100_000])
def test_a_file_cut_short_under_a_reader_is_left_alone_until_it_is_whole(
    folder, layout, size, mended
):
    clock = Clock()
    client = Lookup(LmdbStore(folder, readonly=True), clock=clock)
    ids = layout.title_ids.astype(np.int64)
    personal = client.urls("profile-7", ids).tolist()
    broken = Broken(folder)
    broken.cut(size)
    clock.now += 1.5
    fallback = client.urls("profile-7", ids).tolist()
    assert fallback != personal
    assert client.page("profile-8").urls(ids).tolist() == fallback
    assert client.reasons["store_damaged"] == 1
    assert client.reasons["store_asleep"] > 0
    clock.now += 1.5
    assert client.urls_many(["profile-7"], ids[None]).tolist() == [fallback]
    getattr(broken, mended)()
    clock.now += 2.5
    client.page("profile-7")
    clock.now += 2.5
    assert client.urls("profile-7", ids).tolist() == personal


def test_a_file_that_was_replaced_is_the_one_that_is_read(folder, layout, tmp_path):
    clock = Clock()
    client = Lookup(LmdbStore(folder, readonly=True), clock=clock)
    newer = LmdbStore(tmp_path / "newer", size=1 << 26)
    publish(newer, layout)
    put(newer, layout, "profile-7", layout.starts[:-1], version=2)
    newer.close()
    (tmp_path / "newer" / "data.mdb").replace(folder / "data.mdb")
    clock.now += 1.5
    ids = layout.title_ids.astype(np.int64)
    first = [layout.paths[at] for at in layout.starts[:-1]]
    assert client.urls("profile-7", ids).tolist() == first


@pytest.mark.parametrize("content", [b"", b"no store" * 4096])
def test_what_is_no_store_is_refused_or_waited_for(folder, layout, content):
    broken = Broken(folder)
    broken.file.write_bytes(content)
    with pytest.raises(BadInput, match=r"cannot be opened|cut short"):
        LmdbStore(folder, readonly=True)
    waiting = LmdbStore(folder, readonly=True, patient=True)
    with pytest.raises(StoreUnavailableError):
        waiting.get("profile-7")
    with pytest.raises(StoreUnavailableError):
        waiting.look()
    broken.replace()
    waiting.look()
    assert waiting.get("profile-7") is not None
    waiting.close()


def test_a_store_that_is_full_says_so_and_keeps_what_it_has(tmp_path, layout):
    small = LmdbStore(tmp_path / "maps", size=1 << 17)
    publish(small, layout)
    value = put(small, layout, "first", layout.starts[:-1])
    names = [f"profile-{at}" for at in range(5000)]
    with pytest.raises(StoreUnavailableError) as full:
        small.put_many(names, [value] * len(names))
    assert full.value.reason == "store_full"
    assert small.get("first") == value
    assert small.get("profile-0") is None
    small.close()
