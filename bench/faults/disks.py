"""Disks that are full or read-only, under each thing that is written."""

import http.client
import os
import shutil
import uuid
from pathlib import Path

import orjson
import pyarrow.parquet as pq

from bench.empty_bundle import write_empty_bundle
from bench.faults.account import Account, Breakage, failed
from bench.faults.live_process import LiveProcess
from bench.faults.scene import FaultScene
from bench.faults.small_disk import small_disk
from bench.faults.visits import JSON, PageOpeners, visited
from bench.logs.crash import names_in, torn_bundles, torn_files
from bench.measured import command
from bench.servers import wait_until
from data.bundle import CURRENT, Bundle
from serve.maps.lmdb_store import LmdbStore


class _Events:
    """A player that reports a thousand impressions at a time."""

    def __init__(self, port: int, scene: FaultScene) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.member, self.title = scene.members[0], scene.titles[0]
        self.accepted: set[str] = set()

    def report(self) -> int:
        """The status that they are answered."""
        ids = [uuid.uuid4().hex for _ in range(1000)]
        what = {"kind": "impression", "profile_id": self.member, "title_id": self.title}
        body = orjson.dumps({"events": [{**what, "event_id": each} for each in ids]})
        self.connection.request("POST", "/v1/events", body, JSON)
        answer = self.connection.getresponse()
        answer.read()
        if answer.status == 200:
            self.accepted.update(ids)
        return answer.status

    def until(self, status: int, times: int = 400) -> bool:
        """Report until one is answered so."""
        return any(self.report() == status for _ in range(times))


def _look_for_events(account: Account, accepted: set[str], log: Path) -> None:
    account.acknowledged += len(accepted)
    account.lost += len(accepted - names_in(log / "events", "event_id").keys())


def log_disk_full(scene: FaultScene, account: Account) -> None:
    """The log's disk is filled under load, and freed."""
    with small_disk(scene.log, 100) as disk:
        with visited(scene, account) as visit:
            wait_until(lambda: len(list(scene.log.glob("live/.next-*"))) > 0)
            disk.fill()
            events = _Events(visit.service.port, scene)
            account.must(events.until(503), "a full disk took every event")
            account.must(visit.openers.until("unlogged"), "pages were not marked `unlogged`")
            disk.free()
            account.must(visit.openers.until("live"), "pages were not logged when there was room")
            account.must(events.until(200), "events were not taken when there was room")
        _look_for_events(account, events.accepted, scene.log)


def roll_on_full_disk(scene: FaultScene, account: Account) -> None:
    """A roll on a full disk, then one where there is room."""
    with small_disk(scene.log, 60) as disk:
        with visited(scene, account, count=False) as visit:
            visit.openers.until("live", more=100)
        disk.fill()
        ended = command(["-m", "data", "roll", "--log", scene.log], 60)
        failed(account, ended)
        account.must(torn_files(scene.log) == 0, "a Parquet file is torn")
        disk.free()
        account.look_for(visit.openers.acknowledged, scene.log)


def start_on_full_disk(scene: FaultScene, account: Account) -> None:
    """The service is started while the log's disk has no room, which comes later."""
    with small_disk(scene.log, 60) as disk:
        disk.fill()
        with _started(scene, account) as openers:
            account.must(openers.until("unlogged"), "pages were not marked `unlogged`")
            disk.free()
            account.must(openers.until("live"), "the log was not opened when there was room")


def start_on_read_only_disk(scene: FaultScene, account: Account) -> None:
    """The service is started while the log's disk is read-only, then it can be written."""
    with small_disk(scene.log, 60) as disk:
        disk.read_only(True)
        with _started(scene, account) as openers:
            account.must(openers.until("unlogged"), "pages were not marked `unlogged`")
            disk.read_only(False)
            account.must(openers.until("live"), "the log was not opened when it could be")


class _started:  # noqa: N801 a context, as `visited` is
    """A service that is not yet well, and its pages; what it acknowledged is looked for."""

    def __init__(
        self, scene: FaultScene, account: Account, environment: dict[str, str] | None = None
    ) -> None:
        self.scene, self.account = scene, account
        self.service = LiveProcess(scene, environment=environment)

    def __enter__(self) -> PageOpeners:
        try:
            self.service.wait()
        except RuntimeError:
            self.service.kill()
            raise
        self.openers = PageOpeners(self.service.port, self.scene.titles, self.scene.members)
        return self.openers

    def __exit__(self, *_: object) -> None:
        self.openers.end()
        code = self.service.stop()
        self.account.must(code in (0, -15), f"the service ended with {code}")
        self.account.pages += self.openers.pages
        self.account.without_image += self.openers.without_image
        self.account.numbers["reasons"] = dict(self.openers.reasons)
        self.account.look_for(self.openers.acknowledged, self.scene.log)


def temporary_disk_full(scene: FaultScene, account: Account) -> None:
    """The disk of temporary files is filled under load, where metrics are counted."""
    with small_disk(scene.folder / "temporary", 8) as disk:
        environment = {"TMPDIR": str(disk.folder)}
        with visited(scene, account, workers=2, environment=environment) as visit:
            disk.fill()
            openers = visit.openers
            account.must(openers.until("live", more=100), "pages were not decided")
            for path in ("/nowhere", "/v1/maps/nobody", "/v1/decide", "/metrics", "/docs"):
                visit.service.get(path)  # what was never counted before
            _Events(visit.service.port, scene).report()
            account.must(openers.until("live", more=100), "pages were not decided any more")
        said = visit.service.words_said()
        account.must("died" not in said, f"a worker died: {said[-200:]}")


def cache_disk_full(scene: FaultScene, account: Account) -> None:
    """The service is started with an empty cache of images on a full disk, which is freed."""
    shutil.rmtree(scene.cache)
    with small_disk(scene.cache, 8) as disk:
        disk.fill()
        with visited(scene, account, first="no_model") as visit:
            disk.free()
            account.must(visit.openers.until("live"), "no model was loaded when there was room")


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


def _disk(name: str, promise: str, act: object, quick: bool = False) -> Breakage:
    return Breakage(name, promise, act, quick, mount=True)  # type: ignore[arg-type]


BREAKAGES = (
    _disk(
        "log's disk full",
        "Pages have images, marked `unlogged`; what was acknowledged stays; room is used at once.",
        log_disk_full,
    ),
    _disk(
        "roll on a full disk",
        "It fails with a word, and the next one moves everything, once.",
        roll_on_full_disk,
    ),
    _disk(
        "start on a full disk",
        "The service starts, pages have images, and the log is opened when there is room.",
        start_on_full_disk,
    ),
    _disk(
        "start on a read-only disk",
        "The service starts, pages have images, and the log is opened when it can be written.",
        start_on_read_only_disk,
    ),
    _disk(
        "temporary disk full",
        "Pages are decided on; what is counted costs no worker.",
        temporary_disk_full,
    ),
    _disk(
        "cache's disk full",
        "Pages have images without a model, and a model as soon as there is room.",
        cache_disk_full,
    ),
    _disk(
        "maps' disk full",
        "Precompute ends with a word; every map stays readable; with room it makes the new ones.",
        maps_disk_full,
        quick=True,
    ),
    _disk(
        "disk of precompute's log full",
        "Precompute ends with a word; with room every draw of every map is in the log.",
        log_of_maps_full,
        quick=True,
    ),
    _disk(
        "bundles' disk full",
        "The live bundle stays live and whole, and no other is there in part.",
        bundles_disk_full,
    ),
    _disk(
        "join on a full disk",
        "Examples stay as they were, whole, and with room the join is the same.",
        join_on_full_disk,
    ),
    _disk(
        "profiles' disk full",
        "The table of profiles stays as it was.",
        profiles_disk_full,
        quick=True,
    ),
)
