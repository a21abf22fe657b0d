"""A value that an option does not take is refused in a sentence, without Python's types."""

import importlib
import sys

import pytest

from data.command_line.commands import run_command, spelt
from data.errors import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("evaluate estimate f --resamples x", "--resamples x: give a whole number"),
        ("evaluate candidates --images --title 3", "--images true: give words with spaces"),
        ("evaluate experiment f --shares 0.5", "--shares 0.5: give numbers by name, as {"),
        ("evaluate monitor f --expected {a:3}", "give lists of numbers by name, as {"),
        ("serve precompute --engine foo", "--engine foo: give one of local, spark"),
        ("serve decide --policy d --out o --requests r", "give one of thompson, greedy, "),
        ("serve decide --epsilon d --out o --requests r", "--epsilon d: give a number"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_a_sentence(words, said, capsys, monkeypatch):
    package, *rest = words.split()
    commands = importlib.import_module(f"{package}.__main__").COMMANDS
    monkeypatch.setattr(sys, "argv", [package, *rest])
    with pytest.raises(SystemExit) as end:
        main(lambda: run_command(package, commands))
    printed = capsys.readouterr().err
    assert end.value.code == 2
    assert said in printed
    assert "<class" not in printed
    assert "Literal" not in printed


def words_and_numbers(place: str, names: list[str], numbers: list[int] | None = None) -> None:
    """A command of lists."""


@pytest.mark.parametrize("written", ["1 2", "=1 2", "[1,2]", "=[1,2]"])
def test_lists_are_written_as_words_or_as_json(written):
    option = f"--numbers{'' if written.startswith('=') else ' '}{written}"
    options = spelt(words_and_numbers, f"here --names a b {option}".split())
    assert sorted(options) == ['--names=["a","b"]', "--numbers=[1,2]", "--place=here"]
