"""Addresses, passwords and disks that are no good, at the door of each command."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from bench.faults.stage.live_process import LiveProcess
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.small_disk import small_disk, why_no_mount
from bench.hosts.fault import Account, HostFault, each
from bench.hosts.stage.small_product import small_product
from bench.logs.log import DECISION
from bench.measured import ROOT, Ended, command
from bench.optional import why_no_redis
from bench.servers import RedisServer
from data.servers.free_port import free_port

Words = list[object]


def _live(scene: FaultScene, *more: object) -> Words:
    words: Words = ["-m", "serve", "live", "--port", free_port(), "--bundles", scene.bundles]
    words += ["--catalogue", scene.catalogue, "--cache", scene.cache]
    return [*words, "--store", scene.maps, "--log", scene.log, *more]


URLS: dict[str, Callable[[FaultScene, str], Words]] = {
    "live --log": lambda scene, url: _live(scene, "--log", url),
    "live --store": lambda scene, url: _live(scene, "--store", url),
    "live --bundles": lambda scene, url: _live(scene, "--bundles", url),
    "precompute --log": lambda scene, url: [*scene.precompute_words(), "--log", url],
    "precompute --store": lambda scene, url: [*scene.precompute_words(), "--store", url],
    "roll --log": lambda scene, url: ["-m", "data", "roll", "--log", url],
    "roll --redis": lambda scene, url: ["-m", "data", "roll", "--log", scene.log, "--redis", url],
    "join --out": lambda scene, url: ["-m", "data", "join", "--log", scene.drawn, "--out", url],
    "pull --to": lambda scene, url: ["-m", "export", "pull", str(scene.bundles), "--to", url],
}
STRANGE = ("s3:/models/x", "hdfs://nowhere/x", "redis://127.0.0.1:port/0", "redis+cluster://h:x")


def _ends_in_a_sentence(account: Account, ended: Ended, codes: tuple[int, ...], where: str) -> None:
    said = ended.complaint[-200:]
    account.must(ended.code in codes, f"{where} ended with {ended.code}, not {codes}: {said}")
    account.must("Traceback" not in ended.complaint, f"{where} ended with a trace: {said}")
    account.must(not ended.code or "error: " in ended.complaint, f"{where} says nothing: {said}")


def no_such_address(folder: Path, account: Account, option: str) -> None:
    """An option is given URLs that it does not know, or with a port that is no number."""
    with small_product(folder) as scene:
        for url in STRANGE:
            ended = command(URLS[option](scene, url), 30)
            _ends_in_a_sentence(account, ended, (2,), f"{option} {url}")
            made = ROOT / url.partition("/")[0]
            account.must(not made.exists(), f"{option} {url} made a folder of that name")


READ_ONLY: dict[str, Callable[[FaultScene, Path], Words]] = {
    "roll": lambda scene, place: ["-m", "data", "roll", "--log", place / "log"],
    "join": lambda scene, place: _join(scene, place / "examples"),
    "profiles": lambda scene, place: [
        *("-m", "data", "profiles", scene.examples, "--out", place / "profiles.parquet")
    ],
    "precompute's log": lambda scene, place: [
        *(*scene.precompute_words(), "--store", scene.folder / "new", "--log", place / "new")
    ],
    "precompute's maps": lambda scene, place: [
        *(*scene.precompute_words(), "--store", place / "maps")
    ],
    "published bundles": lambda scene, place: [
        *("-m", "export", "publish", scene.bundle, "--store", place / "bundles", "--force")
    ],
    "pulled bundles": lambda scene, place: [
        *("-m", "export", "pull", scene.bundles, "--to", place / "bundles")
    ],
}


def _join(scene: FaultScene, out: Path) -> Words:
    words: Words = ["-m", "data", "join", "--log", scene.drawn, "--catalogue", scene.catalogue]
    return [*words, "--out", out]


def read_only(folder: Path, account: Account, what: str) -> None:
    """A command is to write to a disk that is read-only."""
    with small_product(folder) as scene, small_disk(folder / "disk", 16) as disk:
        scene.precompute("--store", scene.folder / "first", "--log", disk.folder / "log")
        disk.read_only(True)
        try:
            ended = command(READ_ONLY[what](scene, disk.folder), 60)
        finally:
            disk.read_only(False)
        _ends_in_a_sentence(account, ended, (1, 2), what)
        again = command(READ_ONLY[what](scene, disk.folder), 60)
        account.must(again.code in (0, 3), f"then it ended with {again.code}: {again.complaint}")


def read_only_cache(folder: Path, account: Account) -> None:
    """The folder of decoded images is read-only and empty, for a job and for a live host."""
    with small_product(folder) as scene, small_disk(folder / "disk", 16) as disk:
        disk.read_only(True)
        ended = scene.precompute("--store", scene.folder / "new", "--cache", disk.folder / "cache")
        account.must(ended.code == 0, f"precompute ended with {ended.code}: {ended.complaint}")
        account.must("cache" in ended.complaint, "no word of the cache")
        live = LiveProcess(scene, options=("--cache", disk.folder / "cache"))
        try:
            live.wait()
        finally:
            live.kill()


@contextmanager
def _locked_up(folder: Path) -> Iterator[RedisServer]:
    (folder / "redis").mkdir()
    server = RedisServer(folder / "redis")
    # redis is an optional package
    from redis import Redis

    try:
        with Redis(port=server.port) as client:
            client.config_set("requirepass", "secret")
        yield server
    finally:
        server.stop(signal.SIGKILL)


PASSWORDS = {"missing": "redis://", "wrong": "redis://:other@", "TLS": "rediss://:secret@"}


def password(folder: Path, account: Account, how: str) -> None:
    """A server asks for a password that the address has not, or does not speak TLS."""
    with small_product(folder) as scene, _locked_up(folder) as server:
        url = f"{PASSWORDS[how]}127.0.0.1:{server.port}/0"
        for option in ("live --log", "precompute --log", "precompute --store", "roll --redis"):
            ended = command(URLS[option](scene, url), 30)
            _ends_in_a_sentence(account, ended, (1, 2), option)
            account.must("other@" not in ended.complaint, f"{option} says the password")


def drain_just_died(folder: Path, account: Account) -> None:
    """A drain is run at once after another was killed with a batch."""
    # redis is an optional package
    from redis import Redis

    from data.log.redis_log import RedisLog
    from data.servers.redis_server import RedisAddress

    server = RedisServer(folder)
    try:
        with Redis(port=server.port) as client, RedisLog(RedisAddress.parse(server.url)) as log:
            records = [{**DECISION, "decision_id": f"{number:032x}"} for number in range(100)]
            for record in records:
                log.write("decisions", [record], timeout=10)
            client.xreadgroup("roll", "killed", {"marquee:decisions": ">"}, count=60)
        words = ["-m", "data", "roll", "--log", folder / "log", "--redis", server.url, "--json"]
        ended = command(words, 30)
        moved = orjson.loads(ended.output)
        account.must(moved["decisions"] == 40, f"what was free was not moved: {moved}")
        account.must(moved["pending"] == 60, f"what is with another is not said: {moved}")
    finally:
        server.stop(signal.SIGKILL)


BREAKAGES = (
    *each(
        list(URLS),
        "`{}` with an address that it does not know",
        "Refused in a sentence, exit 2; no folder of that name.",
        no_such_address,
        why_no_redis,
    ),
    *each(
        list(PASSWORDS),
        "Redis' password: {}",
        "Each command ends in a sentence that does not say it.",
        password,
        why_no_redis,
    ),
    *each(
        list(READ_ONLY),
        "a read-only disk under {}",
        "A sentence, no trace; run again, it is done.",
        read_only,
        why_no_mount,
    ),
    HostFault(
        "a read-only cache of images",
        "A warning: maps are made and pages decided without it.",
        read_only_cache,
        why_no_mount,
    ),
    HostFault(
        "a drain just killed",
        "The next one moves the rest, and says what is pending.",
        drain_just_died,
        why_no_redis,
    ),
)
