"""`python -m bench COMMAND`: measurements, each beside its limit or its peer."""

import importlib
import sys

import orjson
from jsonargparse import auto_cli

from data.errors import main

COMMANDS = {
    "lookup": "Image look-ups a second from the map store.",
    "precompute": "Decisions a second, beside the bare matrix product and argmax.",
    "live": "Latency, load and shedding of the live service.",
    "ope": "Off-policy estimates: coverage, real logs, ten million decisions.",
    "encoder": "ONNX Runtime beside torch eager, fp32 beside int8.",
    "join": "Seconds and memory of the join at several sizes, beside a bare scan.",
    "log": "Records acknowledged a second, on SQLite and on Redis.",
    "crash": "Records lost, doubled or torn by kill -9 at random moments.",
}
"""Command → what it measures; `bench/COMMAND.py` holds the function of that name."""


def run() -> None:
    """Pick the command, import it alone, and print what it measured."""
    given = sys.argv[1:]
    if not given or given[0] not in COMMANDS:
        print("usage: python -m bench COMMAND [--help] [--json]\n")
        for name, what in COMMANDS.items():
            print(f"  {name:12} {what}")
        raise SystemExit(0 if given in ([], ["--help"], ["-h"]) else 2)
    name = given[0].replace("-", "_")
    command = getattr(importlib.import_module(f"bench.{name}"), name)
    result = auto_cli(command, args=["--json=true" if a == "--json" else a for a in given[1:]])
    if "--json" in given:
        print(orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY).decode())
        return
    for key, value in result.items():
        print(f"{key:36} {value}")


if __name__ == "__main__":
    main(run)
