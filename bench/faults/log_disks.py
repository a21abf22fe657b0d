"""Disks that are full or read-only under a service and its log."""

import http.client
import uuid
from pathlib import Path

import orjson

from bench.faults.stage.account import Account, failed, on_disk
from bench.faults.stage.live_process import LiveProcess
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.small_disk import small_disk
from bench.faults.stage.visits import JSON, PageOpeners, visited
from bench.logs.crash import names_in, torn_files
from bench.measured import command
from bench.servers import wait_until


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
        with _Started(scene, account) as openers:
            account.must(openers.until("unlogged"), "pages were not marked `unlogged`")
            disk.free()
            account.must(openers.until("live"), "the log was not opened when there was room")


def start_on_read_only_disk(scene: FaultScene, account: Account) -> None:
    """The service is started while the log's disk is read-only, then it can be written."""
    with small_disk(scene.log, 60) as disk:
        disk.read_only(True)
        with _Started(scene, account) as openers:
            account.must(openers.until("unlogged"), "pages were not marked `unlogged`")
            disk.read_only(False)
            account.must(openers.until("live"), "the log was not opened when it could be")


class _Started:
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


BREAKAGES = (
    on_disk(
        "log's disk full",
        "Pages have images, marked `unlogged`; what was acknowledged stays; room is used at once.",
        log_disk_full,
    ),
    on_disk(
        "roll on a full disk",
        "It fails with a word, and the next one moves everything, once.",
        roll_on_full_disk,
    ),
    on_disk(
        "start on a full disk",
        "The service starts, pages have images, and the log is opened when there is room.",
        start_on_full_disk,
    ),
    on_disk(
        "start on a read-only disk",
        "The service starts, pages have images, and the log is opened when it can be written.",
        start_on_read_only_disk,
    ),
    on_disk(
        "temporary disk full",
        "Pages are decided on; what is counted costs no worker.",
        temporary_disk_full,
    ),
)
