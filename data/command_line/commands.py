"""What `python -m PACKAGE COMMAND` does in every folder: pick, import alone, parse, print.

Options may be written with dashes or underscores, required ones also without their names
(`evaluate estimate FILE`), or where none is left the first folder that it takes (`data join LOG`),
and switches without a value. Every command has `--json`.
"""

import importlib
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from data.errors import BadInput


class Command(NamedTuple):
    """Where a command's function is. It is imported only when the command is asked for."""

    module: str
    what: str
    """What it does, in a line."""
    function: str | None = None
    """The command's own name if None, with underscores for dashes."""
    show: str | None = None
    """The module's function that prints a record for people; line by line if None."""
    status: str | None = None
    """The module's function from a record to the exit code; 2 where it has `problems` if None."""
    renamed: Mapping[str, str] = {}
    """Options by their old names → new names, with dashes: taken for one version, with a word."""


def run_command(package: str, commands: Mapping[str, Command]) -> None:
    """Carry out the command that the process was started with, and print what it returns.

    A command returns a record, a dict or a dataclass: printed as one JSON object under `--json`,
    else for people. One that returns None has nothing to print.

    Args:
        package: the folder, as the usage text names it.
        commands: name → command.

    Raises:
        BadInput: whatever the command refuses.
        SystemExit: help was asked for (0), there is no such command (2), or the record says so.
    """
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in commands:
        asked = arguments in ([], ["--help"], ["-h"])
        stream = sys.stdout if asked else sys.stderr
        if not asked:
            name = arguments[0]
            print(f"error: {package} has no command {name}; choose one of these", file=stream)
        print(f"usage: python -m {package} COMMAND [--help]\n", file=stream)
        width = max(map(len, commands))
        for name, command in commands.items():
            print(f"  {name:{width}}  {command.what}", file=stream)
        raise SystemExit(0 if asked else 2)
    # The parser takes longer to import than the list of commands takes to print.
    from data.command_line.option_parser import OptionParser, auto_cli

    name, command = arguments[0], commands[arguments[0]]
    module = importlib.import_module(command.module)
    function = getattr(module, command.function or name.replace("-", "_"))
    rest = current_names(arguments[1:], command.renamed)
    as_json, without = wants_json(rest)
    if "json" not in inspect.signature(function).parameters:
        rest = without
    record = auto_cli(
        function,
        args=spelt(function, rest),
        as_positional=False,
        prog=f"python -m {package} {name}",
        parser_class=OptionParser,
    )
    if record is None:
        return
    if as_json:
        print(as_json_text(record))
    elif command.show is not None:
        getattr(module, command.show)(record)
    else:
        _print(record)
    if command.status is not None:
        code = getattr(module, command.status)(record)
    else:
        code = 2 if isinstance(record, Mapping) and record.get("problems") else 0
    if code:
        raise SystemExit(code)


def current_names(arguments: list[str], renamed: Mapping[str, str]) -> list[str]:
    """Arguments with old option names replaced, and a word on stderr for each."""
    names = []
    for word in arguments:
        name, equals, value = word.removeprefix("--").partition("=")
        now = renamed.get(name.replace("_", "-")) if word.startswith("--") else None
        if now is not None:
            print(f"note: --{name} is called --{now} now; the old name goes soon", file=sys.stderr)
            word = f"--{now}{equals}{value}"
        names.append(word)
    return names


def wants_json(arguments: list[str]) -> tuple[bool, list[str]]:
    """Whether the record is to be printed as JSON, and the arguments without that switch."""
    asked, rest, waiting = False, [], list(arguments)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if name != "--json":
            rest.append(word)
            continue
        if not equals and waiting and waiting[0].lower() in ("true", "false"):
            value = waiting.pop(0)
        asked = value.lower() != "false"
    return asked, rest


def as_json_text(record: object) -> str:
    """One JSON object of a dict, a dataclass or a NamedTuple, arrays and paths in it too."""
    import orjson

    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(record, default=_plain, option=options).decode()


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    for method in ("_asdict", "tolist"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def spelt(function: Callable[..., object], arguments: list[str]) -> list[str]:
    """Arguments as the parser knows them: `--name=value` each.

    Raises:
        BadInput: more values without a name than parameters that may go without.
    """
    parameters = inspect.signature(function).parameters
    switches = {name for name, p in parameters.items() if p.annotation in (bool, "bool")}
    free = [name for name, p in parameters.items() if p.default is inspect.Parameter.empty]
    folder = [name for name, p in parameters.items() if p.annotation in (Path, "Path")][:1]
    folder = folder or [n for n in list(parameters)[:1] if parameters[n].annotation == Path | None]
    lists = [p.name for p in parameters.values() if _is_list(p)]
    rest = lists[:1]
    listed: dict[str, list[str]] = {}  # a list whose option comes twice has the words of both
    options: list[str] = []
    plain: list[str] = []
    waiting = list(arguments)
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
        if name in lists and (words := _words(value, equals, waiting)):
            listed[name] = [*listed.get(name, []), *words]
        elif equals:
            options.append(f"--{name}={value}")
        elif name in ("help", "print_config"):
            options.append(f"--{name}")
        elif waiting and name in switches and waiting[0].lower() in ("true", "false"):
            options.append(f"--{name}={waiting.pop(0).lower()}")
        elif name in switches or not waiting or waiting[0].startswith("--"):
            options.append(f"--{name}=true")
        else:
            options.append(f"--{name}={waiting.pop(0)}")
    options += [f"--{name}={_as_list(listed[name], parameters[name])}" for name in listed]
    named = {option[2:].partition("=")[0] for option in options}
    free = [name for name in free if name not in named and name not in rest]
    if not free and not rest:
        free = [name for name in folder if name not in named]
    for name in free[: len(plain)]:
        options.append(f"--{name}={plain.pop(0)}")
    if plain and rest and rest[0] not in named:
        options.append(f"--{rest[0]}={_as_list(plain, parameters[rest[0]])}")
        plain = []
    if plain:
        raise BadInput(f"{plain[0]!r} belongs to no option; --help lists what there is")
    return options


def _words(value: str, equals: str, waiting: list[str]) -> list[str]:
    """The words of a list up to the next option, taken away; none where it is written as JSON."""
    words = [value] if equals and not value.startswith("[") else []
    while not value.startswith("[") and waiting and not waiting[0].startswith(("--", "[")):
        words.append(waiting.pop(0))
    return words


def _as_list(words: list[str], parameter: inspect.Parameter) -> str:
    texts = "list[str]" in str(parameter.annotation)  # a text of digits stays one: 007 is not 7
    values = [word if word.isdigit() and not texts else json.dumps(word) for word in words]
    return f"[{','.join(values)}]"


def _is_list(parameter: inspect.Parameter) -> bool:
    return str(parameter.annotation).startswith(("list[", "typing.List["))


def _print(record: object) -> None:
    plain = record if isinstance(record, Mapping) else json.loads(as_json_text(record))
    for name, value in plain.items():
        if name != "problems":
            print(f"{name}: {value}")
