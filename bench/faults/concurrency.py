"""Two of a kind at once: publishers, precomputes, rollers, joins, services, and who forgets."""

import os
import subprocess
import sys
import threading

import orjson

from bench.empty_bundle import write_empty_bundle
from bench.faults.stage.account import Account, Breakage
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import visited
from bench.logs.crash import names_in, torn_bundles, torn_files
from bench.measured import ROOT
from data.bundle import CURRENT, Bundle
from serve.maps.lmdb_store import LmdbStore


def together(*commands: list[object]) -> list[tuple[int, str]]:
    """Run Python commands at once: how each ended, and what it said."""
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen(
            [sys.executable, *map(str, words)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=pipe,
            text=True,
        )
        for words in commands
    ]
    said = [process.communicate(timeout=120)[1] for process in running]
    return [(process.returncode, words) for process, words in zip(running, said, strict=True)]


def _all_well(account: Account, ended: list[tuple[int, str]]) -> None:
    for code, said in ended:
        account.must(code == 0, f"one ended with {code}: {said[-300:]}")


def two_publishers(scene: FaultScene, account: Account) -> None:
    """Two processes publish a bundle each, while another looks at `current` all the time."""
    ended, looks, broken = threading.Event(), 0, 0

    def look() -> None:
        nonlocal looks, broken
        while not ended.wait(0.005):
            try:
                Bundle.open(scene.bundles / CURRENT)
            except ValueError:
                broken += 1
            looks += 1

    folders = [
        write_empty_bundle(
            scene.folder / f"publisher-{each}", {"context.onnx": os.urandom(1 << 20)}
        )
        for each in range(2)
    ]
    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        words = ["-m", "export", "publish"]
        told = ["--store", scene.bundles, "--force"]
        said = together(*([*words, folder, *told] for folder in folders))
    finally:
        ended.set()
        looking.join()
    account.numbers |= {"looks": looks, "ended": [code for code, _ in said]}
    account.must(all("Traceback" not in words for _, words in said), "one ended with a trace")
    account.must(any(code == 0 for code, _ in said), f"neither published: {said}")
    account.must(broken == 0, f"`current` led to no whole bundle {broken} times")
    account.must(torn_bundles(scene.bundles, True) == 0, "a bundle is there in part")


def two_precomputes(scene: FaultScene, account: Account) -> None:
    """Two precomputes of the same profiles, into the same store and log, for a new day."""
    words = [*scene.precompute_words(), "--day", "2030-01-01", "--block", 16]
    _all_well(account, together(words, words))
    decided = account.look_at_maps(scene)
    account.lost = max(0, account.acknowledged - decided)


def two_rollers(scene: FaultScene, account: Account) -> None:
    """Two rolls at once, three times, while pages are logged."""
    words: list[object] = ["-m", "data", "roll", "--log", scene.log]
    with visited(scene, account, workers=2) as visit:
        for _ in range(3):
            visit.openers.until("live", more=50)
            _all_well(account, together(words, words))
    account.must(torn_files(scene.log) == 0, "a Parquet file is torn")


def two_joins(scene: FaultScene, account: Account) -> None:
    """Two joins of the same log into the same folder."""
    with visited(scene, account) as visit:
        visit.openers.until("live", more=50)
    out, alone = scene.folder / "joined", scene.folder / "alone"
    words: list[object] = ["-m", "data", "join", scene.log, "--catalogue", scene.catalogue]
    words += ["--now", "2035-01-01T00:00", "--out"]
    _all_well(account, together([*words, out], [*words, out]))
    _all_well(account, together([*words, alone]))
    same = names_in(out, "decision_id") == names_in(alone, "decision_id")
    account.must(same, "the examples differ from those of one join alone")


def two_services(scene: FaultScene, account: Account) -> None:
    """Two services log to the same folder, rolled meanwhile."""
    words: list[object] = ["-m", "data", "roll", "--log", scene.log]
    with (
        visited(scene, account, count=False) as one,
        visited(scene, account, count=False) as other,
    ):
        for visit in (one, other):
            account.must(visit.openers.until("live", more=50), "a service did not decide")
        _all_well(account, together(words))
        for visit in (one, other):
            account.must(visit.openers.until("live", more=50), "a service did not decide")
    both = one.openers.acknowledged | other.openers.acknowledged
    account.look_for(both, scene.log)


def precompute_and_roll(scene: FaultScene, account: Account) -> None:
    """Precompute, rolls and pages at once, over the same log."""
    words: list[object] = ["-m", "data", "roll", "--log", scene.log]
    with visited(scene, account) as visit:
        made = [*scene.precompute_words(), "--day", "2030-01-01", "--block", 8]
        _all_well(account, together(made, words, words))
        visit.openers.until("live")
    decided = len(names_in(scene.log / "decisions", "decision_id"))
    drawn = len(scene.members) * len(scene.titles)
    account.must(decided >= drawn, f"{decided} decisions are in the log, maps drew {drawn}")


def catalogue_and_bundle_changed(scene: FaultScene, account: Account) -> None:
    """The bundle and the catalogue are touched again and again under load, so both load anew."""
    with visited(scene, account) as visit:
        manifest = scene.bundle / "manifest.json"
        created = orjson.loads(manifest.read_bytes())["created"]
        account.numbers["bundle"] = created
        for file in (manifest, scene.catalogue / "titles.parquet", manifest):
            file.touch()
            account.must(visit.openers.until("live", more=150), "pages were not decided")
        fallbacks = visit.openers.pages - visit.openers.reasons["live"]
        account.must(fallbacks == 0, f"{fallbacks} pages were not decided live")


def forgotten_under_load(scene: FaultScene, account: Account) -> None:
    """Somebody is forgotten while pages of others are logged and rolled."""
    gone, *others = scene.members
    words: list[object] = ["-m", "data", "forget", gone, "--log", scene.log]
    words += ["--profiles", scene.profiles, "--store", scene.maps, "--examples", scene.examples]
    with visited(scene, account, members=others) as visit:
        visit.openers.until("live", more=50)
        _all_well(account, together(words))
        _all_well(account, together(["-m", "data", "roll", "--log", scene.log]))
        visit.openers.until("live", more=50)
    store = LmdbStore(scene.maps, readonly=True)
    account.must(store.get(gone) is None, "the map is still there")
    account.must(None not in store.get_many(others), "somebody else's map is gone")
    store.close()


BREAKAGES = (
    Breakage(
        "two publishers",
        "`current` leads to a whole bundle at every moment, and at the end to one of the two.",
        two_publishers,
    ),
    Breakage(
        "two precomputes",
        "Everybody has a map, and every draw is in the log, once.",
        two_precomputes,
        quick=True,
    ),
    Breakage(
        "two rollers",
        "The second waits for the first: nothing is lost or there twice.",
        two_rollers,
    ),
    Breakage(
        "two joins",
        "Examples are those of one join alone.",
        two_joins,
    ),
    Breakage(
        "two services on one log",
        "Each has a segment of its own: nothing is lost or there twice.",
        two_services,
    ),
    Breakage(
        "precompute, rolls and pages at once",
        "Every draw and every page is in the log, once.",
        precompute_and_roll,
    ),
    Breakage(
        "bundle and catalogue loaded anew under load",
        "Every page is decided live while another model is loaded.",
        catalogue_and_bundle_changed,
    ),
    Breakage(
        "somebody forgotten under load",
        "They are gone; nobody else's map or decision is.",
        forgotten_under_load,
    ),
)
