"""`python -m simulate COMMAND`: render catalogues, simulate logs, close the loop."""

from data.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "catalogue": Command(
        "simulate.world.catalogue", "Render titles and posters.", function="catalogue_command"
    ),
    "log": Command(
        "simulate.browsing.log",
        "Simulate members, their decisions and events.",
        function="log_command",
    ),
    "visit": Command("simulate.visits.visit", "Let members browse a running service for a day."),
    "loop": Command(
        "loop.policy_loop", "Let a policy decide, wait for its rewards and learn, daily."
    ),
}


if __name__ == "__main__":
    main(lambda: run_command("simulate", COMMANDS))
