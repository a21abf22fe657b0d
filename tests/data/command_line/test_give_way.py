"""Who gives way runs where nobody else wants the processor. About 0.3 s."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASKED = """
import os, threading
from pathlib import Path
from data.command_line.give_way import give_way
held = threading.Event()
earlier = threading.Thread(target=held.wait)
earlier.start()
give_way()
later = threading.Thread(target=held.wait)
later.start()
print({os.sched_getscheduler(int(one.name)) for one in Path("/proc/self/task").iterdir()})
print({os.getpriority(os.PRIO_PROCESS, int(one.name)) for one in Path("/proc/self/task").iterdir()})
session = Path("/proc/self/autogroup")
print(session.read_text().split()[-1] if session.exists() else "none")
held.set()
"""
SHARED = Path("/proc/sys/kernel/sched_autogroup_enabled")


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no idle rank")
@pytest.mark.parametrize("own", [True, False])
def test_every_thread_stands_back_and_a_session_of_its_own_as_a_whole(own):
    command = [sys.executable, "-c", ASKED]
    ended = subprocess.run(
        command, start_new_session=own, capture_output=True, text=True, check=True
    )
    policies, ranks, session = ended.stdout.splitlines()
    assert policies == str({os.SCHED_IDLE})
    assert ranks == "{19}"
    if SHARED.exists() and SHARED.read_text().strip() == "1":
        before = Path("/proc/self/autogroup").read_text().split()[-1]
        assert session == ("19" if own else before)
