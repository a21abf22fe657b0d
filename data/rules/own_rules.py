"""Rules that a program writes beside those of people: its own are kept as it wants them, each time.

What people undid stays undone: a rule of the program that somebody ended, took out or changed is
theirs from then on, and is never written again. The audit log says who did.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import yaml

from data.atomic_write import write_text_whole
from data.errors import BadInput
from data.rules.as_json import RuleJson, parse_rule, rule_json
from data.rules.desk import RulesDesk
from data.rules.text_edits import read_lines, with_rule, without_rule
from data.rules.written import WrittenRule, WrittenRules


class KeptRules(NamedTuple):
    """What became of a program's rules."""

    changed: dict[str, RuleJson | None]
    """Those written anew, and those taken out, which are None."""
    left_out: dict[str, str]
    """Those that could not be written, and why."""
    held: int
    """How many of its rules there are now."""


def keep_own(
    desk: RulesDesk, who: str, wanted: Sequence[RuleJson], why: str, dry: bool = False
) -> KeptRules:
    """Let a program's rules be these, and leave all others alone.

    Args:
        desk: of the rules.
        who: the program, as its rules say.
        wanted: its rules.
        why: they change, for the audit log.
        dry: say what would change, and change nothing.

    Raises:
        BadInput: the rules of people cannot be read, or hold together; or are a table.
        OSError: the disk takes no more.
    """
    desk.refuse_table()
    with desk.locked():
        rules = desk.listed()
        if not dry:
            desk.note_changes(rules)
        theirs = undone(desk, who, rules)
        own = {
            one.rule.id: one
            for one in rules.rules
            if one.rule.who == who and one.rule.id not in theirs
        }
        others = [one for one in rules.rules if one.rule.id not in own]
        taken = {one.rule.id for one in others}
        left_out: dict[str, str] = {}
        new: list[WrittenRule] = []
        for rule in wanted:
            name = str(rule["id"])
            if name in theirs:
                left_out[name] = "somebody undid it, and so it stays"
            elif name in taken:
                left_out[name] = "somebody else has a rule of its name"
            else:
                new.append(parse_rule({**rule, "who": who}, desk.schema()))
        new, refused = _holding(desk, others, new)
        left_out |= refused
        there = {one.rule.id: rule_json(one) for one in new}
        before = {name: rule_json(one) for name, one in own.items()}
        changed: dict[str, RuleJson | None] = {
            name: there.get(name)
            for name in {**before, **there}
            if before.get(name) != there.get(name)
        }
        if changed and not dry:
            _write(desk, rules, changed, new, (who, why, ""))
    return KeptRules(changed, left_out, len(there))


def undone(desk: RulesDesk, who: str, rules: WrittenRules) -> set[str]:
    """Names of a program's rules that others ended, changed or took out, ever.

    Args:
        desk: of the rules.
        who: the program.
        rules: that there are now.
    """
    its, theirs, last = set[str](), set[str](), dict[str, RuleJson | None]()
    for entry in desk.log.entries():
        for name, rule in entry.rules.items():
            if entry.who == who:
                its.add(name)
            elif name in its:
                theirs.add(name)
            last[name] = rule
    for one in rules.rules:  # by other hands, since
        name = one.rule.id
        if name in its and last.get(name) != rule_json(one):
            theirs.add(name)
    gone = its - {one.rule.id for one in rules.rules}
    return theirs | {name for name in gone if last.get(name) is not None}


def _holding(
    desk: RulesDesk, others: Sequence[WrittenRule], new: Sequence[WrittenRule]
) -> tuple[list[WrittenRule], dict[str, str]]:
    """Those of some new rules that hold together with the others, and why the rest do not."""
    desk.check(WrittenRules(tuple(others), ""))
    try:
        desk.check(WrittenRules((*others, *new), ""))
        return list(new), {}
    except BadInput:
        pass
    kept, refused = list[WrittenRule](), dict[str, str]()
    for one in new:
        try:
            desk.check(WrittenRules((*others, *kept, one), ""))
            kept.append(one)
        except BadInput as error:
            refused[one.rule.id] = str(error)
    return kept, refused


def _write(
    desk: RulesDesk,
    rules: WrittenRules,
    changed: Mapping[str, RuleJson | None],
    new: Sequence[WrittenRule],
    asked: tuple[str, str, str],
) -> None:
    text, ends = read_lines(desk.file)
    there = {one.rule.id for one in rules.rules}
    edited = ""  # of a style that cannot be changed line by line: it is written anew
    with suppress(yaml.YAMLError, StopIteration):
        for name, rule in changed.items():
            if name in there:
                text = without_rule(text, name)
            if rule is not None:
                text = with_rule(text, rule)
        edited = text
    meant = [one for one in rules.rules if one.rule.id not in changed]
    by_name = {one.rule.id: one for one in new}
    meant += [by_name[name] for name, rule in changed.items() if rule is not None]
    text, after = desk.as_meant(edited.replace("\n", ends), meant)
    desk.write_down("written", changed, asked, after, rules.digest)
    write_text_whole(desk.file, text)
