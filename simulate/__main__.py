"""`python -m simulate COMMAND`: render catalogues, simulate logs."""

import importlib
import json
import sys
from typing import Any

from data.errors import main

COMMANDS = {
    "catalogue": ("simulate.catalogue", "catalogue_command", "Render titles and posters."),
    "log": ("simulate.log", "log_command", "Simulate members, their decisions and events."),
}
"""Command → the module and the function that carry it out, and what it does."""


def run() -> None:
    """Pick the command, import it alone, print what it returns."""
    given = sys.argv[1:]
    if not given or given[0] not in COMMANDS:
        asked = given in ([], ["--help"], ["-h"])
        lines = [f"  {name:12} {what}" for name, (_, _, what) in COMMANDS.items()]
        text = "\n".join(["usage: python -m simulate COMMAND [--help]", "", *lines])
        print(text, file=sys.stdout if asked else sys.stderr)
        raise SystemExit(0 if asked else 2)
    from jsonargparse import auto_cli

    module, function, _ = COMMANDS[given[0]]
    command = getattr(importlib.import_module(module), function)
    rest = ["--json=true" if part == "--json" else _underscored(part) for part in given[1:]]
    result: dict[str, Any] = auto_cli(
        command, args=rest, prog=f"simulate {given[0]}", as_positional=False
    )
    if "--json=true" in rest:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name}: {value}")


def _underscored(part: str) -> str:
    """Options may be written with dashes: --exclude-subjects is --exclude_subjects."""
    if not part.startswith("--"):
        return part
    name, equals, value = part.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


if __name__ == "__main__":
    main(run)
