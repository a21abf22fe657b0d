"""Changes to the text of `rules.yaml` that leave every other line, and its comments, as they are.

A file in a style that cannot be changed line by line is written anew, without its comments: what
matters is that it says the rules that are meant, which the caller looks at (`RulesDesk`).
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from data.rules.as_json import minute, rule_yaml

Rule = tuple[yaml.Node, yaml.Node]
"""Its name, and what it says."""


def read_lines(file: Path) -> tuple[str, str]:
    """The text of a file with plain ends of lines, and how they end there; none: empty.

    Raises:
        OSError: it cannot be read.
    """
    if not file.exists():
        return "", "\n"
    text = file.read_bytes().decode("utf-8")
    plain = text.replace("\r\n", "\n")
    return plain, "\r\n" if plain.count("\n") == text.count("\r\n") > 0 else "\n"


def with_rule(text: str, rule: dict[str, object]) -> str:
    """The text with one rule more, at its end."""
    section = _section(text)
    if section is None:
        return f"{_whole_lines(text)}rules:\n{rule_yaml(rule)}"
    named = section.value if isinstance(section, yaml.MappingNode) else []
    if not named:  # `rules:` alone, or `rules: {}`
        head = text[: section.start_mark.index].rstrip()
        return f"{head}\n{rule_yaml(rule)}{text[section.end_mark.index :].lstrip()}"
    return _whole_lines(text) + rule_yaml(rule, named[0][0].start_mark.column)


def without_rule(text: str, name: str) -> str:
    """The text without one rule; comments above it stay."""
    key, value = _rule(text, name)
    lines = text.splitlines(keepends=True)
    del lines[key.start_mark.line : _last_line(value) + 1]
    return "".join(lines)


def with_until(text: str, name: str, end_us: int) -> str:
    """The text in which a rule ends at a minute."""
    _, value = _rule(text, name)
    for option, said in value.value:
        if option.value == "until":
            return f"{text[: said.start_mark.index]}{minute(end_us)}{text[said.end_mark.index :]}"
    if isinstance(value, yaml.MappingNode) and value.flow_style:
        brace = value.end_mark.index - 1
        return f"{text[:brace].rstrip().rstrip(',')}, until: {minute(end_us)}{text[brace:]}"
    lines = text.splitlines(keepends=True)
    last = _last_line(value)
    lines[last] = _whole_lines(lines[last])
    column = value.value[0][0].start_mark.column
    lines.insert(last + 1, f"{' ' * column}until: {minute(end_us)}\n")
    return "".join(lines)


def _section(text: str) -> yaml.Node | None:
    """What stands below `rules:`; None: there is no such section yet."""
    root = yaml.compose(text, yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == "rules"), None)


def _rule(text: str, name: str) -> Rule:
    section = _section(text)
    pairs = section.value if isinstance(section, yaml.MappingNode) else []
    return next((key, value) for key, value in pairs if key.value == name)


def _last_line(node: yaml.Node) -> int:
    """The last line on which something of a node stands; its own end lies behind comments."""
    if (
        node.value
        and isinstance(node, yaml.MappingNode | yaml.SequenceNode)
        and not node.flow_style
    ):
        return max(_last_line(child) for child in _children(node))
    return node.end_mark.line - (node.end_mark.column == 0 and node.end_mark.line > 0)


def _children(node: yaml.MappingNode | yaml.SequenceNode) -> Iterator[yaml.Node]:
    for child in node.value:
        yield from child if isinstance(child, tuple) else (child,)


def _whole_lines(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"
