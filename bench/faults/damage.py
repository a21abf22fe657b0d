"""Logs, runs and tables that are corrupt, cut short, or no such thing at all."""

import os
from collections.abc import Callable
from pathlib import Path

from bench.faults.stage.account import Account, Breakage, last_line, refused
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import visited
from bench.logs.crash import names_in, torn_files
from bench.logs.victim import records
from bench.measured import command
from data.log import EventLog
from data.log.damage import FOLDER

ROLL = ("-m", "data", "roll", "--log")
DAMAGED = 3
"""Exit code of a roll that put something aside."""


def flip(file: Path) -> None:
    """Flip a bit in the middle of a file."""
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0x40
    file.write_bytes(raw)


def cut(file: Path, share: float = 0.5) -> None:
    """Leave a share of a file."""
    raw = file.read_bytes()
    file.write_bytes(raw[: int(len(raw) * share)])


def _logged(scene: FaultScene, count: int = 300) -> set[str]:
    """Decisions that were acknowledged by a log that is closed."""
    names = set()
    with EventLog(scene.log) as log:
        for number in range(count):
            decisions, events = records(f"{number:032x}")
            tickets = [log.append("decisions", decisions), log.append("events", events)]
            for ticket in tickets:
                if ticket is not None:
                    ticket.result()
            names.add(f"{number:032x}")
    return names


def _segment(scene: FaultScene) -> Path:
    [segment] = (scene.log / "live").glob("*.log")
    return segment


def _rolled_beside(scene: FaultScene, account: Account, names: set[str], most: int) -> None:
    """Roll what is damaged; what could not be read is said, kept aside, and at most so much."""
    ended = command([*ROLL, scene.log], 60)
    account.must(ended.code == DAMAGED, f"it ended with {ended.code}, not {DAMAGED}")
    account.must("damaged: " in ended.complaint, "nothing was said of the damage")
    account.must(any((scene.log / FOLDER).iterdir()), "nothing was kept aside")
    gone = names - names_in(scene.log / "decisions", "decision_id").keys()
    account.acknowledged = len(names)
    account.numbers["unreadable_and_kept_aside"] = len(gone)
    account.lost = max(0, len(gone) - most)
    again = command([*ROLL, scene.log], 60)
    account.must(again.code == 0, f"the next roll ended with {again.code}")


def log_bit_flipped(scene: FaultScene, account: Account) -> None:
    """A bit of an ended segment of the log is flipped in its middle."""
    names = _logged(scene)
    flip(_segment(scene))
    _rolled_beside(scene, account, names, most=1)


def log_overwritten(scene: FaultScene, account: Account) -> None:
    """4 KiB in the middle of an ended segment are overwritten with noise."""
    names = _logged(scene)
    segment = _segment(scene)
    raw = segment.read_bytes()
    middle = len(raw) // 2
    noise = bytes((each * 73 + 41) % 256 for each in range(4096))
    segment.write_bytes(raw[:middle] + noise + raw[middle + 4096 :])
    whole = len(raw) // len(names)
    _rolled_beside(scene, account, names, most=4096 // (whole // 2) + 2)


def log_cut_short(scene: FaultScene, account: Account) -> None:
    """An ended segment is cut to six tenths, in the midst of a record."""
    names = _logged(scene)
    segment = _segment(scene)
    cut(segment, 0.6)
    _rolled_beside(scene, account, names, most=int(len(names) * 0.42) + 1)


def foreign_files(scene: FaultScene, account: Account) -> None:
    """Files of no kind that a roll reads lie in `live/` and `runs/`."""
    names = _logged(scene)
    (scene.log / "live" / "00000000000000000000-notes.log").write_bytes(b"not a segment at all")
    (scene.log / "runs").mkdir(exist_ok=True)
    (scene.log / "runs" / "precompute-1-000000-x.parquet").write_bytes(b"PAR1 not Parquet")
    _rolled_beside(scene, account, names, most=0)


def run_cut_short(scene: FaultScene, account: Account) -> None:
    """A run of precompute is cut to half; another is whole, and pages were logged as well."""
    account.must(
        scene.precompute("--block", 64, "--day", "2030-01-01").code == 0, "precompute failed"
    )
    names = _logged(scene)
    runs = sorted((scene.log / "runs").glob("*.parquet"))
    account.must(len(runs) > 1, "there are not two runs")
    cut(runs[0])
    _rolled_beside(scene, account, names, most=0)
    rows = len(names_in(scene.log / "decisions", "decision_id")) - len(names)
    account.must(rows > 0, "the whole runs were not rolled")


def _table_damaged(
    scene: FaultScene, account: Account, kind: str, damage: Callable[[Path], None]
) -> None:
    """Damage a file of a rolled log, join it, put it back, join again."""
    with visited(scene, account) as visit:
        visit.openers.until("live", more=50)
    out = scene.folder / "joined"
    words: list[object] = ["-m", "data", "join", scene.log, "--catalogue", scene.catalogue]
    words += ["--now", "2035-01-01T00:00", "--out", out]
    file = next((scene.log / kind).rglob("*.parquet"))
    whole = file.read_bytes()
    damage(file)
    refused(account, command(words, 60))
    check = ["-m", "data", "check", scene.log, "--catalogue", scene.catalogue]
    said = command(check, 60)
    named = file.name in said.complaint or file.name.encode() in said.output
    account.must(named, f"`data check` does not name the file: {said.output[-200:]!r}")
    account.must(torn_files(out) == 0, "a file of examples is torn")
    file.write_bytes(whole)
    ended = command(words, 60)
    account.must(ended.code == 0, f"mended, it ended with {ended.code}")


def decisions_cut_short(scene: FaultScene, account: Account) -> None:
    """A file of rolled decisions is cut to half before a join."""
    _table_damaged(scene, account, "decisions", cut)


def decisions_corrupt(scene: FaultScene, account: Account) -> None:
    """The middle third of a file of rolled decisions is overwritten with noise before a join."""

    def noise(file: Path) -> None:
        raw = file.read_bytes()
        third = len(raw) // 3
        file.write_bytes(raw[:third] + os.urandom(third) + raw[2 * third :])

    _table_damaged(scene, account, "decisions", noise)


def examples_cut_short(scene: FaultScene, account: Account) -> None:
    """A file of examples is cut to half before a training."""
    file = next(scene.examples.rglob("*.parquet"))
    cut(file)
    live = scene.bundle.name
    words: list[object] = ["train.py", "--data.examples", scene.examples]
    words += ["--data.catalogue", scene.catalogue, "--data.cache", scene.cache]
    words += ["--publish.bundles", scene.bundles, "--out", scene.folder / "run"]
    refused(account, command(words, 120), file.name)
    account.must(scene.bundle.name == live, "`current` moved")


def profiles_cut_short(scene: FaultScene, account: Account) -> None:
    """The table of profiles is cut to half before a precompute."""
    before = (scene.maps / "data.mdb").read_bytes()
    cut(scene.profiles)
    refused(account, scene.precompute(), scene.profiles.name)
    account.must((scene.maps / "data.mdb").read_bytes() == before, "the maps were touched")


def _bad_to_precompute(
    scene: FaultScene, account: Account, file: Path, damage: Callable[[Path], None]
) -> None:
    before = (scene.maps / "data.mdb").read_bytes()
    damage(file)
    refused(account, scene.precompute(), file.name)
    account.must((scene.maps / "data.mdb").read_bytes() == before, "the maps were touched")


def titles_cut_short(scene: FaultScene, account: Account) -> None:
    """The table of titles is cut to half before a precompute."""
    _bad_to_precompute(scene, account, scene.catalogue / "titles.parquet", cut)


def bundle_cut_for_precompute(scene: FaultScene, account: Account) -> None:
    """A graph of the live bundle is cut to half before a precompute."""
    _bad_to_precompute(scene, account, scene.bundle / "context.onnx", cut)


def no_store_at_all(scene: FaultScene, account: Account) -> None:
    """The live service is started on maps that are a text file."""
    (scene.maps / "data.mdb").write_bytes(b"these are no maps" * 100)
    words: list[object] = ["-m", "serve", "live", "--bundles", scene.bundles, "--port", 1]
    words += ["--catalogue", scene.catalogue, "--store", scene.maps, "--log", scene.log]
    for workers in (1, 2):
        ended = command([*words, "--workers", workers], 30)
        refused(account, ended, str(scene.maps))
    look_up = command(["-m", "serve", "lookup", scene.members[0], "--store", scene.maps], 30)
    refused(account, look_up, str(scene.maps))


def tokens_damaged(scene: FaultScene, account: Account) -> None:
    """The live service is started with a file of tokens that is none."""
    file = scene.folder / "tokens.yaml"
    words: list[object] = ["-m", "serve", "live", "--bundles", scene.bundles, "--port", 1]
    words += ["--catalogue", scene.catalogue, "--log", scene.log, "--tokens", file]
    for text in ("- name: [", "a: b", "\x00\x01", "- {name: a, sha256: short}"):
        file.write_text(text)
        ended = command(words, 30)
        account.numbers[repr(text)] = last_line(ended.complaint)
        refused(account, ended, "token")


BREAKAGES = (
    Breakage(
        "log: a bit flipped",
        "One record cannot be read: it is said and kept aside; all others are rolled.",
        log_bit_flipped,
        quick=True,
    ),
    Breakage(
        "log: 4 KiB overwritten",
        "The records there cannot be read: it is said and kept aside; all others are rolled.",
        log_overwritten,
        quick=True,
    ),
    Breakage(
        "log: a segment cut short",
        "All before the cut is rolled; that something is missing is said and kept aside.",
        log_cut_short,
        quick=True,
    ),
    Breakage(
        "log: foreign files",
        "They are said and put aside; everything else is rolled.",
        foreign_files,
        quick=True,
    ),
    Breakage(
        "run of precompute cut short",
        "It is said and put aside; other runs and pages are rolled.",
        run_cut_short,
        quick=True,
    ),
    Breakage(
        "decisions: Parquet cut short",
        "The join ends with a word, `data check` names the file; mended, the join goes on.",
        decisions_cut_short,
    ),
    Breakage(
        "decisions: Parquet corrupt",
        "The join ends with a word, `data check` names the file; mended, the join goes on.",
        decisions_corrupt,
    ),
    Breakage(
        "examples: Parquet cut short",
        "Training names the file; the live bundle stays.",
        examples_cut_short,
    ),
    Breakage(
        "profiles: Parquet cut short",
        "Precompute names the file, and touches no map.",
        profiles_cut_short,
        quick=True,
    ),
    Breakage(
        "titles: Parquet cut short",
        "Precompute names the file, and touches no map.",
        titles_cut_short,
        quick=True,
    ),
    Breakage(
        "bundle cut short under precompute",
        "Precompute names the file, and touches no map.",
        bundle_cut_for_precompute,
        quick=True,
    ),
    Breakage(
        "maps that are none",
        "The service ends with one word, with any number of workers; so does a look-up.",
        no_store_at_all,
    ),
    Breakage(
        "tokens that are none",
        "The service ends with one word, and opens no door.",
        tokens_damaged,
    ),
)
