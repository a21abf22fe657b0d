"""A loop that dies wherever it can: `python -m tests.loop.deaths toy|policy OUT [CATALOGUE]`.

One child after another goes on with it, and each kills itself, by SIGKILL, at the first moment at
which none has died yet: before a step, when the step has done half of what it does, and when it is
done and not noted. Prints those moments in order. The parent touches no data, so it may fork.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from loop.named_policies import Learning
from loop.policy_loop import PolicyLoop, PolicyLoopSettings
from loop.state import LoopState, Moment, Step
from simulate.browsing.day import Browsing

DAYS = 4
Die = Callable[[str], None]


def toy(out: Path, die: Die) -> None:
    """Steps that append a line to a journal: two lines each, death between them."""
    state = LoopState.open(out, {"colour": "red"})

    def step(name: str) -> Step:
        def do(day: int) -> None:
            for half in ("first", "second"):
                with (out / "journal").open("a") as journal:
                    journal.write(f"{day} {name} {half}\n")
                if half == "first":
                    die(f"{day} {name} half")
            state.row(day)[name] = f"done on {day}"

        return Step(name, do)

    days = {0: [step("dig"), step("sow")]}
    ordinary = [step("water"), step("weed"), step("look")]
    state.run(lambda day: days.get(day, ordinary), DAYS, noticing(die))


def policy(out: Path, die: Die, catalogue: Path) -> None:
    """The loop of tests/loop/test_policy_loop.py; a step has done half when it moves a file."""
    at = ""

    def progress(moment: Moment) -> None:
        nonlocal at
        at = "" if moment.done else f"{moment.day} {moment.step}"
        noticing(die)(moment)

    def moves(event: str, arguments: tuple[object, ...]) -> None:
        if at and event == "os.rename":
            die(f"{at} half")

    loop = PolicyLoop(out, small(catalogue))
    sys.addaudithook(moves)
    loop.run(DAYS, progress)


def small(catalogue: Path) -> PolicyLoopSettings:
    """A loop of few decisions."""
    return PolicyLoopSettings(
        Learning("beta_thompson"), catalogue, members=60, browsing=Browsing(400, seed=4)
    )


def noticing(die: Die) -> Callable[[Moment], None]:
    def progress(moment: Moment) -> None:
        die(f"{moment.day} {moment.step} {'done' if moment.done else 'begins'}")

    return progress


def deaths(run: Callable[[Die], None]) -> list[str]:
    """Let one child after another run until one comes to the end; where the others died.

    Raises:
        RuntimeError: a child failed.
    """
    died: list[str] = []
    while True:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            _live(run, partial(_die, died, write))
        os.close(write)
        with os.fdopen(read) as words:
            moment = words.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return died
        if status != -signal.SIGKILL:
            raise RuntimeError(f"after the deaths {died}, a child ended with {status}")
        died.append(moment)


def _live(run: Callable[[Die], None], die: Die) -> NoReturn:
    code = 1
    try:
        run(die)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _die(died: list[str], write: int, moment: str) -> None:
    if moment not in died:
        os.write(write, moment.encode())
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    kind, out, *rest = sys.argv[1:]
    if kind == "toy":
        print(json.dumps(deaths(lambda die: toy(Path(out), die))))
    else:
        print(json.dumps(deaths(lambda die: policy(Path(out), die, Path(rest[0])))))
