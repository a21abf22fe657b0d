"""Redis that dies, hangs, forgets or is slow, under maps and under the log."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.faults.stage.account import Account, Breakage, failed
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import OpenedPages, visited
from bench.logs.crash import kill_one, names_in
from bench.servers import RedisServer, wait_until
from serve.maps.lmdb_store import LmdbStore


@contextmanager
def _maps_in_redis(
    scene: FaultScene, account: Account
) -> Iterator[tuple[RedisServer, OpenedPages]]:
    """Pages of a service with maps in Redis that have no time for the model."""
    folder = scene.folder / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    try:
        fill(scene, server.url, account)
        late = ("--deadline-ms", 0)
        with visited(scene, account, store=server.url, options=late, first="deadline") as visit:
            yield server, visit
    finally:
        server.stop(signal.SIGKILL)


def fill(scene: FaultScene, url: str, account: Account, *more: object) -> None:
    """Put a map of everybody into a Redis."""
    ended = scene.precompute("--store", url, *more)
    account.must(ended.code == 0, f"precompute ended with {ended.code}: {ended.complaint[-200:]}")


def _broken(
    scene: FaultScene,
    account: Account,
    reasons: tuple[str, ...],
    damage: Callable[[RedisServer], None],
    mend: Callable[[RedisServer], None],
) -> None:
    with _maps_in_redis(scene, account) as (server, visit):

        def counted() -> int:
            found = visit.service.counted("marquee_fallbacks_total")
            return sum(found[reason] for reason in reasons)

        damage(server)
        account.must(wait_until(lambda: counted() > 0, 10) is not None, f"{reasons} not counted")
        visit.openers.until("deadline", more=50)
        mend(server)

        def quiet() -> bool:
            before = counted()
            visit.openers.until("deadline", more=20)
            return counted() == before

        account.must(wait_until(quiet, 10) is not None, "maps were not read again")


def redis_killed(scene: FaultScene, account: Account) -> None:
    """Redis is killed under late pages, and started again with what it had."""
    _broken(
        scene,
        account,
        ("store_down", "store_timeout"),
        lambda server: server.stop(signal.SIGKILL),
        lambda server: server.start(),
    )


def redis_hangs(scene: FaultScene, account: Account) -> None:
    """Redis is stopped: it takes connections, and never answers; then it goes on."""
    _broken(
        scene,
        account,
        ("store_timeout", "store_down"),
        lambda server: os.kill(server.pid, signal.SIGSTOP),
        lambda server: os.kill(server.pid, signal.SIGCONT),
    )


def redis_slow(scene: FaultScene, account: Account) -> None:
    """Every command of Redis takes half a second, then none does."""
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def slow(server: RedisServer) -> None:
        # redis is an optional package
        from redis import Redis

        def pause() -> None:
            with Redis(port=server.port) as control:
                while not ended.wait(0.05):
                    control.client_pause(500, all=True)

        threads.append(threading.Thread(target=pause, daemon=True))
        threads[0].start()

    def well(_: RedisServer) -> None:
        ended.set()
        threads[0].join()

    _broken(scene, account, ("store_timeout",), slow, well)


def redis_forgets(scene: FaultScene, account: Account) -> None:
    """Redis loses all that it has; precompute fills it again."""

    def forget(server: RedisServer) -> None:
        # redis is an optional package
        from redis import Redis

        with Redis(port=server.port) as control:
            control.flushall()

    with _maps_in_redis(scene, account) as (server, visit):
        forget(server)
        account.must(visit.openers.until("deadline", more=100), "pages were not answered")
        # The same draws have the same ids, and would be in the log again.
        fill(scene, server.url, account, "--log", scene.folder / "again")
        account.must(visit.openers.until("deadline", more=50), "pages were not answered")


def maps_redis_dies(scene: FaultScene, account: Account) -> None:
    """Redis is not there when precompute writes maps to it, then it is."""
    folder = scene.folder / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.stop(signal.SIGKILL)
    ended = scene.precompute("--store", server.url)
    failed(account, ended)
    server.start()
    try:
        fill(scene, server.url, account)
    finally:
        server.stop(signal.SIGKILL)
    before = LmdbStore(scene.maps, readonly=True)
    account.pages = len(scene.members)
    account.without_image = before.get_many(scene.members).count(None)
    before.close()
    account.look_for(set(), scene.log)


def drains_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of four processes that log to Redis and drain it, then one drain to the end."""
    # redis is an optional package
    from data.log.redis_drain import drain
    from data.servers.redis_server import RedisAddress

    folder, promised = scene.folder / "redis", set[str]()
    folder.mkdir()
    server = RedisServer(folder)
    try:
        for number in range(4):
            after = 0.2 + 0.15 * number
            promised.update(kill_one("drain", scene.folder, f"{number}", server.url, after))
        drain(RedisAddress(server.url), scene.log, consumer="drain")
    finally:
        server.stop(signal.SIGKILL)
    _all_there(scene.log, account, promised)


def log_redis_killed(scene: FaultScene, account: Account) -> None:
    """Redis is killed under a process that logs to it, and started again with what it had."""
    # redis is an optional package
    from data.log.redis_drain import drain
    from data.servers.redis_server import RedisAddress

    folder = scene.folder / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    try:
        promised = set(kill_one("drain", scene.folder, "before", server.url, 0.5))
        server.stop(signal.SIGKILL)
        server.start()
        drain(RedisAddress(server.url), scene.log, consumer="drain")
    finally:
        server.stop(signal.SIGKILL)
    _all_there(scene.log, account, promised)


def _all_there(log: Path, account: Account, promised: set[str]) -> None:
    account.must(len(promised) > 0, "nothing was acknowledged")
    found = names_in(log / "decisions", "decision_id")
    account.acknowledged = len(promised)
    account.lost = len(promised - found.keys())


BREAKAGES = tuple(
    Breakage(name, promise, act, redis=True)
    for name, promise, act in (
        (
            "Redis killed",
            "Pages have images, `store_down` is counted; back again, maps are read.",
            redis_killed,
        ),
        (
            "Redis half open",
            "A Redis that takes connections and never answers costs a page one short wait.",
            redis_hangs,
        ),
        (
            "Redis slow",
            "Pages have images, `store_timeout` is counted; fast again, maps are read.",
            redis_slow,
        ),
        (
            "Redis forgets",
            "Pages have images; precompute fills an empty store while they are opened.",
            redis_forgets,
        ),
        (
            "Redis gone under precompute",
            "It ends with a word; the next one does everything.",
            maps_redis_dies,
        ),
        (
            "drains of Redis killed",
            "All that was acknowledged is in the log.",
            drains_killed,
        ),
        (
            "Redis killed under the log",
            "All that was acknowledged is in the log.",
            log_redis_killed,
        ),
    )
)
