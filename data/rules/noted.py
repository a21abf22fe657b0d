"""A file of rules and its audit log, kept in step under one lock, whoever changes the file."""

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from data.rules.as_json import rule_json
from data.rules.audit import AuditLog, Change, RuleChange
from data.rules.files import read_rules
from data.rules.written import WrittenRules, parse_rules
from data.schema.schema import Schema

OUTSIDE = "other hands"
"""Who changed what no desk did."""


class NotedRules:
    """Rules of a file, and what became of them.

    Args:
        file: of rules; it need not be there yet. Its audit log lies beside it.
        schema: of the catalogue, read each time.
        now_us: microseconds since 1970-01-01 UTC.
    """

    def __init__(self, file: Path, schema: Callable[[], Schema], now_us: Callable[[], int]) -> None:
        self.file, self.schema, self._now_us = file, schema, now_us
        self.log = AuditLog(file.with_name(f"{file.stem}.audit.jsonl"))

    def listed(self) -> WrittenRules:
        """All rules; their `digest` is their version.

        Raises:
            BadInput: the file cannot be read.
        """
        if not self.file.exists():
            return parse_rules(b"", str(self.file))
        return read_rules(self.file, self.schema())

    def note(self, rules: WrittenRules | None = None) -> None:
        """Write down what other hands changed in the file since the last change.

        Args:
            rules: of the file, where they were read just now.

        Raises:
            BadInput: the file, or its audit log, cannot be read.
            OSError: the disk takes no more.
        """
        last = self.log.last()
        if last is None or last.after != (rules or self.listed()).digest:
            with self.locked():
                self.note_changes(self.listed())

    def note_changes(self, rules: WrittenRules) -> None:
        """The same of rules that were read under the lock."""
        last = self.log.last()
        if last is not None and last.after == rules.digest:
            return
        there = {one.rule.id: rule_json(one) for one in rules.rules}
        if last is None and not there:
            return
        held = self.log.held()
        changed = {name: rule for name, rule in there.items() if held.get(name) != rule}
        gone = dict.fromkeys(name for name in held if name not in there)
        self.write_down(
            "found" if last is None else "edited", changed | gone, ("", "", OUTSIDE), rules
        )

    def write_down(
        self,
        what: Change,
        changed: Mapping[str, dict[str, object] | None],
        asked: tuple[str, str, str],
        after: WrittenRules,
        before: str = "",
    ) -> RuleChange:
        """Add an entry to the log, under the lock.

        Args:
            what: was done.
            changed: rules as they are from now on, by name; None: it is gone.
            asked: who wants it, why, and whose token it came with.
            after: the rules from now on.
            before: their version until now; as the log has it if left out.
        """
        last = self.log.last()
        before = before or ("" if last is None else last.after)
        who, why, by = asked
        at = self._now_us()
        entry = RuleChange(0, at, what, changed, who, why, by, before, after.digest)
        return self.log.append(entry)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One change at a time, of whatever process."""
        with self.file.with_name(f".{self.file.name}.lock").open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
