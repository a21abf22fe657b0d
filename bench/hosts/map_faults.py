"""Maps in Redis, one server or a cluster, of which a key or a node fails."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.hosts.fault import Account, Client, HostFault, each, fails
from bench.hosts.stage.map_cluster import cluster
from bench.optional import why_no_redis
from bench.servers import RedisServer, wait_until
from bench.serving.random_maps import numbered_layout, put_layout, random_maps
from data.errors import BadInput
from serve.maps.current import Current, put_current
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store
from serve.maps.store import MapStore, StoreUnavailableError

MEMBERS = [f"member-{number}" for number in range(200)]
LAYOUT = numbered_layout(20, 6)
TIMEOUT, LATEST = 0.05, 0.3
"""Seconds that a page waits for Redis, and that it may take on a machine that does much else."""
LEAST = 0.97
"""Share of others' pages that stay personalised."""


class OwnPages:
    """OwnPages of a look-up client, and whether they are their members' own."""

    def __init__(self, url: str, account: Account) -> None:
        self.account = account
        self.client = Lookup(open_map_store(url, timeout=TIMEOUT))
        self.titles = LAYOUT.title_ids.astype(np.int64)

    def own(self, members: list[str]) -> float:
        """Share of members' pages that are personalised; those without an image are counted."""
        own = 0
        for member in members:
            before = self.client.counts["personalised"]
            urls = self.client.urls(member, self.titles)
            self.account.pages += 1
            self.account.without_image += not all(urls)
            own += self.client.counts["personalised"] - before == len(self.titles)
        return own / max(1, len(members))

    def well_again(self) -> None:
        """See that everybody's page is their own, within a while."""
        self.account.must(
            wait_until(lambda: self.own(MEMBERS) == 1.0, 20) is not None, "maps are not read again"
        )


def ports_of(client: Client, members: Sequence[str] = MEMBERS) -> dict[str, int]:
    """Member → port of the node that has the map, by a client of the cluster."""
    return {m: client.get_node_from_key(f"marquee:map:{m}").port for m in members}


def filled(url: str) -> MapStore:
    """A store with everybody's map."""
    store = open_map_store(url, timeout=1.0)
    put_layout(store, LAYOUT)
    put_current(store, Current(1, LAYOUT.digest, None))
    store.put_many(MEMBERS, random_maps(LAYOUT, len(MEMBERS), np.random.default_rng(1)))
    return store


@contextmanager
def _single(folder: Path) -> Iterator[tuple[RedisServer, Client, MapStore]]:
    # redis is an optional package
    from redis import Redis

    server = RedisServer(folder, durable=False)
    try:
        with Redis(port=server.port) as client:
            store = filled(server.url)
            yield server, client, store
            store.close()
    finally:
        server.stop(signal.SIGKILL)


def _forbid(client: Client, key: str) -> None:
    allowed = [f"marquee:map:{member}" for member in MEMBERS]
    keys = ["marquee:shared:*", *(name for name in allowed if name != key)]
    client.acl_setuser("default", enabled=True, nopass=True, reset_keys=True, keys=keys)


def _garbage(client: Client, key: str) -> None:
    client.set(key, b"MQ" + bytes(500))


SPOILT = {
    "of another type": lambda client, key: (client.delete(key), client.lpush(key, "x")),
    "of 200 MB": lambda client, key: client.setrange(key, 200 << 20, b"x"),
    "forbidden": _forbid,
    "garbage": _garbage,
}


def spoilt(folder: Path, account: Account, how: str) -> None:
    """One member's key cannot be read; its member asks over and over."""
    with _single(folder) as (server, client, _):
        SPOILT[how](client, f"marquee:map:{MEMBERS[7]}")
        pages = OwnPages(server.url, account)
        shares = []
        for start in range(0, 200, 40):
            pages.own([MEMBERS[7]])
            shares.append(pages.own([m for m in MEMBERS[start : start + 40] if m != MEMBERS[7]]))
        share = account.numbers["others_personalised"] = sum(shares) / len(shares)
        account.must(share >= LEAST, f"of others' pages {share:.3f} were personalised")


def server_fails(folder: Path, account: Account, how: str) -> None:
    """The one server is killed, or stands still; then it is there again."""
    with _single(folder) as (server, _, _):
        pages = OwnPages(server.url, account)
        pages.well_again()
        if how == "killed":
            server.stop(signal.SIGKILL)
        else:
            server.pause()
        pages.own(MEMBERS)
        if how == "killed":
            server.start()
            filled(server.url).close()
        else:
            server.go_on()
        pages.well_again()


def node_fails(folder: Path, account: Account, how: str) -> None:
    """One node of three is killed, or stands still; then it is there again."""
    # redis is an optional package
    from redis.cluster import RedisCluster

    with cluster(folder) as nodes:
        url = f"redis+cluster://127.0.0.1:{nodes[0].port}"
        filled(url).close()
        with RedisCluster("127.0.0.1", nodes[0].port) as client:
            where = ports_of(client)
        lost = nodes[1]
        living = [member for member in MEMBERS if where[member] != lost.port]
        pages = OwnPages(url, account)
        pages.well_again()
        lost.stop(signal.SIGKILL) if how == "killed" else lost.pause()
        shares = []
        for _ in range(5):
            pages.own([m for m in MEMBERS if m not in living])
            shares.append(pages.own(living))
        share = account.numbers["others_personalised"] = sum(shares) / len(shares)
        account.must(share >= LEAST, f"of others' pages {share:.3f} were personalised")
        opened = OwnPages(url, account)  # a look-up that is opened meanwhile
        opened.own(MEMBERS)
        lost.start() if how == "killed" else lost.go_on()
        pages.well_again()
        opened.well_again()


def late(folder: Path, account: Account, kind: str) -> None:
    """Each tenth page is asked for while its server stands still."""
    with cluster(folder) if kind == "cluster" else _alone(folder) as servers:
        scheme = "redis+cluster" if kind == "cluster" else "redis"
        url = f"{scheme}://127.0.0.1:{servers[0].port}"
        filled(url).close()
        pages = OwnPages(url, account)
        pages.well_again()
        shares, worst = [], 0.0
        for start in range(0, 200, 10):
            for server in servers:
                server.pause()
            begun = time.monotonic()
            pages.own(MEMBERS[start : start + 1])
            worst = max(worst, time.monotonic() - begun)
            for server in servers:
                server.go_on()
            shares.append(pages.own(MEMBERS[start + 1 : start + 10]))
        account.numbers["worst_seconds"] = round(worst, 3)
        share = account.numbers["others_personalised"] = sum(shares) / len(shares)
        account.must(share >= LEAST, f"of others' pages {share:.3f} were personalised")
        account.must(worst < LATEST, f"a page took {worst:.2f} s, though it waits {TIMEOUT} s once")


@contextmanager
def _alone(folder: Path) -> Iterator[list[RedisServer]]:
    with _single(folder) as (server, _, _):
        yield [server]


def evicts(folder: Path, account: Account, policy: str) -> None:
    """The server evicts any key, also those that all members share."""
    with _single(folder) as (server, client, _):
        client.config_set("maxmemory-policy", policy)
        with fails(account, BadInput, "volatile-lru"):
            filled(server.url)


def full(folder: Path, account: Account) -> None:
    """The server has no room for maps."""
    with _single(folder) as (server, client, _):
        client.config_set("maxmemory", 1)
        with fails(account, StoreUnavailableError, "maxmemory"):
            filled(server.url)
        account.must(OwnPages(server.url, account).own(MEMBERS) == 1.0, "old maps are not read")


def back(folder: Path, account: Account) -> None:
    """A run with an older catalogue ends last."""
    with _single(folder) as (server, _, store):
        account.must(put_current(store, Current(9, LAYOUT.digest, None)), "refused")
        account.must(not put_current(store, Current(8, b"12345678", None)), "it went back")
        account.must(OwnPages(server.url, account).own(MEMBERS) == 1.0, "pages went back")


def nowhere(_: Path, account: Account) -> None:
    """A look-up is opened where no server is, single and cluster."""
    for url in ("redis://127.0.0.1:1/0", "redis+cluster://127.0.0.1:1"):
        client = Lookup(open_map_store(url), layout=LAYOUT)
        account.pages += 1
        urls = client.urls("m", LAYOUT.title_ids.astype(np.int64))
        account.without_image += not all(urls)


ALONE = "Its own page falls back; of others' pages at least .97 are personalised."
BREAKAGES = (
    *each(list(SPOILT), "a member's key {}", ALONE, spoilt, why_no_redis),
    *each(
        ("killed", "paused"),
        "maps' server {}",
        "Every page has images; then maps are read again.",
        server_fails,
        why_no_redis,
    ),
    *each(
        ("killed", "paused"),
        "a node of the maps' cluster {}",
        "Its members fall back; of others' at least .97 are personalised; back again, all.",
        node_fails,
        why_no_redis,
    ),
    *each(
        ("server", "cluster"),
        "a tenth of the answers late, {}",
        "Late pages alone fall back, each in time; of others' at least .97 are personalised.",
        late,
        why_no_redis,
    ),
    *each(
        ("allkeys-lru", "allkeys-random"),
        "maps' server with {}",
        "Refused by name.",
        evicts,
        why_no_redis,
    ),
    *(
        HostFault(name, promise, act, why_no_redis)
        for name, promise, act in (
            ("maps' server full", "Refused with a word; maps that are there are read.", full),
            ("an older run ends last", "Version, layout and maps never go back.", back),
            ("look-up opened without any server", "It opens, and pages have images.", nowhere),
        )
    ),
)
