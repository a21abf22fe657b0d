"""Training: speed beside the naive way, growth with the examples, a day's increment, processes.

The examples are a simulated log (posters that were rendered, members who browsed them), repeated
with new ids and times until there are as many as asked for.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from bench.measured import log_slope
from bench.training.log import repeated, simulated
from bench.training.naive import ratio_to_naive
from bench.training.processes import beside_one
from bench.training.runs import Runs
from data.errors import BadInput

PARTS = ("naive", "sizes", "increment", "processes")
HISTORIES = 1, 10
"""Days of history that an increment comes on top of."""


# Each parameter is an option of the command.
def training(
    sizes: str | None = None,
    passes: int = 1,
    epochs: int = 4,
    buffer: int = 262_144,
    day: int = 100_000,
    parts: str | None = None,
    quick: bool = False,
    folder: Path | None = None,
) -> dict[str, object]:
    """Training: impressions a second, time and memory by size, increments, processes.

    Args:
        sizes: how many examples, separated by commas; 100000,1000000,10000000 if not given.
        passes: of the towers over all examples.
        epochs: of the encoder.
        buffer: examples held in memory at a time.
        day: examples of a day, where an increment is measured.
        parts: of naive, sizes, increment and processes, separated by commas; all if not given.
        quick: on few examples: to see that it works.
        folder: where examples are made and removed; a temporary folder if not given.
    """
    chosen = parts_of(parts)
    counts = sizes_of(sizes, quick)
    if quick:
        epochs, buffer, day = 1, 512, 600
    result: dict[str, object] = {"cores": len(os.sched_getaffinity(0)), "passes": passes}
    result |= {"epochs": epochs, "buffer": buffer}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        at = Path(scratch)
        sample = simulated(at / "sample", 6 if quick else 60, 3000 if quick else 200_000)
        base = ds.dataset(sample.examples).to_table()
        run = Runs(at, sample.catalogue, epochs, passes, buffer)
        if "naive" in chosen:
            result |= ratio_to_naive(sample.catalogue, base, at / "cache", quick)
            say(result)
        if "sizes" in chosen:
            result |= by_size(run, base, counts)
        if "increment" in chosen:
            result["increment"] = increments(run, base, day, HISTORIES[: 1 if quick else None])
        if "processes" in chosen:
            count = 1000 if quick else 50_000
            result["processes"] = beside_one(run, base, count, at, sample.catalogue)
            say(result["processes"])
    return result


def parts_of(text: str | None) -> list[str]:
    """What to measure, as a command line says it; everything if it says nothing.

    Raises:
        BadInput: there is no such part.
    """
    if text is None:
        return list(PARTS)
    chosen = text.split(",")
    if unknown := sorted(set(chosen) - set(PARTS)):
        raise BadInput(f"--parts {unknown[0]}: there are {', '.join(PARTS)}")
    return chosen


def sizes_of(text: str | None, quick: bool) -> list[int]:
    """Numbers of examples, as a command line says them.

    Raises:
        BadInput: they are no numbers, or too small to measure anything.
    """
    if text is None:
        return [1000] if quick else [10**5, 10**6, 10**7]
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        raise BadInput(f"--sizes {text}: whole numbers separated by commas are needed") from None
    if min(sizes) < 1000:
        raise BadInput(f"--sizes {text}: fewer than 1000 examples measure nothing")
    return sizes


def by_size(run: Runs, base: pa.Table, sizes: list[int]) -> dict[str, object]:
    """Time and memory of training on so many examples of ten days."""
    rows, runs = [], []
    for count in sizes:
        examples = run.at / f"examples-{count}"
        size = repeated(base, count, 10, examples)
        done = run(examples, may_fail=True)
        each = round(count / done.seconds)
        runs.append(done)
        rows.append({"examples": count, "bytes": size} | done.figures())
        rows[-1] |= {"examples_per_second": each}
        say(rows[-1])
        shutil.rmtree(examples)
    peaks = [done.peak_bytes for done in runs]
    pairs = zip(sizes, peaks, strict=True)
    beyond = [peak for count, peak in pairs if count > 2 * run.buffer]
    return {
        "sizes": rows,
        "log_slope": log_slope(sizes, [done.seconds for done in runs]),
        "memory_ratio": round(peaks[-1] / peaks[0], 3),
        "memory_ratio_beyond_a_buffer": round(beyond[-1] / beyond[0], 3) if beyond else None,
    }


def increments(run: Runs, base: pa.Table, day: int, histories: Sequence[int]) -> dict[str, object]:
    """A day's increment, warm from a bundle, on top of so many days of history."""
    rows, runs = [], []
    warm: Path | None = None
    for days in histories:
        examples = run.at / f"history-{days}"
        repeated(base, day * (days + 1), days + 1, examples)
        latest = "--data.window-days", 1
        warm = warm or run(examples, *latest).bundle
        runs.append(run(examples, *latest, "--fit.warm-start", warm))
        rows.append({"history_days": days} | runs[-1].figures())
        say(rows[-1])
        shutil.rmtree(examples)
    ratio = runs[-1].seconds / runs[0].seconds
    return {"examples_a_day": day, "histories": rows, "ratio": round(ratio, 3)}


def say(row: object) -> None:
    """Progress, for people."""
    print(row, file=sys.stderr, flush=True)
