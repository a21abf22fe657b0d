"""What is registered of a fault, and what is counted while it happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.faults.stage.scene import FaultScene
from bench.logs.crash import names_in
from bench.measured import Ended, command
from serve.maps.lmdb_store import LmdbStore

RECORD = "decision_id"


@dataclass
class Account:
    """What pages showed, what was acknowledged and what became of it."""

    pages: int = 0
    without_image: int = 0
    acknowledged: int = 0
    lost: int = 0
    broken: list[str] = field(default_factory=list)
    numbers: dict[str, object] = field(default_factory=dict)

    def must(self, so: bool, words: str) -> None:
        """Note what was promised and is not so."""
        if not so:
            self.broken.append(words)

    def look_for(self, acknowledged: set[str], log: Path, patience: float = 60) -> None:
        """Roll a log, and look for every decision that was acknowledged."""
        rolled = command(["-m", "data", "roll", "--log", log], patience)
        self.must(rolled.code == 0, f"roll ended with {rolled.code}: {last_line(rolled.complaint)}")
        found = names_in(log / "decisions", RECORD)
        # What came from a map was logged when the map was made.
        made = acknowledged - names_in(log.parent / "drawn" / "decisions", RECORD).keys()
        self.acknowledged += len(made)
        self.lost += len(made - found.keys())
        twice = sum(count - 1 for count in found.values())
        self.must(twice == 0, f"{twice} decisions are in the log twice")

    def look_at_maps(self, scene: FaultScene) -> int:
        """See whether each member has a map, and roll; how many decisions are in the log."""
        store = LmdbStore(scene.maps, readonly=True)
        self.pages = len(scene.members)
        self.without_image = store.get_many(scene.members).count(None)
        store.close()
        self.look_for(set(), scene.log)
        self.acknowledged = len(scene.members) * len(scene.titles)
        return len(names_in(scene.log / "decisions", RECORD))

    @property
    def kept(self) -> bool:
        """Whether the promise was."""
        return not (self.without_image or self.lost or self.broken)


class Breakage(NamedTuple):
    """One fault: what is done, and what a user relies on all the same."""

    name: str
    promise: str
    act: Callable[[FaultScene, Account], None]
    """Its docstring says what is done."""
    quick: bool = False
    """Without a service to start, or nearly: part of the suite."""
    redis: bool = False
    mount: bool = False
    """A disk of its own has to be mounted."""

    @property
    def done(self) -> str:
        """What is done, in a sentence."""
        return (self.act.__doc__ or "").split("\n\n")[0].strip()


def on_disk(
    name: str, promise: str, act: Callable[[FaultScene, Account], None], quick: bool = False
) -> Breakage:
    """A fault that needs a disk of its own."""
    return Breakage(name, promise, act, quick, mount=True)


def last_line(words: str) -> str:
    """Of what a command said."""
    lines = words.strip().splitlines()
    return lines[-1][:300] if lines else "no word"


def refused(account: Account, ended: Ended, *names: str) -> None:
    """Note that a command should have ended with 2, in a sentence that has these words."""
    failed(account, ended, 2)
    for name in names:
        words = ended.complaint
        account.must(name in words, f"{name} is not named: {last_line(words)}")


def failed(account: Account, ended: Ended, code: int = 1) -> None:
    """Note that a command should have ended with a code, and a sentence."""
    said = last_line(ended.complaint)
    account.numbers["said"] = said
    account.must(ended.code == code, f"it ended with {ended.code}, not {code}: {said}")
    account.must("Error" not in said.split()[0], f"it ended with a trace: {said}")
    account.must("error: " in ended.complaint, f"it ended without a word: {said}")
