"""`python -m bench COMMAND`: measurements, each beside its limit or its peer."""

from data.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "lookup": "Image look-ups a second from the map store.",
    "precompute": "Decisions a second, beside the bare matrix product and argmax.",
    "live": "Latency, load and shedding of the live service.",
    "failures": "Redis, maps and bundles broken under load: images shown, reasons counted.",
    "ope": "Off-policy estimates: coverage, real logs, ten million decisions.",
    "encoder": "ONNX Runtime beside torch eager, fp32 beside int8.",
    "join": "Seconds and memory of the join at several sizes, beside a bare scan.",
    "log": "Records acknowledged a second, on SQLite and on Redis.",
    "learning": "Regret of the heads and of the peers, on the same rounds.",
    "delay": "Regret of a learner whose rewards come 1 … 1024 decisions late.",
    "drift": "Regret where tastes move, with decay or a window and without.",
    "calibration": "How far predicted takes are from what happens, for new artwork as well.",
    "findings": "What the talk found, with intervals: personal, varied, lesser-known artwork.",
    "training": "Training: speed beside the naive way, growth, increments, processes.",
    "plot": "Draw the regret curves of `learning` as a page.",
    "crash": "Records lost, doubled or torn by kill -9 at random moments.",
}
"""Command → what it measures; `bench/COMMAND.py` holds the function of that name."""


def run() -> None:
    """Carry out the command that was asked for."""
    modules = {name: f"bench.{name.replace('-', '_')}" for name in COMMANDS}
    run_command("bench", {name: Command(modules[name], what) for name, what in COMMANDS.items()})


if __name__ == "__main__":
    main(run)
