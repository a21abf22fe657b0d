"""A fact of a page as an option has it."""

import re

from data.errors import BadInput


def named_value(text: str) -> tuple[str, str]:
    """Name and value of `country=DE`, a word of `--facts`.

    Raises:
        BadInput: it is no NAME=VALUE, or more than one: words of a list have spaces between.
    """
    name, equals, value = text.partition("=")
    if not equals or re.search(r",\s*\w+=", value):
        raise BadInput(f"--facts {text}: write NAME=VALUE, spaces between, as country=DE device=tv")
    return name, value
