"""`python -m bench rules`: are rules kept, exact, the same everywhere, and at what cost."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench.optional import why_no_spark
from bench.rules.figures import bounded_shares, held_estimates, mean_weight
from bench.rules.lives import Lived, RuledWorld, live_life, mapped_life, turned_clock
from bench.rules.rates import live_rates, lookup_rates
from bench.rules.same import same_everywhere

FREE = (0, 0.0)


# The record is the function: one line a figure.
def rules(
    lives: int = 20,
    hours: int = 240,
    titles: int = 24,
    members: int = 24,
    pages: int = 8,
    rules: int = 1000,
    seconds: float = 2.0,
    times: int = 5,
    quick: bool = False,
) -> dict[str, object]:
    """Ten days under rules of every effect that change each hour, and rates with a thousand rules.

    Every row of every log, and every map at every hour, is held against rules that are read one by
    one; estimates stand beside the truth; the same hour is decided by precompute, by the live
    service and, where it is installed, by Spark.

    Args:
        lives: Logs of maps whose estimates are held against the truth; one more is of live pages.
        hours: Of each life.
        titles: Of six artworks each.
        members: With maps.
        pages: Live pages an hour.
        rules: Loaded where rates are measured.
        seconds: Of each stretch of a rate.
        times: Stretches of each; medians count.
        quick: One short life and one short stretch: to see that it works.
    """
    if quick:
        lives, hours, pages, seconds, times = 1, 26, 4, 0.2, 1
    mapped, live, same = _lives(lives, hours, titles, members, pages)
    estimates = [one for seed, life in enumerate(mapped) for one in held_estimates(life.rows, seed)]
    everything = Lived(
        [row for life in (*mapped, live) for row in life.rows],
        [wanted for life in (*mapped, live) for wanted in life.wanted],
    )
    breaches = [words for life in (*mapped, live) for words in life.breaches]
    mean, deviation, drawn = mean_weight(everything.rows)
    covered: dict[str, list[bool]] = {}
    for one in estimates:
        covered.setdefault(f"{one.estimator} of {one.target}", []).append(one.held)
    counts = {"none": FREE, "all elsewhere": (rules, 0.0), "a tenth here": (rules, 0.1)}
    pages_of = live_rates(counts, 3 * times)
    looked = lookup_rates({"none": 0, "a tenth": 30, "a third": 100}, 2000, seconds, times)
    return {
        "lives": lives,
        "hours": hours,
        "decisions": len(everything.rows),
        "ruled_decisions": sum(row["rules"] is not None for row in everything.rows),
        "levels": _levels(everything.rows),
        "map_titles_looked_at": sum(life.shown for life in mapped),
        "outside_rules": len(breaches),
        "first_breaches": breaches[:5],
        "mean_weight": round(mean, 4),
        "mean_weight_standard_error": round(deviation, 4),
        "mean_weight_rows": drawn,
        "bounds": bounded_shares(everything),
        "covered": {name: round(float(np.mean(each)), 3) for name, each in covered.items()},
        "intervals": len(estimates),
        "same": same,
        "live_processor_ms_a_page": pages_of,
        "live_rate_beside_none": _beside(pages_of, slower=False),
        "lookup_pages_a_second": looked,
        "lookup_rate_beside_none": _beside(looked, slower=True),
        "rules_loaded": rules,
    }


def _lives(
    lives: int, hours: int, titles: int, members: int, pages: int
) -> tuple[list[Lived], Lived, dict[str, object]]:
    """Logs of maps, one of live pages, and whether all engines decide alike."""
    mapped = []
    for seed in range(lives):
        with tempfile.TemporaryDirectory() as folder:
            world = RuledWorld(Path(folder), titles, members, seed)
            with turned_clock(world.folder):
                mapped.append(mapped_life(world, hours))
        print(f"life {seed + 1} of {lives}: {len(mapped[-1].rows):,} draws", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        world = RuledWorld(Path(folder), titles, members, lives)
        with turned_clock(world.folder):
            live = live_life(world, hours, pages)
    spark = why_no_spark()
    with tempfile.TemporaryDirectory() as folder:
        world = RuledWorld(Path(folder), titles, members, lives + 1)
        with turned_clock(world.folder):
            same = same_everywhere(world, range(5, hours, 24), spark is None)
    return mapped, live, same | ({} if spark is None else {"spark_left_out": spark})


def _levels(rows: list[dict]) -> dict[str, int]:
    levels: dict[str, int] = {}
    for row in rows:
        levels[row["level"]] = levels.get(row["level"], 0) + 1
    return levels


def _beside(values: Mapping[str, float], slower: bool) -> dict[str, float]:
    """Rates as shares of that without rules."""
    free = values["none"]
    return {
        name: round(value / free if slower else free / value, 3)
        for name, value in values.items()
        if name != "none"
    }


def show_rules(record: Mapping[str, object]) -> None:
    """Print a line a figure."""
    for name, value in record.items():
        print(f"{name}: {value}")
