"""A command stands back behind what serves members on the same machine."""

import os
from contextlib import suppress
from pathlib import Path

LAST = 19
"""The lowest rank there is."""
OWN_SESSION = Path("/proc/self/autogroup")
"""How a session of its own ranks among others, where the kernel shares by session."""


def give_way() -> None:
    """Stand back, all threads of this process: those that libraries began keep a rank of their own.

    They run where nobody else of their group wants the processor, and a decision that wakes takes
    their place at once. A session of this process' own stands back as a whole.
    """
    tasks = Path("/proc/self/task")
    every = [int(one.name) for one in tasks.iterdir()] if tasks.is_dir() else [0]
    for thread in every:
        with suppress(OSError):  # it has ended, or a container forbids it
            os.setpriority(os.PRIO_PROCESS, thread, LAST)
            if hasattr(os, "SCHED_IDLE"):
                os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
    if OWN_SESSION.exists() and os.getsid(0) == os.getpid():
        with suppress(OSError):
            OWN_SESSION.write_text(str(LAST))
