"""The time of decisions, receipts and days: the machine's, or one that a simulation turns.

Whatever stamps a record asks here, so that a closed loop can live through a week in minutes: the
environment variable MARQUEE_CLOCK then names a file of eight bytes, which says what time it is.
Deadlines and waits go by the machine's own clock always.
"""

import mmap
import os
import struct
import time
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from data.atomic_write import whole_file
from data.errors import BadInput

VARIABLE = "MARQUEE_CLOCK"
_MICROSECONDS = struct.Struct("<q")


def now_us() -> int:
    """Microseconds since 1970-01-01 UTC.

    Raises:
        BadInput: MARQUEE_CLOCK names no clock.
    """
    turned = os.environ.get(VARIABLE)
    if not turned:
        return time.time_ns() // 1000
    return _MICROSECONDS.unpack_from(_face(turned))[0]


def now() -> float:
    """Seconds since 1970-01-01 UTC."""
    return now_us() / 1e6


def today() -> date:
    """The date, in UTC."""
    return datetime.fromtimestamp(now_us() // 1_000_000, UTC).date()


def turn(file: Path, microseconds: int) -> None:
    """Set a simulation's clock; every process that reads it sees the new time at once."""
    if not file.is_file():
        with whole_file(file) as part:
            part.write_bytes(_MICROSECONDS.pack(microseconds))
    with file.open("r+b") as held:
        held.write(_MICROSECONDS.pack(microseconds))


@cache
def _face(path: str) -> mmap.mmap:
    try:
        with Path(path).open("rb") as file:
            return mmap.mmap(file.fileno(), _MICROSECONDS.size, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{VARIABLE}={path} is no clock ({error}); leave it unset to go by the machine's"
        ) from None
