"""Runs of precompute whose store forgets, whose clocks differ, and that end in another order."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq

from bench.faults.stage.scene import FaultScene
from bench.hosts.fault import Account, Client, HostFault, each
from bench.hosts.stage.small_product import small_product
from bench.measured import ROOT
from bench.optional import why_no_redis
from bench.servers import RedisServer, wait_until
from data.clock import VARIABLE, turn
from data.command_line.local_path import is_url
from data.log import roll
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store

RUN = "marquee:shared:run"
SAID = ["decision_id", "profile_id", "title_id", "action", "propensity"]
"""What a reader of a decision relies on."""
BLOCK = ("--block", 1)
"""A member a block: a run lasts a while, and has as many blocks as there are members."""


@contextmanager
def _scene(folder: Path) -> Iterator[tuple[FaultScene, RedisServer, Client]]:
    """A product, and a server of maps that keeps nothing on disk."""
    # redis is an optional package
    from redis import Redis

    (folder / "maps").mkdir()
    server = RedisServer(folder / "maps", durable=False)
    try:
        with small_product(folder) as scene, Redis(port=server.port) as client:
            yield scene, server, client
    finally:
        server.stop(signal.SIGKILL)


def _started(scene: FaultScene, *more: object, **environment: str) -> subprocess.Popen[bytes]:
    """A run of precompute on its way."""
    words = map(str, [sys.executable, *scene.precompute_words(), *more])
    return subprocess.Popen(
        list(words),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )


def _ended(account: Account, run: "subprocess.Popen[bytes]", *codes: int) -> int:
    """See that a run ends with one of some codes, and without a trace."""
    said = run.communicate(timeout=120)[1].decode()
    account.must(run.returncode in codes, f"a run ended with {run.returncode}: {said[-300:]}")
    account.must("Traceback" not in said, f"it ended with a trace: {said[-300:]}")
    return run.returncode


def _own(account: Account, scene: FaultScene, store: str, titles: list[int]) -> float:
    """The share of members' pages of some titles that are personalised, by a new look-up."""
    maps = open_map_store(store, readonly=not is_url(store), timeout=1.0)
    client, own = Lookup(maps), 0
    for member in scene.members:
        urls = client.urls(member, np.array(titles))
        account.pages += 1
        account.without_image += not all(urls)
    own = client.counts["personalised"]
    maps.close()
    return own / (len(scene.members) * len(titles))


def _all_logged(account: Account, scene: FaultScene) -> None:
    """See that the log has as many decisions as maps have, and one word for each.

    A draw made twice is the same decision, and readers count it once: what they read must agree.
    """
    roll(scene.log)
    rows = pq.read_table(scene.log / "decisions", columns=SAID).group_by(SAID).aggregate([])
    names = rows["decision_id"].to_pylist()
    made = len(scene.members) * len(scene.titles)
    account.acknowledged, account.lost = made, max(0, made - len(set(names)))
    differ = len(names) - len(set(names))
    account.must(differ == 0, f"{differ} decisions are in the log in two ways")


def _begun(client: Client, blocks: int) -> Callable[[], bool]:
    def so() -> bool:
        raw = client.get(RUN)
        return raw is not None and orjson.loads(raw[24:])["done"] >= blocks

    return so


def _emptied(server: RedisServer, client: Client) -> None:
    client.flushall()


def _restarted(server: RedisServer, client: Client) -> None:
    server.stop(signal.SIGKILL)
    server.start()


FORGETS = {"emptied": _emptied, "restarted with nothing": _restarted}


def forgets(folder: Path, account: Account, how: str) -> None:
    """The server of maps loses all between two blocks of a run."""
    with _scene(folder) as (scene, server, client):
        run = _started(scene, "--store", server.url, *BLOCK)
        account.must(wait_until(_begun(client, 3), 60) is not None, "the run did not begin")
        run.send_signal(signal.SIGSTOP)
        account.must(not _begun(client, len(scene.members))(), "the run was over too soon")
        FORGETS[how](server, client)
        run.send_signal(signal.SIGCONT)
        if _ended(account, run, 0, 1):  # it met the server while that was away: it is run again
            _ended(account, _started(scene, "--store", server.url, *BLOCK), 0)
        share = _own(account, scene, server.url, scene.titles)
        account.must(share == 1.0, f"of all pages {share:.3f} are personalised")
        _all_logged(account, scene)


def ends_last(folder: Path, account: Account, kind: str) -> None:
    """A run begun with an older catalogue stands still, a newer one is run, the older goes on."""
    with _scene(folder) as (scene, server, client):
        store = server.url if kind == "Redis" else str(scene.folder / "two-runs")
        newer = _newer_catalogue(scene)
        older = _started(scene, "--store", store, *BLOCK)
        maps = None if kind == "Redis" else Path(store)
        begun = _begun(client, 2) if maps is None else lambda: _has_maps(maps)
        account.must(wait_until(begun, 60) is not None, "the older run did not begin")
        older.send_signal(signal.SIGSTOP)
        over = (
            _begun(client, len(scene.members))
            if maps is None
            else lambda: _has_maps(maps, len(scene.members))
        )
        account.must(not over(), "the older run was over too soon")
        _ended(account, _started(scene, "--store", store, "--catalogue", newer), 0)
        titles = pq.read_table(newer / "titles.parquet")["title_id"].to_pylist()
        before = _own(account, scene, store, titles)
        older.send_signal(signal.SIGCONT)
        _ended(account, older, 0, 1)
        after = _own(account, scene, store, titles)
        account.must(before == 1.0, f"after the newer run {before:.3f} are personalised")
        account.must(after == 1.0, f"after the older one ended {after:.3f} are personalised")


def _has_maps(store: Path, blocks: int = 2) -> bool:
    if not (store / "data.mdb").is_file():
        return False
    maps = open_map_store(str(store), readonly=True, patient=True)
    raw = maps.get_shared("run")
    maps.close()
    return raw is not None and orjson.loads(raw[24:])["done"] >= blocks


def _newer_catalogue(scene: FaultScene) -> Path:
    """The whole catalogue, of which the scene's own is left with a title less."""
    newer = scene.folder / "newer"
    shutil.copytree(scene.catalogue, newer)
    gone = scene.titles[0]
    for name in ("titles", "artworks"):
        file = scene.catalogue / f"{name}.parquet"
        table = pq.read_table(file)
        kept = [title != gone for title in table["title_id"].to_pylist()]
        pq.write_table(table.filter(kept), file)
    return newer


def clock_ahead(folder: Path, account: Account) -> None:
    """A host an hour ahead makes maps, the record of its run is lost, and another host runs."""
    with _scene(folder) as (scene, server, client):
        clock = scene.folder / "clock"
        turn(clock, int((time.time() + 3600) * 1e6))
        ahead = _started(scene, "--store", server.url, **{VARIABLE: str(clock)})
        _ended(account, ahead, 0)
        client.delete(RUN)
        before = {m: client.get(f"marquee:map:{m}") for m in scene.members}
        ended = scene.precompute("--store", server.url, "--json")
        account.must(ended.code == 0, f"it ended with {ended.code}: {ended.complaint[-200:]}")
        report = orjson.loads(ended.output) if not ended.code else {}
        account.must(report.get("refused") == 0, f"maps were refused: {report}")
        account.must(
            report.get("decisions", 0) == 0
            or all(client.get(f"marquee:map:{m}") != old for m, old in before.items()),
            "decisions were logged that no map holds",
        )
        account.must(_own(account, scene, server.url, scene.titles) == 1.0, "pages fell back")


BREAKAGES = (
    *each(
        list(FORGETS),
        "maps' server {} in the middle of a run",
        "Everybody has a map in the end, and the log says one thing of each decision.",
        forgets,
        why_no_redis,
    ),
    *each(
        ("Redis", "LMDB"),
        "a run with an older catalogue ends last, {}",
        "Pages stay in the newer catalogue, all personalised.",
        ends_last,
        why_no_redis,
    ),
    HostFault(
        "a host an hour ahead, its record lost",
        "The next run's maps are taken: 0 refused, none logged that no map holds.",
        clock_ahead,
        why_no_redis,
    ),
)
