"""A log over Redis whose server forgets, fills, dies or is written to by others."""

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.hosts.fault import Account, Client, HostFault, each, fails
from bench.logs.crash import names_in
from bench.logs.log import DECISION
from bench.optional import why_no_redis
from bench.servers import RedisServer, wait_until
from data.errors import BadInput
from data.log import BufferedLog

FORGETFUL = {
    "appendonly no": "yes",
    "appendfsync everysec": "always",
    "no-appendfsync-on-rewrite yes": "no",
    "maxmemory-policy allkeys-lru": "noeviction",
    "maxmemory-policy allkeys-random": "noeviction",
    "maxmemory-policy volatile-ttl": "noeviction",
}
POISON = {
    "no body": {b"other": b"x"},
    "empty": {b"body": b""},
    "garbage": {b"body": b"\0\1garbage"},
    "a list": {b"body": b"[]"},
    "cut JSON": {b"body": b'{"decision_id": "x'},
    "no columns": {b"body": b"{}"},
    "columns that are a list": {b"body": b'{"each": [1]}'},
}


@contextmanager
def _server(folder: Path) -> Iterator[tuple[RedisServer, Client, Client]]:
    """A durable server, a client of it, and its address as a log."""
    # redis is an optional package
    from redis import Redis

    from data.servers.redis_server import RedisAddress

    server = RedisServer(folder)
    try:
        with Redis(port=server.port) as client:
            yield server, client, RedisAddress.parse(server.url)
    finally:
        server.stop(signal.SIGKILL)


def _append(log: BufferedLog, tag: str, count: int, promised: set[str]) -> None:
    """Append records, and note which were acknowledged."""
    names = [f"{tag}-{number}" for number in range(count)]
    ticket = log.append("decisions", [{**DECISION, "decision_id": name} for name in names])
    if ticket is not None and ticket.exception(20) is None:
        promised.update(names)


def _all_there(account: Account, log_dir: Path, promised: set[str]) -> None:
    found = names_in(log_dir / "decisions", "decision_id")
    account.must(len(promised) > 0, "nothing was acknowledged")
    account.acknowledged, account.lost = len(promised), len(promised - found.keys())
    account.must(sum(n - 1 for n in found.values()) == 0, "records are there twice")


def forgetful(folder: Path, account: Account, setting: str) -> None:
    """The server is set so that it may forget: when the log is opened, and under an open log."""
    # redis is an optional package
    from data.log.redis_log import RedisLog

    name, _, wrong = setting.partition(" ")
    promised = set[str]()
    with _server(folder) as (_, client, address):
        client.config_set(name, wrong)
        with fails(account, BadInput, name), RedisLog(address):
            pass
        client.config_set(name, FORGETFUL[setting])
        with RedisLog(address) as log:
            _append(log, "before", 100, promised)
            client.config_set(name, wrong)
            before = len(promised)
            _append(log, "wrong", 100, promised)
            account.must(len(promised) == before, "it acknowledged what may be forgotten")
            client.config_set(name, FORGETFUL[setting])
            _append(log, "after", 100, promised)
            account.must(len(promised) > before, "it takes nothing any more")
        _drained(account, address, folder, promised)


def _drained(account: Account, address: Client, folder: Path, promised: set[str]) -> None:
    # redis is an optional package
    from data.log.redis_drain import drain

    drain(address, folder / "log", "one", take_over_ms=0)
    _all_there(account, folder / "log", promised)


def poisoned(folder: Path, account: Account, kind: str) -> None:
    """An entry that is no record lies among good ones."""
    # redis is an optional package
    from data.log.redis_drain import drain
    from data.log.redis_log import RedisLog

    promised = set[str]()
    with _server(folder) as (_, client, address), RedisLog(address) as log:
        _append(log, "before", 50, promised)
        client.xadd("marquee:decisions", POISON[kind])
        _append(log, "after", 50, promised)
        moved = drain(address, folder / "log", "one")
        account.must(moved["rejected"] + moved["damaged"] == 1, f"not counted: {moved}")
        account.must(client.xlen("marquee:decisions") == 0, "it is still in the way")
        _all_there(account, folder / "log", promised)


def full(folder: Path, account: Account) -> None:
    """The server has no memory left."""
    # redis is an optional package
    from data.log.redis_log import RedisLog

    promised = set[str]()
    with _server(folder) as (_, client, address), RedisLog(address) as log:
        _append(log, "before", 9000, promised)
        memory = client.info("memory")
        counted = memory["used_memory"] - memory["mem_not_counted_for_evict"]
        client.config_set("maxmemory", counted - 1000)
        _append(log, "full", 100, promised)
        account.must(len(promised) == 9000, "a full server acknowledged")
        _drained(account, address, folder, promised)
        _append(log, "later", 100, promised)
        account.must(len(promised) == 9100, "a drained server takes nothing")
        _drained(account, address, folder, promised)


def killed(folder: Path, account: Account) -> None:
    """The server is killed five times under appends, and started again with what it had."""
    # redis is an optional package
    from data.log.redis_log import RedisLog

    promised, ended = set[str](), threading.Event()

    def write(log: BufferedLog) -> None:
        number = 0
        while not ended.is_set():
            _append(log, f"{number}", 20, promised)
            number += 1

    with _server(folder) as (server, _, address):
        with RedisLog(address) as log:
            writer = threading.Thread(target=write, args=(log,), daemon=True)
            writer.start()
            for _ in range(5):
                before = len(promised)
                wait_until(lambda least=before: len(promised) > least + 100, 15)
                server.stop(signal.SIGKILL)
                server.start()
            ended.set()
            writer.join()
        _drained(account, address, folder, promised)


def replica_behind(folder: Path, account: Account) -> None:
    """The replica stands still, the primary dies, and the replica takes its place."""
    # redis is an optional package
    from redis import Redis

    from data.log.redis_log import RedisLog
    from data.servers.redis_server import RedisAddress

    promised = set[str]()
    (folder / "replica").mkdir()
    with _server(folder) as (server, client, address):
        options = ["--replicaof", "127.0.0.1", str(server.port)]
        replica = RedisServer(folder / "replica", options=options)
        try:
            wait_until(lambda: client.info("replication")["connected_slaves"] == 1)
            with RedisLog(address) as log:
                wait_until(lambda: client.wait(1, 1000) == 1)
                _append(log, "before", 500, promised)
                replica.pause()
                _append(log, "behind", 500, promised)
                account.must(len(promised) == 500, "what one server alone has was acknowledged")
                server.stop(signal.SIGKILL)
                replica.go_on()
            with Redis(port=replica.port) as promoted:
                promoted.replicaof("NO", "ONE")
            _drained(account, RedisAddress.parse(replica.url), folder, promised)
        finally:
            replica.stop(signal.SIGKILL)


def no_place_to_write(folder: Path, account: Account) -> None:
    """The address is a replica's."""
    # redis is an optional package
    from data.log.redis_log import RedisLog

    with _server(folder) as (_, client, address):
        client.replicaof("127.0.0.1", 1)
        with fails(account, BadInput, "role is slave"), RedisLog(address):
            pass


def trimmed(folder: Path, account: Account) -> None:
    """Somebody trims the stream under a drain that died."""
    # redis is an optional package
    from data.log.redis_drain import drain
    from data.log.redis_log import RedisLog

    with _server(folder) as (_, client, address), RedisLog(address) as log:
        for number in range(10):
            _append(log, f"{number}", 1, set())
        client.xreadgroup("roll", "dead", {"marquee:decisions": ">"}, count=100)
        client.xtrim("marquee:decisions", maxlen=4, approximate=False)
        moved = drain(address, folder / "log", "one", take_over_ms=0)
        account.must((moved["decisions"], moved["lost"]) == (4, 6), f"not counted: {moved}")


def drain_died(folder: Path, account: Account) -> None:
    """A drain took batches and died; two others take them over at once."""
    # redis is an optional package
    from data.log.redis_drain import drain
    from data.log.redis_log import RedisLog

    promised = set[str]()
    with _server(folder) as (_, client, address), RedisLog(address) as log:
        for number in range(4):
            _append(log, f"{number}", 500, promised)
            client.xreadgroup("roll", f"dead-{number}", {"marquee:decisions": ">"}, count=5000)
        with ThreadPoolExecutor(2) as both:
            done = [both.submit(drain, address, folder / "log", name, 0) for name in ("one", "two")]
        for drained in done:
            drained.result()
        moved = drain(address, folder / "log", "three", take_over_ms=10**9)
        account.must(moved["pending"] == 0, f"something is pending: {moved}")
        _all_there(account, folder / "log", promised)


def other_type(folder: Path, account: Account) -> None:
    """A key of another type lies where the stream would."""
    # redis is an optional package
    from data.log.redis_log import RedisLog

    with _server(folder) as (_, client, address):
        client.set("marquee:decisions", "x")
        with fails(account, BadInput, "cannot hold a log"), RedisLog(address):
            pass


BREAKAGES = (
    *each(
        list(FORGETFUL),
        "log's server with {}",
        "It is refused, and an open log acknowledges nothing until it is set right: 0 lost.",
        forgetful,
        why_no_redis,
    ),
    *each(
        list(POISON),
        "an entry that is no record: {}",
        "It is set aside and counted; all others are in the log once.",
        poisoned,
        why_no_redis,
    ),
    *(
        HostFault(name, promise, act, why_no_redis)
        for name, promise, act in (
            (
                "log's server full",
                "Refused, not acknowledged; a drain empties it, and it goes on.",
                full,
            ),
            ("log's server killed five times", "0 acknowledged lost, 0 twice.", killed),
            ("log's replica behind, then promoted", "0 acknowledged lost.", replica_behind),
            ("log on a replica", "Refused by name.", no_place_to_write),
            ("stream trimmed", "What is gone is counted as lost, exit 3.", trimmed),
            ("drain died, two take over", "0 lost, 0 twice, nothing pending.", drain_died),
            ("stream's key of another type", "Refused in a sentence.", other_type),
        )
    ),
)
