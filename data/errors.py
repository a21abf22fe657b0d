"""How a command ends that cannot go on: a sentence on stderr, with 2 for bad input, else 1."""

import errno
import os
import sys
from collections.abc import Callable


class BadInput(ValueError):
    """Something the user gave is wrong; the message says what, where, and what to do."""


class NoServerError(BadInput):
    """A server that was named does not answer; it may be on its way."""


class Unavailable(RuntimeError):
    """What a command needs does not answer or takes no more; the message says what, and where."""


def first_line(error: BaseException, most: int = 300) -> str:
    """What a library's error says, as part of a sentence of ours: one line, and so much of it.

    An error may say nothing at all, or repeat a value of any size.
    """
    line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return line.strip()[:most]


DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)
"""What a disk says that is full, read-only or broken."""
CANNOT_WRITE = (*DISK, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENOENT, errno.EEXIST)
"""What the system says of a folder that takes nothing."""


def warn_of_cache(folder: object, error: OSError) -> None:
    """Say that a cache stays as it is: what it would hold is made again, and work goes on.

    Raises:
        OSError: the given one, if it is another kind of trouble.
    """
    if error.errno not in CANNOT_WRITE:
        raise error
    print(
        f"warning: the cache {folder} cannot be written ({error.strerror}); what it lacks is made "
        "each time, and kept in memory",
        file=sys.stderr,
        flush=True,
    )


def main(run: Callable[[], object]) -> None:
    """Run a command; what ends it is one line.

    Bad input, and a place that may not be used, end it with exit code 2; a disk that is full,
    read-only or broken, or a store that does not answer, with 1.
    """
    try:
        run()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except Unavailable as error:
        print(f"error: {error}; see to it, and run the command again", file=sys.stderr)
        raise SystemExit(1) from None
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; nothing may be flushed into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    except OSError as error:
        if error.errno in DISK:
            words = "nothing is there by half; make room, or make it writable, and run it again"
            print(f"error: the disk took no more: {error}; {words}", file=sys.stderr)
            raise SystemExit(1) from None
        print(f"error: {_refused_by_the_system(error)}", file=sys.stderr)
        raise SystemExit(2) from None


def _refused_by_the_system(error: OSError) -> str:
    """What the system would not do, and where."""
    reason = error.strerror or str(error) or type(error).__name__
    where = "" if error.filename is None else f"{error.filename}: "
    return f"{where}{reason[:1].lower()}{reason[1:]}; give another place, or make this one usable"
