"""What is wrong with an option's value, in a sentence: the parser speaks of Python's types."""

import re

WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "Path": "a path",
    "list": "words with spaces between",
    "list[int]": "whole numbers with spaces between",
    "list[str]": "words with spaces between",
    "dict[str, float]": 'numbers by name, as {"a": 0.5, "b": 0.5}',
    "dict[str, list[float]]": 'lists of numbers by name, as {"a": [1, 2]}',
}
EXPECTED = re.compile(
    r'Parser key "(?P<name>[\w.]+)":\s+Expected an? (?P<kinds>.+)\. Got value: (?P<value>.*)', re.S
)
UNION = re.compile(
    r'Parser key "(?P<name>[\w.]+)":\s+Does not validate against any of the Union subtypes\s+'
    r"Subtypes: \[(?P<kinds>.+?)\]\s+Errors:.+\s+Given value: (?P<value>.*)",
    re.S,
)
CONFIG = re.compile(
    r'Parser key "(?P<name>[\w.]+)":\s+Unable to load config [\'"](?P<value>.+?)[\'"]'
)
KIND = re.compile(
    r"Literal\[(?P<of>[^\]]+)\]|<class '(?P<type>\w+)'>|(?P<whole>(?:list|dict)\[.+\])"
)


def in_a_sentence(message: str) -> str:
    """The parser's complaint about a value as "--name value: give …"; another as it is."""
    if found := CONFIG.match(message):
        name, value = found["name"], found["value"]
        return f"--{name} {value}: no settings file is there; or give --{name}.SETTING, see --help"
    found = EXPECTED.fullmatch(message) or UNION.fullmatch(message)
    kinds = _kinds(found["kinds"]) if found else []
    if found is None or not kinds:
        return message
    return f"--{found['name']} {found['value']}: give {' or '.join(kinds)}"


def _kinds(text: str) -> list[str]:
    """What the option takes; empty where that has no words."""
    choices: list[str] = []
    kinds: list[str] = []
    for found in KIND.finditer(text):
        if found["of"]:
            choices += re.findall(r"'([^']+)'", found["of"])
        elif found["type"] != "NoneType":
            whole = re.sub(r", <class 'NoneType'>$", "", found["whole"] or "")
            kinds.append(WORDS.get(found["type"] or whole, ""))
    if not all(kinds):
        return []
    return [*kinds, *([f"one of {', '.join(choices)}"] if choices else [])]
