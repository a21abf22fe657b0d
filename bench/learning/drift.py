"""What forgetting is worth where tastes move: a learner with decay, with a window, with neither."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bandit.simple import uniform
from bench.learning.artwork import MEMBERS
from bench.learning.nightly import Memory, Nightly, nights, true_content_features
from bench.learning.stage import View
from bench.seed_statistics import SeedMean, mean_of, ratio_of, seeds_of
from bench.small_demo import demo_folders
from data.errors import BadInput
from simulate.testbeds.artwork_rounds import ArtworkRounds
from simulate.testbeds.environment import Rounds, expected_regret
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches


@dataclass(frozen=True)
class Memorised:
    """Regret of a learner with a memory, in % of uniform choice's."""

    regret_percent: SeedMean
    later_half: SeedMean
    ratio: SeedMean | None = None
    """To the learner that forgets nothing; None: it is that one."""
    later_half_ratio: SeedMean | None = None


@dataclass(frozen=True)
class Drift:
    """Regret by memory, where tastes move and where they stay."""

    days: int
    decisions: int
    drift_days: float
    decay: float
    window: int
    seeds: list[int]
    moving: dict[str, Memorised]
    still: dict[str, Memorised]


# Each parameter is an option of the command.
def drift(
    catalogue: Path | None = None,
    drift_days: float = 42.0,
    days: int = 42,
    decisions: int = 5000,
    decay: float = 0.85,
    window: int = 7,
    kept: int = 24,
    temperature: float = 0.1,
    seeds: str = "1,2,3,4,5",
    quick: bool = False,
) -> Drift:
    """Regret of a learner that forgets, as a ratio to the same learner that does not.

    Once where tastes come full circle, once where they stay: what forgetting costs there is said as
    well. The learner is neural_linear's last layer (logit, closed form) on products of features of
    the facts with features of artwork and title. It decides a day by what it knew the night before.
    It knows the themes and the style that artwork truly shows, in place of pixels: what is
    measured is forgetting, not sight. Days, draws and rewards of a seed are the same for all.

    Args:
        catalogue: rendered, with its truth; the demo's if not given.
        drift_days: in which tastes come full circle.
        days: of the run.
        decisions: of a day.
        decay: factor on what was learnt, each day.
        window: days that are learnt from.
        kept: features of a context, and of a candidate.
        temperature: on the deviation of the posterior's draws.
        seeds: separated by commas; two at least.
        quick: few days and decisions, two seeds, on a small catalogue of its own if none is given:
            to see that it works.
    """
    chosen = seeds_of(seeds)
    if not 0 < decay <= 1:
        raise BadInput(f"--decay {decay}: a factor a day, above 0 and at most 1")
    if window < 1 or days < 2 or decisions < 1:
        raise BadInput(f"--window {window} --days {days} --decisions {decisions}: too few")
    if quick:
        chosen, drift_days, days = chosen[:2], drift_days * min(days, 6) / days, min(days, 6)
        decisions, window = min(decisions, 200), min(window, 3)
    torch.set_num_threads(1)
    memories = {"all": Memory(), "decay": Memory(decay), "window": Memory(window=window)}
    with demo_folders(quick, {"catalogue": catalogue}, trained=False) as demo:
        runs = _Runs(demo.catalogue, memories, days, decisions, kept, temperature)
        rows = {
            world: runs.over(chosen, world, switches)
            for world, switches in (
                ("moving", Switches(drift_days=drift_days)),
                ("still", Switches()),
            )
        }
    return Drift(days, decisions, drift_days, decay, window, chosen, **rows)


@dataclass(frozen=True)
class _Runs:
    """Learners of several memories on the same days."""

    catalogue: Path
    memories: dict[str, Memory]
    days: int
    decisions: int
    kept: int
    temperature: float

    def over(self, seeds: list[int], world: str, switches: Switches) -> dict[str, Memorised]:
        """Regret by memory, over seeds."""
        whole: dict[str, list[float]] = {name: [] for name in self.memories}
        later: dict[str, list[float]] = {name: [] for name in self.memories}
        for seed in seeds:
            rounds, view = self._rounds(seed, switches)
            chance = expected_regret(rounds, uniform(rounds.valid))
            half = len(chance) // 2
            for name, memory in self.memories.items():
                learner = Nightly(view, memory, self.temperature, seed)
                p = nights(learner, view, rounds.expected, self.days, seed)
                regret = expected_regret(rounds, p)
                whole[name].append(100 * float(regret.sum() / chance.sum()))
                later[name].append(100 * float(regret[half:].sum() / chance[half:].sum()))
                percent = whole[name][-1]
                print(f"seed {seed} {world} {name}: {percent:.2f}%", file=sys.stderr, flush=True)
        return {
            name: Memorised(
                mean_of(whole[name]),
                mean_of(later[name]),
                None if name == "all" else ratio_of(whole[name], whole["all"]),
                None if name == "all" else ratio_of(later[name], later["all"]),
            )
            for name in self.memories
        }

    def _rounds(self, seed: int, switches: Switches) -> tuple[Rounds, View]:
        world = ArtworkWorld.read(self.catalogue, MEMBERS, 10_000 + seed)
        features = true_content_features(world.truth)
        place = ArtworkRounds(world, features, self.days, self.kept, switches)
        rounds = place.rounds(self.days * self.decisions, np.random.default_rng(seed))
        return rounds, View(rounds.contexts, place.features, rounds.candidates, rounds.valid)


def show_drift(regrets: Drift) -> None:
    """Print a row for each memory, where tastes move and where they stay."""
    table = Table(
        *("tastes", "learns from", "regret, % of uniform", "ratio", "later half", "ratio there"),
        title=f"{regrets.days} days of {regrets.decisions:,} decisions",
    )
    for world, rows in (("moving", regrets.moving), ("still", regrets.still)):
        for name, row in rows.items():
            ratio, later_ratio = (
                "1" if mean is None else mean.text() for mean in (row.ratio, row.later_half_ratio)
            )
            table.add_row(
                *(world, name, row.regret_percent.text(1), ratio),
                *(row.later_half.text(1), later_ratio),
            )
    Console().print(table)
