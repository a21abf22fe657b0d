"""Log servers, drains and nodes of a cluster of maps killed at random moments, under load."""

import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TypedDict

from bench.faults.stage.account import Account
from bench.hosts.map_faults import LEAST, MEMBERS, OwnPages, filled, ports_of
from bench.hosts.object_store import why_no_object_store
from bench.hosts.stage.map_cluster import cluster
from bench.hosts.store_faults import publishers_killed
from bench.logs.crash import kill_one, names_in
from bench.servers import RedisServer

SHARES = {"drain": 0.45, "log server": 0.2, "node": 0.2, "publisher": 0.15}
"""Of the kills."""


class Kills(TypedDict):
    """What came of them."""

    kills: dict[str, int]
    acknowledged: int
    lost: int
    twice: int
    pages: int
    without_image: int
    others_personalised: float
    """The least share of living nodes' members' pages, of all kills of a node."""
    broken: list[str]
    kept: bool


def killed(kills: int, seed: int) -> Kills:
    """Kill so many, and count what was lost and shown.

    Args:
        kills: in all.
        seed: of the moments.
    """
    counts = {kind: max(1, round(kills * share)) for kind, share in SHARES.items()}
    counts["drain"] = max(1, kills - sum(n for kind, n in counts.items() if kind != "drain"))
    if why_no_object_store():
        counts["drain"] += counts.pop("publisher")
    account, rng = Account(), random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="marquee-kills-") as scratch:
        folder = Path(scratch)
        twice = _log_killed(folder, account, counts, rng)
        share = _nodes_killed(folder, account, counts["node"], rng)
        if "publisher" in counts:
            (folder / "objects").mkdir()
            publishers_killed(folder / "objects", account, counts["publisher"], seed)
    account.must(twice == 0 and share >= LEAST, "twice in the log, or others' pages fell back")
    return {
        "kills": counts,
        "acknowledged": account.acknowledged,
        "lost": account.lost,
        "twice": twice,
        "pages": account.pages,
        "without_image": account.without_image,
        "others_personalised": round(share, 4),
        "broken": account.broken,
        "kept": account.kept,
    }


def _log_killed(folder: Path, account: Account, counts: dict[str, int], rng: random.Random) -> int:
    """Processes that log and drain, and their server, killed in turn; records there twice."""
    # redis is an optional package
    from data.log.redis_drain import drain
    from data.servers.redis_server import RedisAddress

    (folder / "log-server").mkdir()
    server, promised = RedisServer(folder / "log-server"), set[str]()
    what = ["drain"] * counts["drain"] + ["log server"] * counts["log server"]
    rng.shuffle(what)
    try:
        for number, kind in enumerate(what):
            promised.update(kill_one("drain", folder, f"{number}", server.url, rng.uniform(0, 0.5)))
            if kind == "log server":
                server.stop(signal.SIGKILL)
                server.start()
        drain(RedisAddress(server.url), folder / "log", consumer="drain", take_over_ms=0)
    finally:
        server.stop(signal.SIGKILL)
    found: Counter[str] = names_in(folder / "log" / "decisions", "decision_id")
    account.acknowledged += len(promised)
    account.lost += len(promised - found.keys())
    return sum(count - 1 for count in found.values())


def _nodes_killed(folder: Path, account: Account, kills: int, rng: random.Random) -> float:
    """Nodes of a cluster killed under pages; the least share of others' that were their own."""
    # redis is an optional package
    from redis.cluster import RedisCluster

    (folder / "cluster").mkdir()
    least = 1.0
    with cluster(folder / "cluster") as nodes:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        filled(url).close()
        with RedisCluster("127.0.0.1", nodes[0].port) as client:
            where = ports_of(client)
        pages = OwnPages(url, account)
        for _ in range(kills):
            pages.well_again()
            lost = rng.choice(nodes)
            time.sleep(rng.uniform(0, 0.3))
            lost.stop(signal.SIGKILL)
            living = [member for member in MEMBERS if where[member] != lost.port]
            for _ in range(3):
                pages.own([m for m in MEMBERS if where[m] == lost.port][:20])
                least = min(least, pages.own(living))
            lost.start()
            pages.well_again()
    return least
