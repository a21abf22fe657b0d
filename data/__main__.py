"""`python -m data COMMAND`: check files, join and roll logs, import data sets."""

import importlib
import json
import sys
from typing import Any

from data.errors import main

COMMANDS = {
    "check": ("data.check", "check", "Say what is wrong with a catalogue, a log or examples."),
    "join": ("data.join", "join_command", "Join decisions and events into examples."),
    "roll": ("data.log.roll", "roll_command", "Move the log into Parquet by day."),
    "open-bandit": ("data.open_bandit", "open_bandit", "Import the Open Bandit Dataset."),
    "creative-ranking": (
        "data.creative_ranking", "creative_ranking", "Import Alimama's CreativeRanking.",
    ),
}  # fmt: skip
"""Command → the module and the function that carry it out, and what it does.

A function returns a dict; `problems` in it, if not empty, end the command with exit code 2.
"""


def run() -> None:
    """Pick the command, import it alone, print what it returns."""
    given = sys.argv[1:]
    if not given or given[0] not in COMMANDS:
        asked = given in ([], ["--help"], ["-h"])
        lines = [f"  {name:18} {what}" for name, (_, _, what) in COMMANDS.items()]
        text = "\n".join(["usage: python -m data COMMAND [--help]", "", *lines])
        print(text, file=sys.stdout if asked else sys.stderr)
        raise SystemExit(0 if asked else 2)
    from jsonargparse import auto_cli

    module, function, _ = COMMANDS[given[0]]
    command = getattr(importlib.import_module(module), function)
    rest = ["--json=true" if part == "--json" else part for part in given[1:]]
    result: dict[str, Any] = auto_cli(command, args=rest, prog=f"data {given[0]}")
    if "--json=true" in rest:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            if name != "problems":
                print(f"{name}: {value}")
    if result.get("problems"):
        raise SystemExit(2)


if __name__ == "__main__":
    main(run)
