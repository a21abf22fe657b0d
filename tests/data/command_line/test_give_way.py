"""Who gives way runs where nobody else wants the processor. About 0.3 s."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASKED = """
import os, sys, threading
from pathlib import Path
from data.command_line.give_way import give_way
held = threading.Event()
threading.Thread(target=held.wait, daemon=True).start()
give_way()
threading.Thread(target=held.wait, daemon=True).start()
print({os.sched_getscheduler(int(one.name)) for one in Path("/proc/self/task").iterdir()})
print({os.getpriority(os.PRIO_PROCESS, int(one.name)) for one in Path("/proc/self/task").iterdir()})
print(Path(sys.argv[1]).read_text())
"""
SHARED = Path("/proc/sys/kernel/sched_autogroup_enabled")
SESSION = Path("/proc/self/autogroup")
"""Empty where no session was begun since the machine started."""


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no idle rank")
@pytest.mark.parametrize("own", [True, False])
def test_every_thread_stands_back_and_a_session_of_its_own_as_a_whole(own):
    shares = SHARED.exists() and SHARED.read_text().strip() == "1"
    command = [sys.executable, "-c", ASKED, SESSION if shares else os.devnull]
    ended = subprocess.run(
        command, start_new_session=own, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    policies, ranks, *session = ended.stdout.split("\n")
    assert policies == str({os.SCHED_IDLE})
    assert ranks == "{19}"
    if shares:
        before = SESSION.read_text().split()[-1:]
        assert "".join(session).split()[-1:] == (["19"] if own else before)
