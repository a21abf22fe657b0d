"""Who changed which rule, when and why: lines that are only ever added to, each sealing the last.

Every entry holds the rules that it changed as they are from then on, so the log says what held at
any moment, whatever became of the file. It has the SHA-256 of the entry before it and its own: one
that is altered, taken out or put in breaks the chain from there on, and reading says where. Who may
write the file may write a whole new one; keep the last hash elsewhere to see that too.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import orjson

from data.atomic_write import sync
from data.errors import BadInput
from data.rules.as_json import RuleJson

RulesChange = Literal["found", "added", "ended", "taken out", "edited", "written"]
OperatorChange = Literal["published", "rolled back", "ramp stopped", "artwork added", "refused"]
Change = RulesChange | OperatorChange
"""`found`: they were there when the log began; `edited`: the file was changed by other hands;
`written`: by a program, its own rules. The last four are of bundles and ramps, in a log of their
own: `before` and `after` are ids of bundles, and `refused` says that the entry before it came to
nothing."""
TAIL = 64 << 10
"""Bytes that are read from the end at first."""
FOREIGN, LAST = "entries before it are missing, or not its own", "its last line"
LONGEST = 32 << 20
"""Bytes of an entry: a whole file of rules, as JSON."""


@dataclass(frozen=True)
class RuleChange:
    """One entry."""

    number: int
    """From 1 on."""
    at_us: int
    """Microseconds since 1970-01-01 UTC."""
    what: Change
    rules: Mapping[str, RuleJson | None]
    """Those that were changed, as they are from then on, by name; None: it is gone."""
    who: str
    """Wanted it, as they said."""
    why: str
    by: str
    """Holder of the token that it came with, or what else changed it."""
    before: str
    """Version of the rules until then."""
    after: str
    previous: str = ""
    """Hash of the entry before; empty for the first."""
    hash: str = ""

    def sealed(self) -> str:
        """The hash of all the rest, as hex."""
        said = {name: value for name, value in asdict(self).items() if name != "hash"}
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


class AuditLog:
    """The entries of one file of rules.

    Args:
        file: lines of JSON; it need not be there yet.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def entries(self) -> Iterator[RuleChange]:
        """All entries, the oldest first; a last line that was cut short was never an entry.

        Raises:
            BadInput: the chain is broken: at which line.
        """
        last: RuleChange | None = None
        if not self.file.is_file():
            return
        with self.file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    return
                entry = self._entry(line, f"line {number}")
                previous = "" if last is None else last.hash
                if entry.previous != previous or entry.number != number:
                    raise self._broken(f"line {number}", FOREIGN)
                yield entry
                last = entry

    def newest(self, most: int, before: int | None = None) -> list[RuleChange]:
        """The latest entries, the newest first; no more of the file is read than holds them.

        Each is checked, and that it follows on the next; `entries` checks the whole chain.

        Args:
            most: that are given.
            before: a number: only entries older than this one.

        Raises:
            BadInput: one is damaged, or does not follow on the one before it.
        """
        kept: list[RuleChange] = []
        behind: RuleChange | None = None
        for line in self._lines_back():
            if len(kept) >= most:
                break
            place = LAST if behind is None else f"change {behind.number - 1}"
            entry = self._entry(line, place)
            if behind is not None and (behind.previous, behind.number - 1) != (
                entry.hash,
                entry.number,
            ):
                raise self._broken(f"change {behind.number}", FOREIGN)
            if before is None or entry.number < before:
                kept.append(entry)
            behind = entry
        return kept

    def last(self) -> RuleChange | None:
        """The newest entry; None: there is none.

        Raises:
            BadInput: it is damaged.
        """
        line = next(self._lines_back(), None)
        return None if line is None else self._entry(line, LAST)

    def held(self) -> dict[str, RuleJson]:
        """All rules as the log has them, by name.

        Raises:
            BadInput: as `entries`.
        """
        rules: dict[str, RuleJson] = {}
        for entry in self.entries():
            for name, rule in entry.rules.items():
                if rule is None:
                    rules.pop(name, None)
                else:
                    rules[name] = rule
        return rules

    def append(self, entry: RuleChange) -> RuleChange:
        """Add an entry, durable when this returns; numbered and sealed.

        Whoever calls holds the lock of the rules (`RulesDesk`).

        Raises:
            BadInput: the last entry is damaged.
            OSError: the disk takes no more.
        """
        last = self.last()
        placed = replace(
            entry,
            number=1 if last is None else last.number + 1,
            previous="" if last is None else last.hash,
        )
        sealed = replace(placed, hash=placed.sealed())
        with self.file.open("ab") as file:
            size = os.fstat(file.fileno()).st_size
            whole = self._whole_bytes(size)
            if whole < size:
                file.truncate(whole)  # an entry that was cut short: it was never acknowledged
            file.write(orjson.dumps(asdict(sealed)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if last is None:
            sync(self.file.parent)
        return sealed

    def _entry(self, line: bytes, where: str) -> RuleChange:
        try:
            entry = RuleChange(**orjson.loads(line))
            if entry.sealed() == entry.hash:
                return entry
        except (ValueError, TypeError):
            pass
        raise self._broken(where, "it is not as it was written")

    def _broken(self, where: str, why: str) -> BadInput:
        return BadInput(
            f"the audit log {self.file} is broken at {where}: {why}; take it from a backup, or "
            "move it aside to begin a new one, and keep both"
        )

    def _whole_bytes(self, size: int) -> int:
        """Bytes up to the end of the last whole line."""
        with self.file.open("rb") as file:
            tail = TAIL
            while True:
                start = max(0, size - tail)
                file.seek(start)
                end = file.read(size - start).rfind(b"\n")
                if end >= 0:
                    return start + end + 1
                if start == 0:
                    return 0
                tail *= 2

    def _lines_back(self) -> Iterator[bytes]:
        """Whole lines, the last first."""
        if not self.file.is_file():
            return
        at = self._whole_bytes(self.file.stat().st_size)
        tail, rest = TAIL, b""
        with self.file.open("rb") as file:
            while at:
                start = max(0, at - tail)
                file.seek(start)
                first, *lines = (file.read(at - start) + rest).splitlines(keepends=True)
                yield from reversed(lines)
                # It may begin before what was read; a long one is read in ever larger parts.
                at, rest, tail = start, first, 2 * tail if not lines else TAIL
                if len(rest) > LONGEST:
                    break
        if rest:
            yield rest
