"""All faults, by kind."""

from functools import cache

from bench.faults import (
    callers,
    catalogues,
    clocks,
    concurrency,
    damage,
    disks,
    log_disks,
    models,
    odd_input,
    processes,
    redis_faults,
    stores,
)

KINDS = {
    "processes": processes.BREAKAGES,
    "disks": (*log_disks.BREAKAGES, *disks.BREAKAGES),
    "clocks": clocks.BREAKAGES,
    "damaged logs": damage.BREAKAGES,
    "damaged stores": stores.BREAKAGES,
    "damaged models": models.BREAKAGES,
    "Redis": redis_faults.BREAKAGES,
    "two at once": concurrency.BREAKAGES,
    "odd input": (*catalogues.BREAKAGES, *odd_input.BREAKAGES),
    "callers": callers.BREAKAGES,
}
BREAKAGES = [breakage for kind in KINDS.values() for breakage in kind]


@cache
def by_kind() -> dict[str, str]:
    """Fault → kind."""
    return {breakage.name: kind for kind, faults in KINDS.items() for breakage in faults}
