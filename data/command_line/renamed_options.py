"""Dotted options by their former names, on the line and in config files."""

import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from data.command_line.option_parser import dashed
from data.errors import BadInput


def present_names(arguments: list[str], renamed: Mapping[str, str]) -> list[str]:
    """Arguments with former names of dotted options replaced, on the line and in config files.

    Args:
        arguments: underscored.
        renamed: former name → present name, such as `model.own.temperature`; taken for one version,
            with a word on stderr.
    """
    names, follows_config = [], False
    for word in arguments:
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--") and name in renamed:
            _say_renamed(name, renamed[name])
            word = f"--{renamed[name]}{equals}{value}"
        elif follows_config:
            word = _present_config(word, renamed)
        elif word.startswith("--config="):
            word = f"--config={_present_config(value, renamed)}"
        follows_config = word == "--config"
        names.append(word)
    return names


def _present_config(file: str, renamed: Mapping[str, str]) -> str:
    """The file, or its content under present names where it has a former one."""
    try:
        config = yaml.safe_load(Path(file).read_text())
    except (OSError, yaml.YAMLError):
        return file  # the parser says what is wrong with it
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file!r} cannot be read ({error}); write YAML in UTF-8") from None
    former = {name: _taken(config, name.split(".")) for name in renamed}
    former = {name: value for name, value in former.items() if value is not None}
    for name, value in former.items():
        _say_renamed(name, renamed[name])
        *sections, key = renamed[name].split(".")
        place = config
        for section in sections:
            place = place.setdefault(section, {}) if isinstance(place, dict) else None
        if isinstance(place, dict):  # else the parser says that it is no section
            place.setdefault(key, value)
    return yaml.safe_dump(config) if former else file


def _taken(config: object, path: list[str]) -> object:
    """The value at a path, which is taken out, with sections that it leaves empty."""
    if not isinstance(config, dict) or path[0] not in config:
        return None
    if len(path) == 1:
        return config.pop(path[0])
    value = _taken(config[path[0]], path[1:])
    if config[path[0]] == {}:
        del config[path[0]]
    return value


def _say_renamed(former: str, present: str) -> None:
    print(
        dashed(f"note: --{former} is called --{present} now; the old name goes soon"),
        file=sys.stderr,
    )
