"""What operators do: make a bundle live, stop a ramp. Written down before it is done.

The log lies beside the folder of bundles and is of the same kind as that of rules: each entry seals
the one before. Where a process ends between entry and deed, the log says so by what came next.
Bundles are published by the commands of `export`, which stands beside pages and runs by itself.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import orjson

from data import clock
from data.errors import BadInput
from data.images.row_store import locked
from data.rules.audit import AuditLog, OperatorChange, RuleChange
from evaluate.ramp.ramp import stop_ramp

LONGEST = 500
"""Letters of who and why."""
PATIENCE_S = 120
"""Seconds that a command of `export` may take."""


class Asking(NamedTuple):
    """Who wants something done."""

    who: str
    why: str
    by: str
    """Holder of the token that it came with; empty: nobody signs in."""


class Operations:
    """Deeds on one store of bundles.

    Args:
        bundles: folder whose `current` points at the live bundle.
    """

    def __init__(self, bundles: Path) -> None:
        self.bundles = bundles
        self.log = AuditLog(bundles.with_name(f"{bundles.name}.audit.jsonl"))

    def make_live(self, bundle: str, seen: str, asking: Asking) -> str:
        """Make a bundle of the store the live one; what was done, in a word.

        One that was live before is rolled back to. One that never was is published as
        `python -m export publish` does without a log: its parent must be the live one.

        Args:
            bundle: its id.
            seen: the live bundle that whoever asks has seen.
            asking: who, and why.

        Raises:
            BadInput: another is live meanwhile, the bundle is none of the store or may not go live.
        """
        every = (one.parent for one in self.bundles.glob("*/manifest.json"))
        there = sorted(one.name for one in every if not one.is_symlink())  # `current` is no name
        if bundle not in there:
            raise BadInput(f"there is no bundle {bundle!r:.80}; there are {', '.join(there[-5:])}")

        def unmoved() -> None:
            live = (self.bundles / "current").resolve().name
            if live != seen:
                raise BadInput(
                    f"{live} is live now, and {seen or 'none'} was when you looked; look again"
                )

        unmoved()
        if bundle == seen:
            raise BadInput(f"{bundle} is live already")
        known = (self.bundles / bundle / "publication.json").is_file()

        def deed() -> None:
            if known:
                _exported("rollback", "--to", bundle, "--store", str(self.bundles))
            else:
                _exported("publish", bundle, "--store", str(self.bundles))

        what: OperatorChange = "rolled back" if known else "published"
        self.done(what, asking, (seen, bundle), deed, unmoved)
        return "rolled back to" if known else "published"

    def stop_ramp(self, experiments: Path, name: str, asking: Asking) -> None:
        """Stop the ramp of an experiment.

        Raises:
            BadInput: there is none, or it is not running.
        """
        words = f"{asking.who}: {asking.why}"
        self.done("ramp stopped", asking, (name, name), lambda: stop_ramp(experiments, name, words))

    def done(
        self,
        what: OperatorChange,
        asking: Asking,
        between: tuple[str, str],
        deed: Callable[[], object],
        still: Callable[[], object] = lambda: None,
    ) -> None:
        """Do it, written down before; where it is refused the log says that too.

        Args:
            what: is done.
            asking: who, and why.
            between: what there was before, and after it.
            deed: raises BadInput where it cannot be.
            still: raises BadInput where others did what makes it another deed, while it waited.
        """
        for name, said in (("who", asking.who), ("why", asking.why)):
            if not said.strip() or len(said) > LONGEST:
                raise BadInput(f"{name} is {said[:40]!r}; write it, in {LONGEST} letters at most")
        with locked(self.log.file.parent, self.log.file.stem):
            still()
            self._note(what, asking, between)
            try:
                deed()
            except Exception as error:
                back = between[1], between[0]
                self._note("refused", asking._replace(why=str(error)[:LONGEST]), back)
                raise

    def _note(self, what: OperatorChange, asking: Asking, between: tuple[str, str]) -> None:
        now = clock.now_us()
        self.log.append(RuleChange(0, now, what, {}, *asking, between[0], between[1]))


def _exported(*words: str) -> None:
    """Run a command of `export`.

    Raises:
        BadInput: it refuses, in its words.
    """
    command = [sys.executable, "-m", "export", *words, "--json"]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise BadInput(f"`python -m export {words[0]}` took more than {PATIENCE_S} s") from None
    if done.returncode:
        try:
            said = str(orjson.loads(done.stdout)["reason"])
        except (ValueError, KeyError, TypeError):
            said = done.stderr.decode(errors="replace").rpartition("error: ")[2].strip()
        raise BadInput(said[-LONGEST:] or f"it ended with code {done.returncode}")
