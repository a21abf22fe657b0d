"""`python -m evaluate COMMAND`: judge a policy before, during and after."""

import importlib
import sys

from jsonargparse import auto_cli

from data.errors import main

COMMANDS = {
    "estimate": ("evaluate.estimate_command", "What a policy would have earned, from feedback."),
    "experiment": ("evaluate.experiment", "Compare the cells of a running or finished A/B test."),
    "power": ("evaluate.power", "How many members and days an experiment needs."),
    "aa": ("evaluate.aa", "False positives of experiments in which nothing differs."),
    "monitor": ("evaluate.monitor", "Is the live policy what it says it is? ok, warn or alert."),
}
"""Command → module that holds the function of that name, and what it answers."""


def run() -> None:
    """Pick the command, import it alone, run it and print its result."""
    given = sys.argv[1:]
    if not given or given[0] not in COMMANDS:
        known = given in ([], ["--help"], ["-h"])
        stream = sys.stdout if known else sys.stderr
        if not known:
            print(f"error: no command {given[0]}; choose one of these\n", file=stream)
        print("usage: python -m evaluate COMMAND [--help] [--json]\n", file=stream)
        for name, (_, what) in COMMANDS.items():
            print(f"  {name:12} {what}", file=stream)
        raise SystemExit(0 if known else 2)
    module, _ = COMMANDS[given[0]]
    command = getattr(importlib.import_module(module), given[0].replace("-", "_"))
    auto_cli(command, args=_spelt(given[1:]))


def _spelt(arguments: list[str]) -> list[str]:
    """`--two-words` as `--two_words`, and a bare `--json` as `--json=true`."""
    spelt = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if argument == "--json":
            spelt.append("--json=true")
        elif name.startswith("--"):
            spelt.append("--" + name[2:].replace("-", "_") + equals + value)
        else:
            spelt.append(argument)
    return spelt


if __name__ == "__main__":
    main(run)
