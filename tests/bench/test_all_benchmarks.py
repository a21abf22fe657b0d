"""`python -m bench all`: nothing that measures is forgotten, no failure passes for success."""

import pytest

from bench.__main__ import COMMANDS
from bench.all_benchmarks import CASES, Case, all_benchmarks, exit_code, run_all
from data.errors import BadInput

EXCUSED = {"all": "it runs the others"}
"""Command → why it is not among those that are run."""


def test_every_benchmark_is_run_or_excused():
    run = {case.arguments[0] for case in CASES.values()}
    assert run | EXCUSED.keys() == COMMANDS.keys()
    assert not run & EXCUSED.keys()


def test_one_that_fails_is_named_and_stops_no_other():
    cases = {
        "broken": Case(("ope", "--part", "nothing")),
        "optional": Case(("failures",), why_not="there is no Redis"),
        "sound": Case(("ope", "--part", "coverage")),
    }
    records = run_all(cases, quick=True)
    assert list(records) == list(cases)
    assert "--part nothing" in str(records["broken"]["failed"])
    assert records["optional"] == {"left_out": "there is no Redis"}
    assert records["sound"].keys().isdisjoint(("failed", "left_out"))
    assert exit_code(records) == 1
    assert exit_code({name: records[name] for name in ("optional", "sound")}) == 0


def test_a_benchmark_that_is_not_there_is_refused():
    with pytest.raises(BadInput, match="--only lookups: choose among lookup, "):
        all_benchmarks(only="lookups", quick=True)
