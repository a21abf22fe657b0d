"""How a command refuses bad input: one paragraph on stderr and exit code 2."""

import os
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
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; nothing may be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
