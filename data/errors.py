"""How a command refuses bad input: one paragraph on stderr and exit code 2."""

import os
import sys
from collections.abc import Callable


class BadInput(ValueError):
    """Something the user gave is wrong; the message says what, where, and what to do."""


def main(run: Callable[[], object]) -> None:
    """Run a command; bad input, and a place it may not use, end it with exit code 2 and a line."""
    try:
        run()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; nothing may be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        print(f"error: {_refused_by_the_system(error)}", file=sys.stderr)
        raise SystemExit(2) from None


def _refused_by_the_system(error: OSError) -> str:
    """What the system would not do, and where: a folder that is read-only, a disk that is full."""
    reason = error.strerror or str(error) or type(error).__name__
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{reason[:1].lower()}{reason[1:]}; give another place, or make this one usable"
