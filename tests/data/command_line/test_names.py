"""Several names of an option, as people write them."""

import pytest

from data.command_line.commands import spelt
from data.command_line.names import names
from data.command_line.option_parser import auto_cli


def chosen(kinds: list[str]) -> list[str]:
    """A command of such an option."""
    return names(kinds)


@pytest.mark.parametrize(
    "said",
    [
        ["synopsis,trailer"],
        ["synopsis", "trailer"],
        ["[synopsis, trailer]"],
        ["synopsis,", "trailer"],
    ],
)
def test_names_have_spaces_commas_or_brackets(said):
    given = spelt(chosen, ["--kinds", *said])
    assert auto_cli(chosen, args=given, as_positional=False) == [
        "synopsis",
        "trailer",
    ]
