"""One line of the table: a number that a command prints, beside what it promises."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Literal, NamedTuple, TypeVar

from scipy.stats import binomtest

Side = Literal["at least", "at most", "shown"]
Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Row:
    """What was measured over simulated logs, beside what it should be."""

    section: str
    what: str
    """The number and the command that prints it."""
    setting: str
    """Size of the log, share of takes, and what else was varied."""
    runs: int
    measured: float
    interval: tuple[float, float] | None
    """Of 95%, from the number of runs; None where it is not a share."""
    nominal: float | None
    side: Side
    """On which side of `nominal` it must be; `shown` if nothing is promised."""

    @property
    def kept(self) -> bool:
        """Whether the promise holds; by the interval's better end, since runs are few."""
        if self.nominal is None or self.side == "shown":
            return True
        low, high = self.interval or (self.measured, self.measured)
        return high >= self.nominal if self.side == "at least" else low <= self.nominal


class Effort(NamedTuple):
    """How much a section may do."""

    runs: int  # logs, experiments or nights of each setting
    seed: int  # of the first; others follow it, and sections share none with their tests
    workers: int  # processes
    quick: bool  # only to see that it works: few settings, few runs


def share_row(
    section: str,
    what: str,
    setting: str,
    hits: Sequence[bool],
    nominal: float | None,
    side: Side = "at least",
) -> Row:
    """A share of runs, with Wilson's interval."""
    count = sum(map(bool, hits))
    held = binomtest(count, len(hits)).proportion_ci(method="wilson")
    interval = (float(held.low), float(held.high))
    return Row(section, what, setting, len(hits), count / len(hits), interval, nominal, side)


def run_each(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int
) -> list[Result]:
    """Results of tasks in their order, by other processes; by this one if `workers` is 1."""
    if workers == 1:
        return [function(task) for task in tasks]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(function, tasks, chunksize=max(1, len(tasks) // (workers * 8))))
