"""`python -m export COMMAND`: write bundles, and say which one is live."""

from data.command_line.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "bundle": Command(
        "export.graphs.reexport", "Export other weights of a bundle's network as a new bundle."
    ),
    "rows": Command(
        "export.graphs.rows", "Give a bundle what was learnt of neighbours, as a new bundle."
    ),
    "publish": Command(
        "export.publish.commands",
        "Make a bundle the live one, if it is shown to be no worse.",
        show="show_publication",
        status="status",
    ),
    "anchor": Command(
        "export.publish.commands",
        "Make a bundle the one that a chain of nights may not fall behind.",
        show="show_anchor",
    ),
    "pull": Command("export.publish.pull", "Bring a store's live bundle to this machine."),
    "register": Command(
        "export.registry.register",
        "Put a bundle into an MLflow registry, with where it came from.",
        show="show",
    ),
    "rollback": Command(
        "export.publish.commands", "Make an earlier bundle the live one.", show="show_publication"
    ),
    "list": Command(
        "export.publish.commands",
        "Show the bundles and which is live.",
        function="list_bundles",
        show="show_bundles",
    ),
    "verify": Command(
        "export.publish.commands", "Check every byte of every bundle.", show="show_problems"
    ),
    "prune": Command("export.publish.commands", "Remove old bundles, never live or anchor."),
    "quantise": Command(
        "export.graphs.quantise",
        "Add a smaller, faster encoder to a bundle.",
        show="show",
        status="status",
    ),
}


if __name__ == "__main__":
    main(lambda: run_command("export", COMMANDS))
