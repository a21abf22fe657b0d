"""Processes that are killed, stopped and ended."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq

from bench.faults.stage.account import Account, Breakage, last_line
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import visited
from bench.logs.crash import kill_one, names_in, torn_bundles, torn_files
from bench.measured import ROOT, command
from bench.servers import wait_until
from data.bundle import CURRENT, Bundle


def killed(words: list[object], after: float) -> int:
    """Start a Python command and `kill -9` it so many seconds later; its exit code."""
    process = subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def worker_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of one of two workers under load."""
    with visited(scene, account, workers=2) as visit:
        before = visit.service.workers()
        account.must(len(before) == 2, f"{len(before)} workers were there, not two")
        os.kill(before[0], signal.SIGKILL)
        account.must(visit.openers.until("live", more=50), "pages were not decided again")
        back = wait_until(lambda: len(visit.service.workers()) == 2, 20)
        account.must(back is not None, "the worker was not replaced")


def service_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of the whole service under load; it is started again at once."""
    with visited(scene, account, workers=2) as visit:
        visit.service.kill()
        visit.service.start()
        account.must(visit.openers.until("live"), "pages were not decided again")


def worker_stopped(scene: FaultScene, account: Account) -> None:
    """SIGSTOP of one of two workers under load."""
    with visited(scene, account, workers=2) as visit:
        stopped = visit.service.workers()[0]
        os.kill(stopped, signal.SIGSTOP)
        try:
            account.must(visit.openers.until("live", more=100), "pages were not decided on")
        finally:
            os.kill(stopped, signal.SIGCONT)


def service_stopped(scene: FaultScene, account: Account) -> None:
    """SIGTERM under load, with a body that never comes on one connection."""
    with visited(scene, account, workers=2) as visit:
        visit.openers.until("live", more=50)
        start = time.monotonic()
        code = visit.service.stop()
        account.numbers["seconds_to_end"] = round(time.monotonic() - start, 2)
        account.must(code in (0, -15), f"it ended with {code}")
        visit.service.start()
        account.must(visit.openers.until("live"), "pages were not decided again")


def roll_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of six rolls at random moments while pages are logged."""
    rng = random.Random(0)
    with visited(scene, account) as visit:
        ended = [
            killed(["-m", "data", "roll", "--log", scene.log], rng.uniform(0.2, 0.8))
            for _ in range(6)
        ]
        visit.openers.until("live")
    account.numbers["killed"] = ended.count(-signal.SIGKILL)
    account.must(torn_files(scene.log) == 0, "a Parquet file is torn")


def precompute_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of four precomputes at random moments, then one to the end."""
    shutil.rmtree(scene.maps)
    words = [*scene.precompute_words(), "--block", 8]
    rng = random.Random(0)
    codes = [killed(words, rng.uniform(0.5, 1.3)) for _ in range(4)]
    ended = command(words, 60)
    account.must(ended.code == 0, f"precompute ended with {ended.code}")
    account.numbers["killed"] = codes.count(-signal.SIGKILL)
    decided = account.look_at_maps(scene)
    account.lost = account.acknowledged - decided


def publisher_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of six processes that publish, roll back and prune, at random moments."""
    rng, published = random.Random(0), 0
    for number in range(6):
        names = kill_one("publish", scene.folder, f"{number}", "", rng.uniform(0, 0.5))
        published += len(names)
        account.must(torn_bundles(scene.bundles, True) == 0, "a bundle is there in part")
    account.numbers["published"] = published


def join_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of four joins at random moments, then one to the end; beside one undisturbed."""
    with visited(scene, account) as visit:
        visit.openers.until("live", more=30)
    words: list[object] = ["-m", "data", "join", scene.log, "--catalogue", scene.catalogue]
    words += ["--now", "2035-01-01T00:00"]
    whole, broken = scene.folder / "whole", scene.folder / "broken"
    rng = random.Random(0)
    codes = [killed([*words, "--out", broken], rng.uniform(0.3, 1.2)) for _ in range(4)]
    for out in (whole, broken):
        ended = command([*words, "--out", out], 60)
        account.must(ended.code == 0, f"join ended with {ended.code}: {ended.complaint[-200:]}")
    account.numbers["killed"] = codes.count(-signal.SIGKILL)
    same = names_in(whole, "decision_id") == names_in(broken, "decision_id")
    account.must(same, "the examples differ from those of a join that nobody killed")
    account.must(torn_files(broken) == 0, "a file of examples is torn")


def training_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of a training at three moments."""
    live = scene.bundle.name
    words: list[object] = ["train.py", "--data.examples", scene.examples]
    words += ["--data.catalogue", scene.catalogue, "--data.cache", scene.cache]
    words += ["--publish.bundles", scene.bundles, "--out", scene.folder / "run"]
    words += ["--fit.epochs", 1, "--fit.passes", 1, "--fit.threads", 1]
    codes = [killed(words, after) for after in (0.5, 3, 5)]
    account.numbers["killed"] = codes.count(-signal.SIGKILL)
    account.must(torn_bundles(scene.bundles, True) == 0, "a bundle is there in part")
    went = scene.bundle.name
    account.must(went == live or 0 in codes, f"`current` moved to {went}")
    Bundle.open(scene.bundles / CURRENT)


def profiles_killed(scene: FaultScene, account: Account) -> None:
    """`kill -9` of the listing of profiles at four moments."""
    before = pq.read_table(scene.profiles)
    words = ["-m", "data", "profiles", scene.examples, "--out", scene.profiles]
    for after in (0.2, 0.4, 0.6, 0.8):
        killed(words, after)
        account.must(pq.read_table(scene.profiles).equals(before), "the table is torn")
    ended = command(words, 60)
    account.must(ended.code == 0, f"it ended with {ended.code}: {last_line(ended.complaint)}")


BREAKAGES = (
    Breakage(
        "worker killed",
        "A worker that dies costs no page and no acknowledged decision, and is replaced.",
        worker_killed,
    ),
    Breakage(
        "service killed",
        "All that was acknowledged before `kill -9` is in the log; a new start needs no repair.",
        service_killed,
    ),
    Breakage(
        "worker stopped",
        "A worker that hangs costs its open pages a second try, and others nothing.",
        worker_stopped,
    ),
    Breakage(
        "service ended",
        "SIGTERM finishes what was begun and flushes the log, within 40 seconds.",
        service_stopped,
    ),
    Breakage(
        "rolls killed",
        "A roll can be killed anywhere: the next one carries on, nothing is lost or there twice.",
        roll_killed,
    ),
    Breakage(
        "precomputes killed",
        "A precompute goes on where it was killed: every map is there, every draw logged once.",
        precompute_killed,
        quick=True,
    ),
    Breakage(
        "publishers killed",
        "`current` leads to a whole bundle whenever it is looked at.",
        publisher_killed,
    ),
    Breakage(
        "joins killed",
        "Examples are those of a join that nobody killed.",
        join_killed,
    ),
    Breakage(
        "trainings killed",
        "A training that dies leaves the live bundle live, and no other in part.",
        training_killed,
    ),
    Breakage(
        "listings of profiles killed",
        "The table of profiles is the old one or the new one.",
        profiles_killed,
    ),
)
