"""Ten days of increments beside one reading of them, a full training, and no update."""

import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bench.seed_statistics import SeedMean, mean_of, ratio_of, seeds_of
from bench.training.night_figures import NightsOutcome
from bench.training.nights import Nights


@dataclass(frozen=True)
class DayOfIncrement:
    """A night, over seeds."""

    day: int
    """After the full training."""
    examples: float
    cpu_seconds: float
    value: SeedMean
    """Exact take of greedy, of which none is what the full training before earns."""


@dataclass(frozen=True)
class Increments:
    """What nights that take a day in come to."""

    seeds: list[int]
    history_days: int
    days: int
    decisions: int
    """Places on the pages of a day."""
    posterior_gap: float
    """Largest difference of a weight, of its mean or of a draw, between nights and one reading."""
    choices_differ: int
    """Choices of any head that differ between nights and one reading, over all seeds."""
    choices: int
    random: SeedMean
    best: SeedMean
    """Exact takes of random artwork and of the best."""
    before: SeedMean
    """Of greedy without an update."""
    by_day: list[DayOfIncrement]
    worst_night: float
    """Least ratio of a night's value to the one before it, over all seeds."""
    nights_below_none: int
    """Nights after which greedy earns less than without any update."""
    full: SeedMean
    """Of greedy by a full training on all days."""
    increments_to_full: SeedMean
    """Ratio after the last night."""
    seed_to_seed: SeedMean
    """The same ratio for another full training on all days, with another seed."""
    last_day_alone: SeedMean
    """Of greedy by a training on the last day alone that starts from the first bundle."""
    full_cpu_seconds: float
    full_examples: float
    seconds_ratio: float
    """Of a night to a full training."""
    examples_ratio: float
    last_to_first_night: float
    """Ratio of seconds: 1 where a night costs its day, however many came before."""


# Each parameter is an option of the command.
def increments(
    seeds: str = "1,2,3,4,5",
    titles: int = 24,
    members: int = 1500,
    history: int = 7,
    days: int = 10,
    decisions: int = 12_000,
    quick: bool = False,
    folder: Path | None = None,
) -> Increments:
    """Add days to a posterior: beside one reading, a full training, and no update.

    In the simulator's worlds, with true attributes in the pictures' place, so that what differs is
    the posterior alone. Values are the simulator's truth, on a day that nobody learnt from.

    Args:
        seeds: of worlds and trainings, separated by commas.
        titles: of each catalogue; six artworks each.
        members: of each world.
        history: days of the first full training.
        days: nights after it.
        decisions: places on the pages of a day, of which about four in ten are seen.
        quick: two small worlds: to see that it works.
        folder: where worlds are made and removed; a temporary folder if not given.
    """
    if quick:
        seeds, titles, members, history, days, decisions = "1,2", 4, 100, 3, 3, 1500
    torch.set_num_threads(1)
    numbers = seeds_of(seeds)
    outcomes = []
    for seed in numbers:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            nights = Nights.made(Path(scratch), seed, titles, members, decisions, history, days)
            outcomes.append(nights.outcome())
        say(seed, outcomes[-1])
    nights_of = [[one.nights[day] for one in outcomes] for day in range(days)]
    first, last = ([one.nights[at].cpu_seconds for one in outcomes] for at in (0, -1))
    by_day = [
        DayOfIncrement(
            day + 1,
            _mean(night.examples for night in nights),
            _mean(night.cpu_seconds for night in nights),
            mean_of([night.value for night in nights]),
        )
        for day, nights in enumerate(nights_of)
    ]
    night_seconds = _mean(day.cpu_seconds for day in by_day)
    full_seconds, full_examples = (
        _mean(one.full_cpu_seconds for one in outcomes),
        _mean(one.full_examples for one in outcomes),
    )
    return Increments(
        numbers,
        history,
        days,
        decisions,
        max(one.posterior_gap for one in outcomes),
        sum(one.choices_differ for one in outcomes),
        sum(one.choices for one in outcomes),
        mean_of([one.random for one in outcomes]),
        mean_of([one.best for one in outcomes]),
        mean_of([one.before for one in outcomes]),
        by_day,
        min(min(one.night_ratios) for one in outcomes),
        sum(night.value < one.before for one in outcomes for night in one.nights),
        mean_of([one.full for one in outcomes]),
        ratio_of([one.nights[-1].value for one in outcomes], [one.full for one in outcomes]),
        ratio_of([one.full_again for one in outcomes], [one.full for one in outcomes]),
        mean_of([one.last_day_alone for one in outcomes]),
        full_seconds,
        full_examples,
        night_seconds / full_seconds,
        _mean(day.examples for day in by_day) / full_examples,
        _mean(last) / _mean(first),
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def say(seed: int, outcome: NightsOutcome) -> None:
    """Progress, for people."""
    print(f"seed {seed}: {asdict(outcome)}", file=sys.stderr, flush=True)


def show_increments(found: Increments) -> None:
    """Print a row a night, then what they come to."""
    table = Table("night", "examples", "CPU seconds", "greedy's exact take")
    table.add_row("none", "", "", found.before.text(4))
    for night in found.by_day:
        seconds = f"{night.cpu_seconds:.2f}"
        table.add_row(str(night.day), f"{night.examples:,.0f}", seconds, night.value.text(4))
    whole = f"{found.full_examples:,.0f}", f"{found.full_cpu_seconds:.2f}", found.full.text(4)
    table.add_row("full training", *whole)
    table.add_row("last day alone, warm", "", "", found.last_day_alone.text(4))
    Console().print(table)
    for name, value in asdict(found).items():
        if isinstance(value, (int, float)):
            print(f"{name}: {value:g}")
    print(f"increments to full: {found.increments_to_full.text(4)}")
    print(f"full training to full training: {found.seed_to_seed.text(4)}")
