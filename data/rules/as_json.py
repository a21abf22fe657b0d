"""One rule as JSON, as HTTP, audit logs and tables say it, and as its lines in `rules.yaml`."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import yaml

from bandit.rules.rule import Rule
from data.errors import BadInput
from data.rules.written import WrittenRule, WrittenRules, parse_rules
from data.schema.schema import Schema

RuleJson = dict[str, object]
"""`id` and the options of docs/rules.md, by their names."""
LINES = re.compile(r"(, line \d+| \(line \d+\))")
DEEPEST = 4
LARGEST_WHOLE = 2.0**53
"""Beyond it floats are whole numbers whatever was meant, and JSON may not hold them as such."""


def rule_json(written: WrittenRule) -> RuleJson:
    """A rule with all that it says; what it leaves out is left out. Times are in UTC."""
    rule, target = written.rule, written.target
    about: dict[str, object] = {
        name: _one_or_list(its)
        for name in ("artwork", "title", "canvas", "text_language")
        if (its := getattr(target, name))
    }
    if target.tag:
        about["tag"] = {column: _one_or_list(names) for column, names in target.tag}
    said: RuleJson = {"id": rule.id, "effect": rule.effect, "about": about}
    where: dict[str, object] = {}
    for condition in rule.where:
        if condition.values:
            where[condition.fact] = _one_or_list(sorted(map(_plain, condition.values), key=str))
        else:
            bounds = {"least": condition.least, "most": condition.most}
            where[condition.fact] = {k: _plain(v) for k, v in bounds.items() if v is not None}
    if where:
        said["where"] = where
    for option, moment in (("from", rule.start_us), ("until", rule.end_us)):
        if moment is not None:
            said[option] = minute(moment)
    if rule.share is not None:
        said["share"] = rule.share
    return said | {"who": rule.who, "why": rule.why}


def minute(at_us: int) -> str:
    """A moment as rules have it: ISO 8601 to the minute, in UTC."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%MZ")


def rule_yaml(rule: Mapping[str, object], indent: int = 2) -> str:
    """Its lines below `rules:`.

    Raises:
        BadInput: it has no name, or holds what rules cannot: what, and what to write.
    """
    name = rule.get("id")
    if not isinstance(name, str) or not name:
        raise BadInput('the rule has no id; send a name for it, as {"id": "easter", …}')
    body = {k: v for k, v in rule.items() if k != "id" and v is not None}
    _refuse_odd(body, f"rule {name[:80]!r}")
    text = yaml.safe_dump(
        {name: body}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1000
    )
    return "".join(" " * indent + line for line in text.splitlines(keepends=True))


def parse_rule(
    rule: Mapping[str, object], schema: Schema | None = None, place: str = "as sent"
) -> WrittenRule:
    """A rule out of JSON.

    Args:
        rule: as `rule_json` gives it; lists of one may be their only value.
        schema: of the catalogue, whose facts it may ask for.
        place: where it was found, for refusals.

    Raises:
        BadInput: it is none, in the words of `data.rules.written.parse_rules`.
    """
    text = "rules:\n" + rule_yaml(rule)
    try:
        [written] = parse_rules(text.encode(), place, schema).rules
    except BadInput as error:
        raise BadInput(LINES.sub("", str(error))) from None
    return placed(written, place)


def placed(written: WrittenRule, place: str) -> WrittenRule:
    """The same rule as found at another place."""
    own = {k: v for k, v in vars(written.rule).items() if k != "place"}
    return WrittenRule(Rule(**own, place=place), written.target)


def rules_yaml(rules: WrittenRules) -> str:
    """A whole file of rules."""
    return "rules:\n" + "".join(rule_yaml(rule_json(written)) for written in rules.rules)


def _plain(value: str | float) -> str | float:
    """12 is written 12; a number that no JSON holds as a whole one stays as it is."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < LARGEST_WHOLE
    return int(value) if whole else value


def _one_or_list(values: object) -> object:
    its = list(values) if isinstance(values, tuple | list) else [values]
    return its[0] if len(its) == 1 else its


def _refuse_odd(value: object, what: str, depth: int = 0) -> None:
    """Refuse what is neither text nor number, nor a list or mapping of such."""
    if depth > DEEPEST:
        raise BadInput(f"{what}: it holds lists in lists; docs/rules.md has what a rule may say")
    if isinstance(value, Mapping):
        for name, one in value.items():
            _refuse_odd(one, f"{what}, {name:.80}" if depth < 2 else what, depth + 1)
    elif isinstance(value, list | tuple):
        for one in value:
            _refuse_odd(one, what, depth + 1)
    elif isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadInput(f"{what}: {str(value)[:40]!r} is neither text nor number; write one")
