"""All faults, by kind."""

from functools import cache

from bench.faults import (
    callers,
    catalogues,
    clocks,
    concurrency,
    damage,
    disks,
    processes,
    redis_faults,
    serving_files,
)

KINDS = {
    "processes": processes.BREAKAGES,
    "disks": disks.BREAKAGES,
    "clocks": clocks.BREAKAGES,
    "damaged logs": damage.BREAKAGES,
    "damaged stores": serving_files.BREAKAGES,
    "Redis": redis_faults.BREAKAGES,
    "two at once": concurrency.BREAKAGES,
    "odd input": catalogues.BREAKAGES,
    "callers": callers.BREAKAGES,
}
BREAKAGES = [breakage for kind in KINDS.values() for breakage in kind]


@cache
def by_kind() -> dict[str, str]:
    """Fault → kind."""
    return {breakage.name: kind for kind, faults in KINDS.items() for breakage in faults}
