"""What `python -m PACKAGE COMMAND` does in every folder: pick, import alone, parse, print.

Options may be written with dashes, required ones also without their names (`evaluate estimate
FILE`), or where none is left the first folder that it takes (`data join LOG`), and
switches without a value (`--json`).
"""

import importlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from data.errors import BadInput


class Command(NamedTuple):
    """Where a command's function is. It is imported only when the command is asked for."""

    module: str
    what: str
    """What it does, in a line."""
    function: str | None = None
    """The command's own name if None, with underscores for dashes."""


def run_command(package: str, commands: Mapping[str, Command]) -> None:
    """Carry out the command that the process was started with, and print what it returns.

    A function that returns a dict has it printed: as one JSON object under `--json`, else line by
    line. `problems` in it, if not empty, are not printed and end the process with exit code 2.

    Args:
        package: the folder, as the usage text names it.
        commands: name → command.

    Raises:
        BadInput: whatever the command refuses.
        SystemExit: help was asked for (0), there is no such command or it found problems (2).
    """
    given = sys.argv[1:]
    if not given or given[0] not in commands:
        asked = given in ([], ["--help"], ["-h"])
        stream = sys.stdout if asked else sys.stderr
        if not asked:
            print(f"error: {package} has no command {given[0]}; choose one of these", file=stream)
        print(f"usage: python -m {package} COMMAND [--help]\n", file=stream)
        width = max(map(len, commands))
        for name, command in commands.items():
            print(f"  {name:{width}}  {command.what}", file=stream)
        raise SystemExit(0 if asked else 2)
    from jsonargparse import auto_cli

    name, command = given[0], commands[given[0]]
    module = importlib.import_module(command.module)
    function = getattr(module, command.function or name.replace("-", "_"))
    arguments = spelt(function, given[1:])
    prog = f"python -m {package} {name}"
    result = auto_cli(function, args=arguments, as_positional=False, prog=prog)
    if isinstance(result, dict):
        _print(result, "--json=true" in arguments)
        if result.get("problems"):
            raise SystemExit(2)


def spelt(function: Callable[..., Any], given: list[str]) -> list[str]:
    """Arguments as the parser knows them: `--name=value` each.

    Raises:
        BadInput: more values without a name than parameters that may go without.
    """
    parameters = inspect.signature(function).parameters
    switches = {name for name, p in parameters.items() if p.annotation in (bool, "bool")}
    free = [name for name, p in parameters.items() if p.default is inspect.Parameter.empty]
    folder = [name for name, p in parameters.items() if p.annotation in (Path, "Path")][:1]
    rest = [p.name for p in parameters.values() if _is_list(p)][:1]
    options: list[str] = []
    plain: list[str] = []
    waiting = list(given)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--"):
            if word == "-h":
                options.append(word)
            else:
                plain.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        name = name.replace("-", "_")
        if equals:
            options.append(f"--{name}={value}")
        elif name in ("help", "print_config"):
            options.append(f"--{name}")
        elif waiting and name in switches and waiting[0].lower() in ("true", "false"):
            options.append(f"--{name}={waiting.pop(0).lower()}")
        elif name in switches or not waiting or waiting[0].startswith("--"):
            options.append(f"--{name}=true")
        else:
            options.append(f"--{name}={waiting.pop(0)}")
    named = {option[2:].partition("=")[0] for option in options}
    free = [name for name in free if name not in named and name not in rest]
    if not free and not rest:
        free = [name for name in folder if name not in named]
    for name in free[: len(plain)]:
        options.append(f"--{name}={plain.pop(0)}")
    if plain and rest and rest[0] not in named:
        values = [word if word.isdigit() else json.dumps(word) for word in plain]
        options.append(f"--{rest[0]}=[{','.join(values)}]")
        plain = []
    if plain:
        raise BadInput(f"{plain[0]!r} belongs to no option; --help lists what there is")
    return options


def _is_list(parameter: inspect.Parameter) -> bool:
    return str(parameter.annotation).startswith(("list[", "typing.List["))


def _print(result: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        import orjson

        text = orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
        print(text.decode())
        return
    for name, value in result.items():
        if name != "problems":
            print(f"{name}: {value}")
