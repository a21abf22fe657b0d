"""`python -m loop COMMAND`: close the loop, in the simulator or with the product's processes."""

from data.command_line.commands import Command, run_command
from data.errors import main

COMMANDS = {
    "policy": Command(
        "loop.policy_command",
        "Let a policy decide, wait for its rewards and learn, daily.",
        show="show",
    ),
    "product": Command(
        "loop.product_command",
        "Live through some days of the whole, on one machine.",
        show="show",
    ),
}


if __name__ == "__main__":
    main(lambda: run_command("loop", COMMANDS))
