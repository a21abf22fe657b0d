"""A store of bundles in an object store that fails, lies or is written to by others."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.empty_bundle import write_empty_bundle
from bench.hosts.fault import Account, HostFault, each, fails
from bench.hosts.object_store import URL, ObjectStore, object_store, why_no_object_store
from bench.measured import ROOT
from bench.servers import wait_until
from data.bundle import CURRENT, Bundle
from data.errors import BadInput, Unavailable
from export.publish.open_store import open_store
from export.publish.publish import publish, verify
from export.publish.pull import pull_once
from export.publish.remote_lock import LOCKS

FAILING = ("failing", "forbidding", "dropping", "cutting", "garbling", "deaf", "hanging")
LYING = ("tearing", "losing")
SOON = 35.0
"""Seconds within which a bundle is live on every host."""


def _bundle(folder: Path, number: int) -> Path:
    return write_empty_bundle(folder / "made", {"context.onnx": f"{number}".encode() * 5000})


@contextmanager
def _published(folder: Path) -> Iterator[tuple[ObjectStore, Path]]:
    """A server with a live bundle, which is here as well; and a second bundle."""
    with object_store(folder) as server:
        publish(_bundle(folder, 1), URL, force=True)
        pull_once(URL, folder / "here")
        yield server, _bundle(folder, 2)


def _is_whole(account: Account, folder: Path, bundle_id: str, where: str) -> None:
    account.must(open_store(URL).live() == bundle_id, f"another bundle is live {where}")
    account.must(set(verify(URL).values()) == {""}, f"a bundle of the store is not whole {where}")
    pull_once(URL, folder / "here")
    here = Bundle.open(folder / "here" / CURRENT).bundle_id
    account.must(here == bundle_id, f"another bundle is live here {where}")


def fails_under(folder: Path, account: Account, illness: str) -> None:
    """Every answer of the store is spoilt while a bundle is published and pulled; then none is."""
    with _published(folder) as (server, second):
        first = open_store(URL).live() or ""
        with server.being(illness):
            with fails(account, Unavailable, "does not answer"):
                publish(second, URL, force=True)
            with fails(account, Unavailable, "does not answer"):
                pull_once(URL, folder / "here")
        here = Bundle.open(folder / "here" / CURRENT).bundle_id
        account.must(here == first, "what is here did not stay")
        publish(second, URL, force=True)
        _is_whole(account, folder, second.name, "afterwards")


def lies(folder: Path, account: Account, illness: str) -> None:
    """The store acknowledges an upload, and keeps half of it or nothing."""
    with _published(folder) as (server, second):
        first = open_store(URL).live() or ""
        with (
            server.being(f"{illness}:.onnx"),
            fails(account, Unavailable, "did not keep what was uploaded"),
        ):
            publish(second, URL, force=True)
        _is_whole(account, folder, first, "before it was published again")
        publish(second, URL, force=True)
        _is_whole(account, folder, second.name, "afterwards")


DAMAGE = {
    "a file cut": ("context.onnx", b"half"),
    "its manifest cut": ("manifest.json", b"{"),
    "current not UTF-8": ("", b"\xff\xfe"),
    "current empty": ("", b""),
    "current leading elsewhere": ("", b"../../etc"),
}


def damaged(folder: Path, account: Account, what: str) -> None:
    """Something of the live bundle is damaged in the store; it is published again."""
    file, content = DAMAGE[what]
    with _published(folder):
        name = open_store(URL).live() or ""
        files = open_store(URL).files  # type: ignore[attr-defined]
        files.write(content, *((name, file) if file else (CURRENT,)))
        (folder / "here" / name / "context.onnx").write_bytes(b"half")
        with fails(account, BadInput, ""):
            pull_once(URL, folder / "here")
        publish(folder / "made" / name, URL, force=True)
        _is_whole(account, folder, name, "afterwards")


def lock_unreadable(folder: Path, account: Account) -> None:
    """The lock is held by another, and its file is empty: an upload under way."""
    with _published(folder):
        store = open_store(URL)
        store.files.write(b"", LOCKS, "000000000099")  # type: ignore[attr-defined]
        store._lock.patience = 0.5  # type: ignore[attr-defined]
        with fails(account, BadInput, "held by another"), store.locked():
            pass


def clock_ahead(folder: Path, account: Account) -> None:
    """A publisher whose clock is an hour ahead comes while another holds the lock."""
    code = (
        "import time; now = time.time; time.time = lambda: now() + 3600\n"
        "from export.publish.open_store import open_store\n"
        f"store = open_store('{URL}'); store._lock.patience = 1\n"
        "with store.locked(): print('inside')\n"
    )
    with _published(folder), open_store(URL).locked():
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
        )
        account.must("inside" not in ended.stdout, "it came in")
        account.must("held by another" in ended.stderr, "it was not told why")


def publishers_at_once(folder: Path, account: Account) -> None:
    """Four publish at once; each gives the lock to the next."""
    with _published(folder):
        made = [_bundle(folder, number) for number in range(3, 7)]
        work = [
            threading.Thread(target=publish, args=(b, URL, None, True), daemon=True) for b in made
        ]
        for other in work:
            other.start()
        for other in work:
            other.join()
        live = open_store(URL).live() or ""
        account.must(live in {bundle.name for bundle in made}, "none is live")
        _is_whole(account, folder, live, "afterwards")


def chained(folder: Path, account: Account) -> None:
    """A cache before a store, an unknown protocol, one slash too few."""
    for url in ("simplecache::s3://models/x", "nowhere://models/x", "s3:/models/x"):
        with fails(account, BadInput, "is no place for bundles"):
            open_store(url)


def three_hosts(folder: Path, account: Account) -> None:
    """Three hosts pull every 10 s from a store that fails, is killed in part, and is well again."""
    pullers = []
    with _published(folder) as (server, second):
        try:
            for number in range(3):
                command = [sys.executable, "-m", "export", "pull", URL]
                command += ["--to", str(folder / f"host-{number}"), "--every", "10"]
                pullers.append(
                    subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, env=os.environ)
                )
            hosts = [folder / f"host-{number}" / CURRENT for number in range(3)]
            account.must(wait_until(lambda: all(h.exists() for h in hosts)) is not None, "not live")
            publish(second, URL, force=True)
            start = time.monotonic()
            for illness in ("failing", "dropping", "cutting"):
                with server.being(illness):
                    time.sleep(3)
            there = lambda: all(h.resolve().name == second.name for h in hosts)  # noqa: E731
            wait_until(there, SOON)
            account.numbers["seconds"] = took = round(time.monotonic() - start, 1)
            account.must(there() and took <= SOON, f"not live on three hosts within {took} s")
            account.must(all(p.poll() is None for p in pullers), "one ended")
        finally:
            for puller in pullers:
                puller.kill()
                puller.wait()


def publishers_killed(folder: Path, account: Account, kills: int = 4, seed: int = 0) -> None:
    """Publishers are killed at random moments; `current` leads to a whole bundle all the while."""
    moments = random.Random(seed)
    with object_store(folder):
        publish(_bundle(folder, 1), URL, force=True)
        for number in range(kills):
            made = _bundle(folder, number + 2)
            command = [sys.executable, "-m", "export", "publish", str(made)]
            command += ["--store", URL, "--force"]
            publisher = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(moments.uniform(0.3, 2.5))
            publisher.send_signal(signal.SIGKILL)
            publisher.wait()
            live = open_store(URL).live() or ""
            account.must(verify(URL, live)[live] == "", f"current is not whole after kill {number}")
            _free_the_lock()
            pull_once(URL, folder / "here")


def _free_the_lock() -> None:
    """Spare the ten minutes after which a killed publisher's lock is over."""
    files = open_store(URL).files  # type: ignore[attr-defined]
    try:
        names = files.ask("ls", files.path(LOCKS), detail=False, refresh=True)
    except FileNotFoundError:
        return
    newest = max(name.rpartition("/")[2] for name in names)
    if newest.isdecimal():
        files.write(b'{"free": true}', LOCKS, newest)


STAYS = "Publish and pull fail in a sentence, what is live stays; then both work."
BREAKAGES = (
    *each(FAILING, "object store {}", STAYS, fails_under, why_no_object_store),
    *each(
        LYING,
        "object store {} uploads",
        "Not pointed at; published again, it is whole.",
        lies,
        why_no_object_store,
    ),
    *each(
        list(DAMAGE),
        "live bundle damaged in the store: {}",
        "Refused by name here; published again, it is whole in the store and here.",
        damaged,
        why_no_object_store,
    ),
    *(
        HostFault(name, promise, act, why_no_object_store)
        for name, promise, act in (
            ("store's lock empty", "Another publisher waits.", lock_unreadable),
            (
                "a publisher's clock an hour ahead",
                "It waits for the lock all the same.",
                clock_ahead,
            ),
            ("four publishers at once", "One whole bundle is live.", publishers_at_once),
            ("store's URL chained, unknown or mistyped", "Refused, and no folder.", chained),
            ("three hosts, a store that fails", "Live on all three within 35 s.", three_hosts),
            (
                "publishers killed",
                "`current` leads to a whole bundle.",
                publishers_killed,
            ),
        )
    ),
)
