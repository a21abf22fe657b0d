"""Training: speed beside the naive way, growth with the examples, a day's increment, processes.

The examples are a simulated log (posters that were rendered, members who browsed them), repeated
with new ids and times until there are as many as asked for.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from bench.training.log import repeated, simulated
from bench.training.naive import ratio_to_naive
from bench.training.processes import beside_one
from data.errors import BadInput

HISTORIES = 1, 10
"""Days of history that an increment comes on top of."""


def training(
    sizes: str | None = None,
    passes: int = 1,
    epochs: int = 4,
    buffer: int = 262_144,
    day: int = 100_000,
    parts: str | None = None,
    quick: bool = False,
    folder: Path | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Training: impressions a second, time and memory by size, increments, processes.

    Args:
        sizes: how many examples, separated by commas; 100000,1000000,10000000 if not given.
        passes: of the towers over all examples.
        epochs: of the encoder.
        buffer: examples held in memory at a time.
        day: examples of a day, where an increment is measured.
        parts: of naive, sizes, increment and processes, separated by commas; all if not given.
        quick: on few examples, the first two parts if none is given; figures that mean little.
        folder: where examples are made and removed; a temporary folder if not given.
        json: print one JSON object.
    """
    chosen = parts_of(parts, quick)
    counts = sizes_of(sizes, quick)
    if quick:
        epochs, buffer, day = 1, 2048, 2000
    told: dict[str, Any] = {"cores": len(os.sched_getaffinity(0)), "passes": passes,
                            "epochs": epochs, "buffer": buffer}  # fmt: skip
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        at = Path(scratch)
        made = simulated(at / "sample", 6 if quick else 60, 3000 if quick else 200_000)
        base = ds.dataset(made.examples).to_table()
        run = Runs(at, made.catalogue, epochs, passes, buffer)
        if "naive" in chosen:
            told |= ratio_to_naive(made.catalogue, base, at / "cache", quick)
            say(told)
        if "sizes" in chosen:
            told |= by_size(run, base, counts)
        if "increment" in chosen:
            told["increment"] = increments(run, base, day)
        if "processes" in chosen:
            told["processes"] = beside_one(run, base, 2000 if quick else 50_000, at, made.catalogue)
            say(told["processes"])
    return told


def parts_of(text: str | None, quick: bool) -> list[str]:
    """What to measure, as a command line says it.

    Raises:
        BadInput: there is no such part.
    """
    known = ["naive", "sizes", "increment", "processes"]
    if text is None:
        return known[:2] if quick else known
    chosen = text.split(",")
    if unknown := sorted(set(chosen) - set(known)):
        raise BadInput(f"--parts {unknown[0]}: there are {', '.join(known)}")
    return chosen


def sizes_of(text: str | None, quick: bool) -> list[int]:
    """Numbers of examples, as a command line says them.

    Raises:
        BadInput: they are no numbers, or too small to measure anything.
    """
    if text is None:
        return [2000, 8000] if quick else [10**5, 10**6, 10**7]
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        raise BadInput(f"--sizes {text}: whole numbers separated by commas are needed") from None
    if min(sizes) < 1000:
        raise BadInput(f"--sizes {text}: fewer than 1000 examples measure nothing")
    return sizes


class Runs:
    """Runs train.py in processes of their own, always with the same settings."""

    def __init__(self, at: Path, catalogue: Path, epochs: int, passes: int, buffer: int) -> None:
        self.at, self.catalogue, self.buffer = at, catalogue, buffer
        self.epochs, self.passes, self.number = epochs, passes, 0

    def __call__(self, examples: Path, *options: object, may_fail: bool = False) -> dict[str, Any]:
        """Seconds, CPU seconds, peak bytes and the bundle of one run.

        Raises:
            RuntimeError: the run failed, and it may not.
        """
        context = get_context("spawn")
        results = context.Queue()
        self.number += 1
        out = self.at / f"run-{self.number}"
        command = [
            "train.py", "--data.examples", examples, "--data.catalogue", self.catalogue,
            "--data.cache", self.at / "cache", "--out", out, "--publish.bundles", out / "bundles",
            "--fit.epochs", self.epochs, "--fit.passes", self.passes, "--fit.patience", 1000,
            "--fit.buffer", self.buffer, "--fit.threads", 1, *options,
        ]  # fmt: skip
        process = context.Process(target=measured, args=([str(c) for c in command], results))
        process.start()
        seconds, worked, peak, code, complaint = results.get()
        process.join()
        told = {"seconds": round(seconds, 2), "cpu_seconds": round(worked, 2), "peak_bytes": peak}
        if code and not may_fail:
            raise RuntimeError(f"train.py ended with {code}: {complaint}")
        if code:  # its figures count as far as it came; whoever reads them must know
            said = [line for line in complaint.splitlines() if "rror" in line]
            return told | {"bundle": None, "failed": said[-1] if said else f"exit code {code}"}
        return told | {"bundle": (out / "bundles" / "current").resolve()}


def measured(command: list[str], results: Any) -> None:
    """In a process of its own: run a command to its end, and report what it took."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=Path(__file__).parents[2], capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = used.ru_utime + used.ru_stime
    tail = done.stderr[-2000:]
    results.put((seconds, worked, used.ru_maxrss * 1024, done.returncode, tail))


def by_size(run: Runs, base: pa.Table, sizes: list[int]) -> dict[str, Any]:
    """Time and memory of training on so many examples of ten days."""
    rows = []
    for count in sizes:
        examples = run.at / f"examples-{count}"
        size = repeated(base, count, 10, examples)
        row = run(examples, may_fail=True)
        row.pop("bundle")
        each = round(count / row["seconds"])
        rows.append({"examples": count, "bytes": size, **row, "examples_per_second": each})
        say(rows[-1])
        shutil.rmtree(examples)
    logs = np.log([[row["examples"], row["seconds"]] for row in rows])
    slope = float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0]) if len(rows) > 1 else None
    beyond = [row["peak_bytes"] for row in rows if row["examples"] > 2 * run.buffer]
    return {
        "sizes": rows,
        "log_slope": None if slope is None else round(slope, 3),
        "memory_ratio": round(rows[-1]["peak_bytes"] / rows[0]["peak_bytes"], 3),
        "memory_ratio_beyond_a_buffer": round(beyond[-1] / beyond[0], 3) if beyond else None,
    }


def increments(run: Runs, base: pa.Table, day: int) -> dict[str, Any]:
    """A day's increment, warm from a bundle, on top of one day of history and of ten."""
    rows: list[dict[str, Any]] = []
    warm: Path | None = None
    for days in HISTORIES:
        examples = run.at / f"history-{days}"
        repeated(base, day * (days + 1), days + 1, examples)
        latest = "--data.window-days", 1
        warm = warm or run(examples, *latest)["bundle"]
        row = run(examples, *latest, "--fit.warm-start", warm)
        row.pop("bundle")
        rows.append({"history_days": days, **row})
        say(rows[-1])
        shutil.rmtree(examples)
    ratio = rows[-1]["seconds"] / rows[0]["seconds"]
    return {"examples_a_day": day, "histories": rows, "ratio": round(ratio, 3)}


def say(row: object) -> None:
    """Progress, for people."""
    print(row, file=sys.stderr, flush=True)
