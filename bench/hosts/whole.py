"""Several hosts as deploy/ has them, all at once: brought up, published to, broken, drained."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import orjson

from bench.faults.models import point
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import PageOpeners
from bench.hosts.fault import Account, HostFault
from bench.hosts.map_faults import LEAST, TIMEOUT, ports_of
from bench.hosts.object_store import why_no_object_store
from bench.hosts.stage.deployment import HOSTS, Deployment, deployment, end, ports
from bench.hosts.stage.small_product import small_product
from bench.logs.crash import names_in
from bench.optional import why_no_package, why_no_redis
from bench.servers import wait_until
from data.bundle import MANIFEST, Bundle
from export.graphs.manifest import seal
from export.publish.staging import staging
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store

SOON = 35.0
"""Seconds within which a bundle is live on every host."""
LIVE = ("live", "live-2")
ILL = ("failing", "dropping", "cutting")


def all_hosts(folder: Path, account: Account) -> None:
    """Two live hosts, a look-up host, a cluster of maps, a log, an object store, a nightly job."""
    with small_product(folder) as scene, deployment(scene, folder) as there:
        _job(there, "publish")
        with _served(there) as at:
            _see_live(at, scene.bundle.name)
            began = time.monotonic()
            _job(there, "nightly", *_without_spark(there))
            account.numbers["nightly_seconds"] = round(time.monotonic() - began, 1)
            visits = {name: PageOpeners(at[name], scene.titles, scene.members, 1) for name in at}
            try:
                _publish_through_failures(account, there, at, scene)
                _lose_a_node(account, there, scene)
                _lose_the_log(account, there, visits)
            finally:
                for visit in visits.values():
                    visit.end()
        _count(account, there, visits)


def _without_spark(there: Deployment) -> tuple[str, ...]:
    """What lets the nightly job run where there is no Spark: the last word counts."""
    lacks = why_no_package("pyspark") or not shutil.which("java")
    return ("--engine", "local") if lacks else ()


def _job(there: Deployment, job: str, *more: object) -> None:
    code, said = there.done(job, "live", *more)
    if code:  # nothing of what follows can hold
        raise RuntimeError(f"{job} ended with {code}: {said}")


@contextmanager
def _served(there: Deployment) -> Iterator[Mapping[str, int]]:
    """The hosts that answer pages and what brings them bundles; host → port."""
    at, running = ports(list(HOSTS)), []
    try:
        for name, pull in HOSTS.items():
            running.append(there.start(pull, name))
            running.append(there.start(name, name, "--port", at[name]))
        yield at
        for process in running:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args} ended by itself with {process.returncode}")
    finally:
        for process in running:
            end(process, signal.SIGTERM)


def _bundle_of(port: int) -> str | None:
    """Which bundle a host decides with; None: nobody answers, or none."""
    ready = f"http://127.0.0.1:{port}/readyz"
    with suppress(OSError, ValueError), urlopen(ready, timeout=30) as answer:
        return orjson.loads(answer.read())["bundle"]
    return None


def _see_live(at: Mapping[str, int], bundle: str, patience: float = 120) -> None:
    there = wait_until(lambda: all(_bundle_of(p) == bundle for p in at.values()), patience)
    found = {name: _bundle_of(port) for name, port in at.items()}
    if there is None:
        raise RuntimeError(f"{bundle} is not live after {patience:.0f} s: {found}")


def _second_bundle(scene: FaultScene) -> Path:
    """The scene's bundle as a training of later would make it."""
    raw = orjson.loads((scene.bundle / MANIFEST).read_bytes())
    known = {name: raw[name] for name in raw if name not in ("files", "bundle_id")}
    with staging(scene.bundles) as part:
        for name in Bundle.open(scene.bundle).manifest.files:
            shutil.copyfile(scene.bundle / name, part / name)
        later = {"created": datetime.now(UTC).isoformat(), "parent": scene.bundle.name}
        return seal(part, scene.bundles, known | later)


def _publish_through_failures(
    account: Account, there: Deployment, at: Mapping[str, int], scene: FaultScene
) -> None:
    """One host publishes; then the store fails in three ways; three hosts decide with it."""
    second = _second_bundle(scene)
    point(scene, second.name)
    _job(there, "publish")
    began = time.monotonic()
    for illness in ILL:
        with there.objects.being(illness):
            time.sleep(3)
    _see_live(at, second.name, SOON)
    account.numbers["seconds_to_three_hosts"] = took = round(time.monotonic() - began, 1)
    account.must(took <= SOON, f"it was live on three hosts only after {took} s")


def _lose_a_node(account: Account, there: Deployment, scene: FaultScene) -> None:
    """A node of the maps is killed, comes back with nothing, and a job makes its maps again."""
    # redis is an optional package
    from redis.cluster import RedisCluster

    lost = there.maps[1]
    with RedisCluster("127.0.0.1", there.maps[0].port) as client:
        where = ports_of(client, scene.members)
    page_server = Lookup(open_map_store(there.maps_url, timeout=TIMEOUT))
    titles = np.array(scene.titles)

    def own(members: list[str]) -> float:
        before = page_server.counts["personalised"]
        for member in members:
            account.pages += 1
            account.without_image += not all(page_server.urls(member, titles))
        return (page_server.counts["personalised"] - before) / max(1, len(members) * len(titles))

    living = [member for member in scene.members if where[member] != lost.port]
    everybody = wait_until(lambda: own(scene.members) == 1.0, 20)
    account.must(everybody is not None, "not everybody has a map after the nightly job")
    lost.stop(signal.SIGKILL)
    share = min(own(living) for _ in range(3))
    account.numbers["others_personalised"] = round(share, 4)
    account.must(share >= LEAST, f"of others' pages {share:.3f} were personalised")
    lost.start()
    time.sleep(1)  # so long a node that failed is left alone
    _job(there, "precompute")
    back = wait_until(lambda: own(scene.members) == 1.0, 20)
    account.must(back is not None, "its members' maps are not there again")


def _lose_the_log(account: Account, there: Deployment, visits: Mapping[str, PageOpeners]) -> None:
    """The server of the log is killed under pages, and started again; pages are logged again."""
    account.must(all(visits[n].until("live") for n in LIVE), "pages are not decided live")
    there.log.stop(signal.SIGKILL)
    fell_back = all(visits[n].until("unlogged") for n in LIVE)
    account.must(fell_back, "pages are not marked as unlogged")
    there.log.start()
    account.must(all(visits[n].until("live") for n in LIVE), "pages are not logged again")


def _count(account: Account, there: Deployment, visits: Mapping[str, PageOpeners]) -> None:
    """Drain, and look for all that was acknowledged."""
    roll = subprocess.list2cmdline(there.words("roll"))
    code, said = there.done("roll", "live")
    account.must(code == 0, f"{roll} ended with {code}: {said}")
    found = names_in(there.folder / "live" / "artifacts" / "log" / "decisions", "decision_id")
    promised = set().union(*(visits[name].acknowledged for name in LIVE))
    account.acknowledged, account.lost = len(promised), len(promised - found.keys())
    account.numbers["pages"] = {name: visit.pages for name, visit in visits.items()}
    account.numbers["reasons"] = {name: dict(visit.reasons) for name, visit in visits.items()}
    account.pages += sum(visit.pages for visit in visits.values())
    account.without_image += sum(visit.without_image for visit in visits.values())


BREAKAGES = (
    HostFault(
        "all hosts of deploy/ at once",
        "A bundle is live on three within 35 s of failures; nothing acknowledged is lost.",
        all_hosts,
        lambda: why_no_redis() or why_no_object_store(),
    ),
)
