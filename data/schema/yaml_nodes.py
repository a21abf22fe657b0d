"""Fields of a YAML mapping with their lines, so that a refusal names the place."""

from collections.abc import Iterator

import yaml

from data.errors import BadInput


def plain_value(node: yaml.Node, where: str) -> object:
    """One value: a text, a number, true or false, nothing.

    Raises:
        BadInput: it is several, or none that YAML knows.
    """
    if not isinstance(node, yaml.ScalarNode):
        raise BadInput(f"{where}, line {node.start_mark.line + 1}: write one value")
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError):
        raise BadInput(f"{where}: {node.value!r:.80} is no value; write it plainly") from None


def fields_of(node: yaml.Node, where: str, what: str) -> Iterator[tuple[str, int, yaml.Node]]:
    """Name, line and value of each field of a mapping; each name once.

    Raises:
        BadInput: it is no mapping, or has a name twice.
    """
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return
    if not isinstance(node, yaml.MappingNode):
        raise BadInput(f"{where}, line {line}: {what} holds no fields; write NAME: below it")
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise BadInput(f"{where}, line {line}: a name is needed, and this is none")
        if key.value in seen:
            raise BadInput(f"{where}, line {line}: {key.value} is there twice; keep one")
        seen.add(key.value)
        yield key.value, line, value
