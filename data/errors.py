"""How a command refuses bad input: one paragraph on stderr and exit code 2."""

import sys
from collections.abc import Callable


class BadInput(ValueError):
    """Something the user gave is wrong; the message says what, where, and what to do."""


def main(run: Callable[[], object]) -> None:
    """Run a command; bad input ends it with exit code 2 and the message alone."""
    try:
        run()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
