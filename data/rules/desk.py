"""Where rules are changed: one at a time, held against all others first, and written down who did.

A file has one lock, so changes of several processes come one after another. What is refused leaves
file and log as they were. A change is in the audit log before it is in the file: where a process
ends between the two, the next one finds the file as it was, and the log says so.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from data import clock
from data.atomic_write import write_text_whole
from data.catalogue import Catalogue
from data.days import DAY_US, date_of
from data.errors import BadInput
from data.rules.as_json import minute, parse_rule, placed, rule_json, rules_yaml
from data.rules.audit import Change, RuleChange
from data.rules.compiled_catalogue import book_of_catalogue
from data.rules.noted import NotedRules
from data.rules.text_edits import read_lines, with_rule, with_until, without_rule
from data.rules.written import WrittenRule, WrittenRules, parse_rules
from data.schema.schema import Schema, read_schema

MINUTE_US = 60_000_000
LATEST_US = 253_402_300_800_000_000
"""The year 10000, of which no text speaks."""
WORDS_LONGEST = 500
"""Letters of who and why."""


class NoSuchRule(BadInput):
    """A rule that is not there."""


class RuleTaken(BadInput):
    """A name that another rule has."""


class RulesMoved(BadInput):
    """The rules are not those that a change was made for."""


class RuleDone(NamedTuple):
    """A change that was made, or would be."""

    version: str
    """Of the rules after it."""
    rule: dict[str, object]
    """As it is from now on."""
    entry: RuleChange | None
    """What the audit log says; None: it was only tried."""


class RulesDesk(NotedRules):
    """Changes to one file of rules.

    Args:
        file: `rules.yaml`; it is made by the first rule. Its audit log lies beside it.
        schema: of the catalogue, read for each change.
        check: raises BadInput of rules that cannot hold together.
        now_us: microseconds since 1970-01-01 UTC.
    """

    def __init__(
        self,
        file: Path,
        schema: Callable[[], Schema],
        check: Callable[[WrittenRules], object],
        now_us: Callable[[], int] = clock.now_us,
    ) -> None:
        super().__init__(file, schema, now_us)
        self.check = check

    @classmethod
    def of_catalogue(cls, file: Path, catalogue: Path) -> "RulesDesk":
        """For rules about what a catalogue shows today."""

        def check(written: WrittenRules) -> None:
            today = date_of(clock.now_us() // DAY_US)
            book_of_catalogue(written, Catalogue.read(catalogue), today)

        return cls(file, lambda: read_schema(catalogue), check)

    def audit(self, most: int = 50, before: int | None = None) -> list[RuleChange]:
        """The latest changes, the newest first; `python -m data audit` checks the whole chain.

        Args:
            most: that are given.
            before: a number: only changes older than this one.

        Raises:
            BadInput: the log is broken among these.
        """
        return self.log.newest(most, before)

    def add(
        self,
        rule: Mapping[str, object],
        by: str = "",
        version: str | None = None,
        dry: bool = False,
    ) -> RuleDone:
        """Add a rule.

        Args:
            rule: `id` and the options of docs/rules.md, as `data.rules.as_json.rule_json` has them.
            by: who is known to ask for it; the rule says who wants it.
            version: of the rules that it is meant for; None: of any.
            dry: say what would come of it, and change nothing.

        Raises:
            BadInput: it makes no sense, or contradicts another: both are named.
            RuleTaken: another rule has its name.
            RulesMoved: the rules have another version.
        """
        new = parse_rule(rule, self.schema())

        def change(rules: WrittenRules, text: str) -> tuple[str, list[WrittenRule]]:
            if any(one.rule.id == new.rule.id for one in rules.rules):
                raise RuleTaken(
                    f"there is a rule {new.rule.id!r}; give the new one another name, or take "
                    "that one out first"
                )
            return with_rule(text, rule_json(new)), [*rules.rules, new]

        who = (new.rule.who, new.rule.why, by)
        return self._changed("added", new.rule.id, change, who, version, dry)

    def end(
        self,
        rule_id: str,
        who: str,
        why: str,
        by: str = "",
        at_us: int | None = None,
        version: str | None = None,
    ) -> RuleDone:
        """Let a rule end, by its `until`: what it did is over then, and it stays to be read.

        An `allow` that has ended allows nothing: take it out to lift it.

        Args:
            rule_id: its name.
            who: wants it.
            why: they want it.
            by: who is known to ask for it.
            at_us: when, in microseconds since 1970-01-01 UTC, cut to the minute; None: now.
            version: of the rules that it is meant for; None: of any.

        Raises:
            BadInput: it has not begun by then, or has ended.
            NoSuchRule: there is none of this name.
            RulesMoved: the rules have another version.
        """
        asked = self._now_us() if at_us is None else at_us
        end_us = asked // MINUTE_US * MINUTE_US
        if not 0 <= end_us < LATEST_US:
            raise BadInput(f"rule {rule_id!r:.80} cannot end at {asked} µs since 1970; send a time")

        def change(rules: WrittenRules, text: str) -> tuple[str, list[WrittenRule]]:
            old = self._found(rules, rule_id)
            start, ends = old.rule.start_us, old.rule.end_us
            if start is not None and start >= end_us:
                raise BadInput(
                    f"rule {rule_id!r} begins at {minute(start)}, not before it would end at "
                    f"{minute(end_us)}; take it out"
                )
            if ends is not None and ends <= end_us:
                raise BadInput(f"rule {rule_id!r} has its end at {minute(ends)} as it is")
            ended = parse_rule(rule_json(old) | {"until": minute(end_us)}, self.schema())
            left = [placed(ended, old.rule.place) if one is old else one for one in rules.rules]
            return with_until(text, rule_id, end_us), left

        return self._changed("ended", rule_id, change, (who, why, by), version)

    def take_out(
        self, rule_id: str, who: str, why: str, by: str = "", version: str | None = None
    ) -> RuleDone:
        """Take a rule out of the file, as if it had never been; the audit log keeps it.

        Args:
            rule_id: its name.
            who: wants it.
            why: they want it.
            by: who is known to ask for it.
            version: of the rules that it is meant for; None: of any.

        Raises:
            BadInput: the others cannot hold without it.
            NoSuchRule: there is none of this name.
            RulesMoved: the rules have another version.
        """

        def change(rules: WrittenRules, text: str) -> tuple[str, list[WrittenRule]]:
            old = self._found(rules, rule_id)
            return without_rule(text, rule_id), [one for one in rules.rules if one is not old]

        return self._changed("taken out", rule_id, change, (who, why, by), version)

    def _changed(
        self,
        what: Change,
        rule_id: str,
        change: Callable[[WrittenRules, str], tuple[str, list[WrittenRule]]],
        asked: tuple[str, str, str],
        version: str | None,
        dry: bool = False,
    ) -> RuleDone:
        for name, said in zip(("who", "why"), asked, strict=False):
            if not said.strip() or len(said) > WORDS_LONGEST:
                raise BadInput(
                    f"{name} is {said[:40]!r}; whoever reads the log will want to know: write it, "
                    f"in {WORDS_LONGEST} letters at most"
                )
        self.refuse_table()
        with self.locked():
            rules = self.listed()
            if version is not None and version != rules.digest:
                raise RulesMoved(
                    f"the rules have version {rules.digest}, not {version}: others changed them; "
                    "read them again, and send the change once more"
                )
            text, ends = read_lines(self.file)
            edited, meant = change(rules, text)
            edited = edited.replace("\n", ends)
            self.check(WrittenRules(tuple(meant), ""))
            edited, after = self.as_meant(edited, meant)
            there = {one.rule.id: one for one in meant}
            rule = rule_json(there.get(rule_id) or self._found(rules, rule_id))
            if dry:
                return RuleDone(after.digest, rule, None)
            self.note_changes(rules)
            changed = {rule_id: rule if rule_id in there else None}
            entry = self.write_down(what, changed, asked, after, rules.digest)
            write_text_whole(self.file, edited)
        return RuleDone(after.digest, rule, entry)

    def refuse_table(self) -> None:
        """Refuse to change rules where there is no text to change.

        Raises:
            BadInput: they are a table, or have no folder.
        """
        if self.file.suffix == ".parquet":
            raise BadInput(
                f"{self.file} is a table, and changes where it is made; keep rules.yaml to change "
                "rules one by one"
            )
        if not self.file.parent.is_dir():
            raise BadInput(f"there is no folder {self.file.parent} for the rules; make it")

    def as_meant(self, edited: str, meant: list[WrittenRule]) -> tuple[str, WrittenRules]:
        """A text that says the rules that are meant, and what is read from it."""
        wanted, schema = [rule_json(one) for one in meant], self.schema()
        try:
            after = parse_rules(edited.encode(), str(self.file), schema)
            if [rule_json(one) for one in after.rules] == wanted:
                return edited, after
        except BadInput:
            pass
        anew = rules_yaml(WrittenRules(tuple(meant), ""))
        return anew, parse_rules(anew.encode(), str(self.file), schema)

    @staticmethod
    def _found(rules: WrittenRules, rule_id: str) -> WrittenRule:
        for one in rules.rules:
            if one.rule.id == rule_id:
                return one
        raise NoSuchRule(f"there is no rule {rule_id[:80]!r}; GET the rules for their names")
