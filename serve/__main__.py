"""`python -m serve COMMAND`: precompute maps, look them up, or serve live."""

import os

from data.command_line.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "precompute": Command(
        "serve.precompute.command",
        "Decide every title for every profile and store the maps.",
        show="show",
        renamed={"min-days": "epoch-days"},
    ),
    "lookup": Command(
        "serve.maps.command",
        "Print the image that a profile is shown for each title.",
        show="show",
    ),
    "takedown": Command(
        "serve.rules.takedown",
        "Take artwork off all pages now, before maps are made again.",
        show="show",
    ),
    "decide": Command(
        "serve.scoring.decide_requests",
        "Give a file of requests their probabilities.",
        function="decide_requests",
    ),
    "live": Command("serve.live.command", "Serve decisions over HTTP."),
    "token": Command(
        "serve.live.door.command", "Give out a token for the live service.", show="show"
    ),
    "web": Command("web.command", "Show in a browser what members see, and why."),
    "loop": Command(
        "loop.product_command",
        "Live through some days of the whole, on one machine.",
        function="product",
        show="show",
    ),
}


if __name__ == "__main__":
    # A core a process: a second BLAS thread costs more than it gives on products of this size.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main(lambda: run_command("serve", COMMANDS))
