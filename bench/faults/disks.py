"""Disks that are full under what commands write."""

import os
import shutil

import pyarrow.parquet as pq

from bench.empty_bundle import write_empty_bundle
from bench.faults.stage.account import Account, failed, on_disk
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.small_disk import small_disk
from bench.faults.stage.visits import visited
from bench.logs.crash import names_in, torn_bundles, torn_files
from bench.measured import command
from data.bundle import CURRENT, Bundle
from serve.maps.lmdb_store import LmdbStore


def cache_disk_full(scene: FaultScene, account: Account) -> None:
    """The service is started with an empty cache of images on a full disk, which is freed."""
    shutil.rmtree(scene.cache)
    with small_disk(scene.cache, 8) as disk:
        disk.fill()
        with visited(scene, account) as visit:
            account.must(visit.openers.until("live", more=50), "pages were not decided on")
            disk.free()


def maps_disk_full(scene: FaultScene, account: Account) -> None:
    """Precompute on a full disk, over maps that are there, then with room."""
    old = scene.folder / "before"
    scene.maps.rename(old)
    store = LmdbStore(old, readonly=True)
    members = scene.members
    before = store.get_many(members)
    store.close()
    with small_disk(scene.maps, 8) as disk:
        shutil.copytree(old, scene.maps, dirs_exist_ok=True)
        disk.fill()
        ended = scene.precompute("--day", "2030-01-01")
        failed(account, ended)
        store = LmdbStore(scene.maps, readonly=True)
        account.pages = len(members)
        account.without_image = store.get_many(members).count(None)
        store.close()
        disk.free()
        ended = scene.precompute("--day", "2030-01-01")
        account.must(ended.code == 0, f"with room it ended with {ended.code}")
        store = LmdbStore(scene.maps, readonly=True)
        after = store.get_many(members)
        store.close()
    account.must(after != before and None not in after, "the maps are not those of the new day")


def log_of_maps_full(scene: FaultScene, account: Account) -> None:
    """Precompute whose log is on a full disk, then with room."""
    with small_disk(scene.log, 8) as disk:
        disk.fill()
        ended = scene.precompute("--day", "2030-01-01")
        failed(account, ended)
        disk.free()
        ended = scene.precompute("--day", "2030-01-01")
        account.must(ended.code == 0, f"with room it ended with {ended.code}")
        account.look_for(set(), scene.log)
        account.acknowledged = len(scene.members) * len(scene.titles)
        account.lost = account.acknowledged - len(names_in(scene.log / "decisions", "decision_id"))


def bundles_disk_full(scene: FaultScene, account: Account) -> None:
    """A bundle is published to a full disk."""
    elsewhere, live = scene.folder / "elsewhere", scene.bundle.name
    scene.bundles.rename(elsewhere)
    with small_disk(scene.bundles, 24) as disk:
        shutil.copytree(elsewhere, scene.bundles, symlinks=True, dirs_exist_ok=True)
        disk.fill(leave=100_000)
        other = write_empty_bundle(scene.folder / "other", {"context.onnx": os.urandom(1 << 20)})
        words = ["-m", "export", "publish", other, "--store", scene.bundles, "--force"]
        ended = command(words, 60)
        failed(account, ended)
        account.must(Bundle.open(scene.bundles / CURRENT).bundle_id == live, "`current` moved")
        account.must(torn_bundles(scene.bundles, True) == 0, "a bundle is there in part")


def join_on_full_disk(scene: FaultScene, account: Account) -> None:
    """A join that writes to a full disk, over examples that are there."""
    with visited(scene, account) as visit:
        visit.openers.until("live", more=50)
    out = scene.folder / "joined"
    words: list[object] = ["-m", "data", "join", scene.log, "--catalogue", scene.catalogue]
    words += ["--now", "2035-01-01T00:00", "--out", out]
    with small_disk(out, 8) as disk:
        account.must(command(words, 60).code == 0, "the first join failed")
        before = names_in(out, "decision_id")
        disk.fill()
        ended = command([*words, "--rebuild"], 60)
        failed(account, ended)
        account.must(torn_files(out) == 0, "a file of examples is torn")
        account.must(names_in(out, "decision_id") == before, "examples are gone")
        disk.free()
        account.must(command([*words, "--rebuild"], 60).code == 0, "with room it failed")
        account.must(names_in(out, "decision_id") == before, "examples differ afterwards")


def profiles_disk_full(scene: FaultScene, account: Account) -> None:
    """The table of profiles is listed anew on a full disk."""
    with small_disk(scene.folder / "small", 1) as disk:
        table = disk.folder / "profiles.parquet"
        shutil.copy(scene.profiles, table)
        disk.fill()
        words = ["-m", "data", "profiles", scene.examples, "--out", table]
        ended = command(words, 60)
        failed(account, ended)
        whole = pq.read_table(table).equals(pq.read_table(scene.profiles))
        account.must(whole, "the table is not what it was")


BREAKAGES = (
    on_disk(
        "cache's disk full",
        "Pages are decided on from the start: the cache stays empty, with a warning.",
        cache_disk_full,
    ),
    on_disk(
        "maps' disk full",
        "Precompute ends with a word; every map stays readable; with room it makes the new ones.",
        maps_disk_full,
        quick=True,
    ),
    on_disk(
        "disk of precompute's log full",
        "Precompute ends with a word; with room every draw of every map is in the log.",
        log_of_maps_full,
        quick=True,
    ),
    on_disk(
        "bundles' disk full",
        "The live bundle stays live and whole, and no other is there in part.",
        bundles_disk_full,
    ),
    on_disk(
        "join on a full disk",
        "Examples stay as they were, whole, and with room the join is the same.",
        join_on_full_disk,
    ),
    on_disk(
        "profiles' disk full",
        "The table of profiles stays as it was.",
        profiles_disk_full,
        quick=True,
    ),
)
