"""What a minute of a long run used and took, and how it grew over all of them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.faults.stage.live_process import family, open_files

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


class Reading(NamedTuple):
    """One minute."""

    minute: int
    page_ms: float  # median
    unit_ms: float  # median of the fixed work, done in turn with the pages
    ratio: float  # of the two medians
    p99_ratio: float
    cpu_ms_a_page: float  # of the service's processor time, events included
    service_mb: float  # resident
    helpers_mb: float  # resident, of the processes that it started
    descriptors: int
    threads: int
    disk_mb: dict[str, float]  # by kind
    files: dict[str, int]


class Growth(NamedTuple):
    """A straight line through the minutes after the warm-up."""

    an_hour: float
    over_the_run: float
    standard_error: float  # of that


def resident_mb(pids: Sequence[int]) -> float:
    """Memory of processes."""
    pages = 0
    for pid in pids:
        try:
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    return round(pages * PAGE / 1e6, 2)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def threads_of(pid: int) -> int:
    """How many a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def held(pid: int) -> tuple[float, float, int, int]:
    """Memory of a process and of what it started, its descriptors, its threads."""
    own, *others = family(pid)
    return resident_mb([own]), resident_mb(others), len(open_files(own)), threads_of(own)


def disk(folder: Path, kinds: Sequence[str]) -> tuple[dict[str, float], dict[str, int]]:
    """Megabytes and files below a folder by kind; what is of none is `other`."""
    sizes = dict.fromkeys((*kinds, "other"), 0.0)
    files = dict.fromkeys((*kinds, "other"), 0)
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        kind = next((kind for kind in kinds if name.startswith(kind)), "other")
        try:
            if path.is_symlink() or not path.is_file():
                continue
            sizes[kind] += path.stat().st_size
        except OSError:  # moved meanwhile
            continue
        files[kind] += 1
    return {kind: round(size / 1e6, 3) for kind, size in sizes.items()}, files


def growth(minutes: Sequence[float], values: Sequence[float]) -> Growth:
    """The least-squares line through readings."""
    x, y = np.asarray(minutes, float), np.asarray(values, float)
    if len(x) < 3:
        return Growth(0.0, 0.0, float("inf"))
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    left = y - y.mean() - slope * centred
    error = float(np.sqrt(left @ left / (len(x) - 2) / (centred @ centred)))
    length = float(x[-1] - x[0])
    return Growth(round(slope * 60, 4), round(slope * length, 4), round(error * length, 4))
