"""Options with dashes in help and complaints, whatever the parameters behind them are called."""

import re
from argparse import HelpFormatter
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser, Namespace, auto_cli, set_parsing_settings
from jsonargparse.typing import register_type

from data.command_line.complaints import in_a_sentence
from data.command_line.local_path import local_path

__all__ = ["OptionParser", "auto_cli", "dashed", "underscored"]
set_parsing_settings(docstring_parse_attribute_docstrings=True)  # a field's text is its help
JSON_HELP = "  --json                Print one JSON object on stdout and nothing else.\n"


register_type(Path, str, local_path, type_check=isinstance, fail_already_registered=False)


def dashed(text: str) -> str:
    """Options in a text as people write them: `--fit.warm-start`."""
    return re.sub(r"--[\w.]+", lambda found: found[0].replace("_", "-"), text)


def underscored(arguments: list[str]) -> list[str]:
    """Arguments with options as the parser knows them, with underscores."""
    return [
        re.sub(r"^--[\w.-]+", lambda found: "--" + found[0][2:].replace("-", "_"), argument)
        for argument in arguments
    ]


class OptionParser(ArgumentParser):
    """The parser of all commands: whole names only, so that a slip is never taken for another."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """Help, with `--json`, which every command of a folder has."""
        text = super().format_help(formatter=formatter)
        return text + JSON_HELP if "-m" in self.prog.split() else text

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message(dashed(message), file)

    def parse_args(self, *args: Any, **options: Any) -> Any:
        """As ever; values that the parser itself breaks at are refused as all wrong ones are."""
        try:
            return super().parse_args(*args, **options)
        except (ValueError, TypeError, RecursionError) as error:
            self.error(f"options cannot be read: {error!s:.200}")

    def instantiate(self, *args: Any, **options: Any) -> Any:
        """As ever; a section that is none, such as `fit: 5`, is refused by name."""
        for name in self.sections if args else ():
            held = args[0].get(name, Namespace())
            if held is None and not isinstance(self.get_defaults().get(name), Namespace):
                continue  # one that may be left out, and is
            if not isinstance(held, Namespace):
                self.error(f"--{name} is {held!r:.80}; give options in it, such as --{name}.NAME")
        return super().instantiate(*args, **options)

    @property
    def sections(self) -> list[str]:
        """Options that hold options of their own, outer ones first."""
        paths = [action.dest.split(".") for action in self._actions]
        return sorted({".".join(path[:end]) for path in paths for end in range(1, len(path))})

    def print_usage(self, file: object = None) -> None:
        """Nothing: a complaint is shorter than the usage, and names `--help`."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Say what is wrong, by the option's own name, and end with exit code 2."""
        said = in_a_sentence(message)
        super().error(dashed(re.sub(r'Parser key "([\w.]+)"', r"--\1", said)), ex)
