"""Maps that are damaged under a service and clients that read them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bench.faults.stage.account import Account, Breakage
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import OpenedPages, visited
from bench.servers import wait_until
from serve.maps.current import read_current
from serve.maps.layout import layout_key
from serve.maps.lmdb_store import FILE, LmdbStore
from serve.maps.lookup import Lookup


class _Lookups:
    """A page server's client of the maps."""

    def __init__(self, scene: FaultScene, account: Account) -> None:
        self.account, self.titles = account, np.array(scene.titles)
        self.members = scene.members[:50]
        self.store = LmdbStore(scene.maps)
        self.client = Lookup(self.store)

    def open(self) -> set[str]:
        """A page of each member; the reasons for which they were not personalised."""
        before = dict(self.client.reasons)
        for member in self.members:
            urls = self.client.urls(member, self.titles)
            self.account.pages += 1
            self.account.without_image += len(urls) != len(self.titles) or not all(urls)
        return {name for name, n in self.client.reasons.items() if n > before.get(name, 0)}


@contextmanager
def _late_pages(scene: FaultScene, account: Account) -> Iterator[OpenedPages]:
    """Pages that have no time for the model, so that maps are asked for."""
    with visited(scene, account, options=("--deadline-ms", 0), first="deadline") as visit:
        yield visit


def _counted(visit: OpenedPages, reason: str) -> bool:
    """Whether the service counts a reason, within a while."""
    has = lambda: visit.service.counted("marquee_fallbacks_total")[reason] > 0  # noqa: E731
    return wait_until(has, 10) is not None


def map_corrupt(scene: FaultScene, account: Account) -> None:
    """A bit of every map is flipped in the store, under a look-up client and late pages."""
    look = _Lookups(scene, account)
    account.must(look.open() == set(), "pages were not personalised to begin with")
    with _late_pages(scene, account) as visit:
        store, members = look.store, scene.members
        whole = [each or b"" for each in store.get_many(members)]
        store.put_many(members, [each[:-1] + bytes([each[-1] ^ 1]) for each in whole])
        account.must(_counted(visit, "map_corrupt"), "live did not count it")
        account.must("map_corrupt" in look.open(), "the look-up did not count it")
        store.put_many(members, whole)
        account.must(look.open() == set(), "whole maps were not used again")
    look.store.close()


def layout_corrupt(scene: FaultScene, account: Account) -> None:
    """The layout that maps are read by is changed in the store."""
    store = LmdbStore(scene.maps)
    current = read_current(store)
    assert current is not None
    name = layout_key(current.layout)
    layout = bytearray(store.get_shared(name) or b"")
    layout[-1] ^= 1
    store.put_shared(name, bytes(layout))
    store.close()
    look = _Lookups(scene, account)
    reasons = look.open()
    account.must("layout_damaged" in reasons, f"it was not counted: {sorted(reasons)}")
    look.store.close()


def store_cut_short(scene: FaultScene, account: Account) -> None:
    """The file of maps is cut to half under the service, then put back."""
    file = scene.maps / FILE
    whole = file.read_bytes()
    with _late_pages(scene, account) as visit:
        os.truncate(file, len(whole) // 2 // 4096 * 4096)
        account.must(_counted(visit, "store_damaged"), "live did not count it")
        part = scene.maps / "part"
        part.write_bytes(whole)
        part.rename(file)
        account.must(_well_again(visit), "the store was not opened again")


def _well_again(visit: OpenedPages) -> bool:
    """Whether maps are read without a complaint, within a while."""

    def quiet() -> bool:
        before = visit.service.counted("marquee_fallbacks_total")
        visit.openers.until("deadline", more=20)
        after = visit.service.counted("marquee_fallbacks_total")
        damaged = ("store_damaged", "map_corrupt", "layout_damaged", "store_down")
        return all(after[name] == before[name] for name in damaged)

    return wait_until(quiet, 10) is not None


def store_replaced(scene: FaultScene, account: Account) -> None:
    """The file of maps is replaced with noise under the service, then put back."""
    file = scene.maps / FILE
    whole = file.read_bytes()
    with _late_pages(scene, account) as visit:
        part = scene.maps / "part"
        for content in (os.urandom(len(whole)), whole):
            part.write_bytes(content)
            part.rename(file)
            if content is not whole:
                account.must(_counted(visit, "store_damaged"), "live did not count it")
        account.must(_well_again(visit), "the store was not opened again")


def store_gone(scene: FaultScene, account: Account) -> None:
    """The folder of maps is taken away under the service, then put back."""
    away = scene.folder / "away"
    with _late_pages(scene, account) as visit:
        scene.maps.rename(away)
        account.must(_counted(visit, "store_damaged"), "live did not count it")
        away.rename(scene.maps)
        account.must(_well_again(visit), "the store was not opened again")


BREAKAGES = (
    Breakage(
        "maps corrupt",
        "Pages have images, `map_corrupt` is counted; whole maps are used at once.",
        map_corrupt,
    ),
    Breakage(
        "layout corrupt",
        "No page shows another title's image: all fall back, counted as `layout_damaged`.",
        layout_corrupt,
        quick=True,
    ),
    Breakage(
        "LMDB cut short",
        "The service lives, pages have images; put back, maps are read without a restart.",
        store_cut_short,
    ),
    Breakage(
        "LMDB replaced with noise",
        "The service lives, pages have images; put back, maps are read without a restart.",
        store_replaced,
    ),
    Breakage(
        "LMDB gone",
        "The service lives, pages have images; put back, maps are read without a restart.",
        store_gone,
    ),
)
