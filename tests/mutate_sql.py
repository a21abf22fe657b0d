"""How many small faults in the join's SQL the tests notice: `python -m tests.mutate_sql`.

mutmut changes Python, and what an example is stands in SQL. Here one word of it is changed at a
time (a bound, a sign, an order, a join), and the tests of the join run in a process of its own
until one fails. The interval is Wilson's, as `tests.mutate` gives it.
"""

import argparse
import io
import os
import random
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
from scipy.stats import binomtest

from data.join import join
from data.join.events import worth
from tests.structure import ROOT

SWAPS = {
    r">=": [">", "<="],
    r"<=": ["<", ">="],
    r"<>": ["="],
    r"(?<=\s)=(?=\s)": ["<>"],
    r"(?<=\s)<(?=\s)": ["<=", ">"],
    r"(?<=\s)>(?=\s)": [">=", "<"],
    r"(?<=\s)\+(?=\s)": ["-"],
    r"(?<=\s)-(?=\s)": ["+"],
    r"\bmin\(": ["max("],
    r"\bmax\(": ["min("],
    r"\bleast\(": ["greatest("],
    r"\bgreatest\(": ["least("],
    r"\bAND\b": ["OR"],
    r"\bLEFT JOIN\b": ["JOIN"],
    r"\bIS NULL\b": ["IS NOT NULL"],
    r"\bIS NOT NULL\b": ["IS NULL"],
    r"\bNULLS LAST\b": ["NULLS FIRST"],
    r"\bDISTINCT\b": [""],
    r"\bDESC\b": [""],
    r"\bUNION ALL\b": ["UNION"],
    r"\bIN\b(?= \()": ["NOT IN"],
    r"\b0\b": ["1"],
    r"\b1\b": ["0", "2"],
    r"'(play|progress|thumb|impression)'": ["'none'"],
    r"\{window_us\}|\{base_us\}|\{skew_us\}|\{horizon_us\}": ["0"],
}
"""What is looked for → what takes its place, each by itself."""
EQUIVALENT = {
    "join UNION ALL UNION": "an engagement is of one branch: it names its decision or does not",
}
"""Faults that change nothing: file, what was there, what is → why."""
SLOW = ("spark", "rendered", "own_facts", "same_examples", "its_definition")
"""Tests that would see no more, and take most of the time."""
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--assert=plain"]
TESTS = ["tests/data/join", "-k", " and ".join(f"not {name}" for name in SLOW)]


class Change(NamedTuple):
    """One changed place of one text."""

    file: str
    start: int
    stop: int
    new: str

    def text(self, old: str) -> str:
        """The text with the fault in it."""
        return old[: self.start] + self.new + old[self.stop :]

    def words(self, old: str) -> str:
        """Where it is, and what it does."""
        line = old.count("\n", 0, self.start) + 1
        around = old.splitlines()[line - 1].strip()
        return f"{self.file}.sql:{line}: {old[self.start : self.stop]} → {self.new!r} in {around}"


TEXTS = {
    "join": join.SQL,
    "chosen": join.CHOSEN,
    "tallies": worth.TALLIES,
    "set_aside": Path(join.__file__).with_name("set_aside.sql").read_text(),
}


def changes(file: str, text: str) -> Iterator[Change]:
    """Every fault of one text; comments say nothing."""
    comments = [match.span() for match in re.finditer(r"--[^\n]*", text)]
    for pattern, news in SWAPS.items():
        for match in re.finditer(pattern, text):
            if not any(a <= match.start() < b for a, b in comments):
                yield from (Change(file, *match.span(), new) for new in news)


def put(file: str, text: str) -> None:
    """Let this process's join speak a changed text."""
    said = TEXTS | {file: text}
    join.SQL, join.CHOSEN, worth.TALLIES = said["join"], said["chosen"], said["tallies"]
    join.SET_ASIDE = said["set_aside"].format(chosen=said["chosen"])


def passes(file: str, text: str) -> bool:
    """Whether all tests pass with a text; in a process of its own.

    Raises:
        SystemExit: the tests did not run to an end, so nothing is known.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                put(file, text)
                code = int(pytest.main([*OPTIONS, *TESTS]))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise SystemExit(f"the tests of a changed {file}.sql ended with {code}: run them by hand")
    return code == pytest.ExitCode.OK


def main() -> None:
    """Print survivors, and a line of counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, help="faults; all if not given")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    os.chdir(ROOT)
    if not passes("join", TEXTS["join"]):
        raise SystemExit("the tests of the join fail as it is; mend them first")
    every = [change for file, text in TEXTS.items() for change in changes(file, text)]
    random.Random(given.seed).shuffle(every)
    killed, same, alive = 0, 0, []
    for change in every[: given.sample]:
        old = TEXTS[change.file][change.start : change.stop]
        if not passes(change.file, change.text(TEXTS[change.file])):
            killed += 1
        elif f"{change.file} {old} {change.new}" in EQUIVALENT:
            same += 1
        else:
            alive.append(change)
            print("  survived ", change.words(TEXTS[change.file]), flush=True)
        print(f"{killed} killed, {len(alive)} alive, {same} equivalent", file=sys.stderr)
    counted = killed + len(alive)
    interval = binomtest(killed, max(counted, 1)).proportion_ci(method="wilson")
    print(
        f"sql         {killed} killed, {len(alive)} survived, {same} equivalent, of "
        f"{killed + len(alive) + same} of {len(every)}: {killed / max(counted, 1):.1%} "
        f"({interval.low:.1%} to {interval.high:.1%})"
    )


if __name__ == "__main__":
    main()
