"""Maps, bundles, caches, catalogues that are damaged under a service that reads them."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq

from bench.faults.account import Account, Breakage
from bench.faults.damage import cut, flip
from bench.faults.scene import FaultScene
from bench.faults.visits import Visit, visited
from bench.servers import wait_until
from data.bundle import CURRENT
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
def _late_pages(scene: FaultScene, account: Account) -> Iterator[Visit]:
    """Pages that have no time for the model, so that maps are asked for."""
    with visited(scene, account, options=("--deadline-ms", 0), first="deadline") as visit:
        yield visit


def _counted(visit: Visit, reason: str) -> bool:
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
    digest = store.get_shared("layout")
    name = "layout:" + (digest or b"").hex()
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


def _well_again(visit: Visit) -> bool:
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


def _refused_and_mended(
    scene: FaultScene, account: Account, damage: Callable[[], None], mend: Callable[[], None]
) -> None:
    """Damage what a model is loaded from, see the old one stay, mend it, see a new one loaded."""
    with visited(scene, account) as visit:
        service = visit.service

        def loads(outcome: str) -> int:
            return service.counted("marquee_bundle_reloads_total")[outcome]

        before = loads("loaded")
        damage()
        seen = wait_until(lambda: loads("refused") + loads("no_current") > 0, 10)
        account.must(seen is not None, "it was not counted as refused")
        state = service.ready() or {}
        account.must(bool(state.get("refused")), "`/readyz` does not say it")
        account.numbers["refused"] = str(state.get("refused"))[:200]
        account.must(visit.openers.until("live", more=30), "the old model was not kept")
        mend()
        back = wait_until(lambda: not (service.ready() or {"refused": "?"})["refused"], 20)
        account.must(back is not None, "what was mended was not taken")
        account.must(loads("loaded") >= before, "the model was lost")
        fallbacks = visit.openers.pages - visit.openers.reasons["live"]
        account.must(fallbacks == 0, f"{fallbacks} pages were not decided live")


def _next_bundle(scene: FaultScene, damage: Callable[[Path], None]) -> Callable[[], None]:
    """What swaps a damaged copy of the bundle in."""

    def swap() -> None:
        other = scene.bundles / f"{scene.bundle.name}x"
        shutil.copytree(scene.bundle, other)
        damage(other)
        point(scene, other.name)

    return swap


def point(scene: FaultScene, name: str) -> None:
    """Move `current`."""
    link = scene.bundles / ".next"
    link.symlink_to(name)
    link.rename(scene.bundles / CURRENT)


def bundle_cut_short(scene: FaultScene, account: Account) -> None:
    """A bundle with a graph cut to half becomes `current`, then the old one again."""
    name = scene.bundle.name
    swap = _next_bundle(scene, lambda folder: cut(folder / "context.onnx"))
    _refused_and_mended(scene, account, swap, lambda: point(scene, name))


def bundle_corrupt(scene: FaultScene, account: Account) -> None:
    """A bundle with one bit of each file flipped becomes `current`, then the old one again."""
    name = scene.bundle.name

    def damage(folder: Path) -> None:
        for file in folder.iterdir():
            if file.name != "manifest.json":
                flip(file)

    _refused_and_mended(scene, account, _next_bundle(scene, damage), lambda: point(scene, name))


def manifest_changed(scene: FaultScene, account: Account) -> None:
    """A bundle whose manifest was edited to explore nothing becomes `current`."""
    name = scene.bundle.name

    def damage(folder: Path) -> None:
        manifest = orjson.loads((folder / "manifest.json").read_bytes())
        manifest["policy"]["epsilon"] = 1.5
        (folder / "manifest.json").write_bytes(orjson.dumps(manifest))

    _refused_and_mended(scene, account, _next_bundle(scene, damage), lambda: point(scene, name))


def current_gone(scene: FaultScene, account: Account) -> None:
    """`current` is taken away, and put back."""
    name = scene.bundle.name
    gone = (scene.bundles / CURRENT).unlink
    _refused_and_mended(scene, account, gone, lambda: point(scene, name))


def titles_damaged(scene: FaultScene, account: Account) -> None:
    """The table of titles is cut to half under the service, and put back."""
    file = scene.catalogue / "titles.parquet"
    whole = file.read_bytes()
    _refused_and_mended(scene, account, lambda: cut(file), lambda: _write(file, whole))


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def schema_changed(scene: FaultScene, account: Account) -> None:
    """A column of the table of artworks is taken away, and another has text for ids; put back."""
    file = scene.catalogue / "artworks.parquet"
    whole, table = file.read_bytes(), pq.read_table(file)

    def damage() -> None:
        ids = [f"number {each}" for each in table["title_id"].to_pylist()]
        pq.write_table(
            table.drop_columns(["title_id", "path"]).append_column("title_id", [ids]), file
        )

    _refused_and_mended(scene, account, damage, lambda: _write(file, whole))


def cache_damaged(scene: FaultScene, account: Account) -> None:
    """Every file of the cache of images is cut to half, and one is noise, before the start."""
    for number, file in enumerate(sorted(f for f in scene.cache.rglob("*") if f.is_file())):
        cut(file)
        if number == 0:
            file.write_bytes(os.urandom(1000))
    with visited(scene, account) as visit:
        account.must(visit.openers.until("live", more=20), "no page was decided")
    state = visit.openers.reasons
    account.must(set(state) == {"live"}, f"pages fell back: {dict(state)}")


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
    Breakage(
        "bundle cut short",
        "It is refused by name and the old one decides every page.",
        bundle_cut_short,
    ),
    Breakage(
        "bundle corrupt",
        "It is refused by name and the old one decides every page.",
        bundle_corrupt,
    ),
    Breakage(
        "manifest changed",
        "It is refused by name and the old one decides every page.",
        manifest_changed,
    ),
    Breakage(
        "`current` gone",
        "The model in use decides every page.",
        current_gone,
    ),
    Breakage(
        "titles damaged under the service",
        "The model in use decides every page; mended, the table is taken without a restart.",
        titles_damaged,
    ),
    Breakage(
        "schema changed under the service",
        "The model in use decides every page; mended, the table is taken without a restart.",
        schema_changed,
    ),
    Breakage(
        "cache damaged",
        "Images are decoded anew: every page is decided.",
        cache_damaged,
    ),
)
