"""`python -m serve COMMAND`: precompute maps, look them up, or serve live."""

import importlib
import os
import sys

from data.errors import main

COMMANDS = {
    "precompute": ("serve.commands", "Decide every title for every profile and store the maps."),
    "lookup": ("serve.commands", "Print the image that a profile is shown for each title."),
    "live": ("serve.commands", "Serve decisions over HTTP."),
}
"""Command → the module that has a function of that name, and what it does."""

SWITCHES = ("--json", "--changed_only")
"""Options that are on when named without a value."""


def run() -> None:
    """Pick the command and import it alone."""
    given = sys.argv[1:]
    if not given or given[0] not in COMMANDS:
        print("usage: python -m serve COMMAND [--help]\n")
        for name, (_, what) in COMMANDS.items():
            print(f"  {name:12} {what}")
        raise SystemExit(0 if given in ([], ["--help"], ["-h"]) else 2)
    # A core a process: a second BLAS thread costs more than it gives on products of this size.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from jsonargparse import auto_cli

    name, rest = given[0].replace("-", "_"), given[1:]
    command = getattr(importlib.import_module(COMMANDS[given[0]][0]), name)
    if name == "lookup":
        rest = _titles(rest)
    auto_cli(command, args=[f"{part}=true" if part in SWITCHES else part for part in rest])


def _titles(given: list[str]) -> list[str]:
    """`PROFILE TITLE…`: the numbers after the profile as the option that they are."""
    head = next((at for at, part in enumerate(given) if part.startswith("-")), len(given))
    plain, options = given[:head], given[head:]
    if len(plain) < 2 or not all(part.isdigit() for part in plain[1:]):
        return given
    return [plain[0], f"--titles=[{','.join(plain[1:])}]", *options]


if __name__ == "__main__":
    main(run)
