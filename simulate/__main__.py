"""`python -m simulate COMMAND`: render catalogues, simulate logs, close the loop."""

from data.command_line.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "catalogue": Command("simulate.world.command", "Render titles and posters."),
    "log": Command("simulate.browsing.command", "Simulate members, their decisions and events."),
    "visit": Command("simulate.visits.command", "Let members browse a running service for a day."),
    "kinds": Command(
        "simulate.kinds.command",
        "Artwork, synopsis, evidence and trailer learnt and decided together.",
        show="show",
    ),
    "synopses": Command(
        "simulate.kinds.catalogue_synopses", "Write synopses for a rendered catalogue."
    ),
    "loop": Command(
        "loop.policy_command",
        "Let a policy decide, wait for its rewards and learn, daily.",
        function="policy",
        show="show",
    ),
}


if __name__ == "__main__":
    main(lambda: run_command("simulate", COMMANDS))
