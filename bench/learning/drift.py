"""What forgetting is worth where tastes move: a learner with decay, with a window, with neither."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.learning.artwork import MEMBERS
from bench.learning.nightly import Memory, Nightly, nights, true_looks
from bench.learning.stage import View
from bench.seed_statistics import mean_of, ratio_of, said, seeds_of
from data.errors import BadInput
from simulate.testbeds.artwork_rounds import ArtworkRounds
from simulate.testbeds.environment import expected_regret
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches


def drift(
    catalogue: Path = Path("artifacts/demo/catalogue"),
    drift_days: float = 42.0,
    days: int = 42,
    decisions: int = 5000,
    decay: float = 0.85,
    window: int = 7,
    kept: int = 24,
    temperature: float = 0.1,
    seeds: str = "1,2,3,4,5",
    quick: bool = False,
    json: bool = False,
) -> dict[str, Any] | None:
    """Regret of a learner that forgets, as a ratio to the same learner that does not.

    Once where tastes come full circle, once where they stay: what forgetting costs there is told as
    well. The learner is neural_linear's last layer (logit, closed form) on products of numbers of
    the facts with numbers of artwork and title. It decides a day by what it knew the night before.
    It is told the themes and the style that artwork truly shows, in place of pixels: what is
    measured is forgetting, not sight. Days, draws and rewards of a seed are the same for all.

    Args:
        catalogue: rendered, with its truth.
        drift_days: in which tastes come full circle.
        days: of the run.
        decisions: of a day.
        decay: factor on what was learnt, each day.
        window: days that are learnt from.
        kept: numbers of a context, and of a candidate.
        temperature: on the deviation of the posterior's draws.
        seeds: separated by commas; two at least.
        quick: fewer days, decisions and seeds: to see that it works.
        json: print one JSON object.
    """
    chosen = seeds_of(seeds)
    if not 0 < decay <= 1:
        raise BadInput(f"--decay {decay}: a factor a day, above 0 and at most 1")
    if window < 1 or days < 2 or decisions < 1:
        raise BadInput(f"--window {window} --days {days} --decisions {decisions}: too few")
    if quick:
        chosen, days, drift_days, decisions = chosen[:2], 14, drift_days / 3, min(decisions, 3000)
    torch.set_num_threads(1)
    memories = {"all": Memory(), "decay": Memory(decay), "window": Memory(window=window)}
    worlds = {"moving": Switches(drift_days=drift_days), "still": Switches()}
    percents = {world: {name: [] for name in memories} for world in worlds}
    last = {world: {name: [] for name in memories} for world in worlds}
    for seed in chosen:
        told = ArtworkWorld.read(catalogue, MEMBERS, 10_000 + seed)
        for world, switches in worlds.items():
            place = ArtworkRounds(told, true_looks(told.truth), days, kept, switches)
            rounds = place.rounds(days * decisions, np.random.default_rng(seed))
            view = View(rounds.contexts, place.features, rounds.candidates, rounds.valid)
            chance = expected_regret(rounds, rounds.valid / rounds.valid.sum(1)[:, None])
            for name, memory in memories.items():
                learner = Nightly(view, memory, temperature, seed)
                regret = expected_regret(rounds, nights(learner, view, rounds.expected, days, seed))
                half = len(regret) // 2
                percents[world][name].append(100 * float(regret.sum() / chance.sum()))
                last[world][name].append(100 * float(regret[half:].sum() / chance[half:].sum()))
                done = percents[world][name][-1]
                print(f"seed {seed} {world} {name}: {done:.2f}%", file=sys.stderr, flush=True)
    result = {
        "days": days, "decisions": decisions, "drift_days": drift_days, "decay": decay,
        "window": window, "seeds": chosen,
        **{world: _rows(percents[world], last[world]) for world in worlds},
    }  # fmt: skip
    if json:
        return result
    _show(result)
    return None


def _rows(percents: dict[str, list], last: dict[str, list]) -> dict[str, Any]:
    return {
        name: {
            "regret_percent": mean_of(values),
            "later_half": mean_of(last[name]),
            **({"ratio": ratio_of(values, percents["all"]),
                "later_half_ratio": ratio_of(last[name], last["all"])}
               if name != "all" else {}),
        }
        for name, values in percents.items()
    }  # fmt: skip


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{result['days']} days of {result['decisions']:,} decisions"
    table = Table("tastes", "learns from", "regret, % of uniform", "ratio", "later half",
                  "ratio there", title=title)  # fmt: skip
    for world in ("moving", "still"):
        for name, row in result[world].items():
            ratios = [said(row[r]) if r in row else "1" for r in ("ratio", "later_half_ratio")]
            table.add_row(
                world, name, said(row["regret_percent"], 1), ratios[0],
                said(row["later_half"], 1), ratios[1],
            )  # fmt: skip
    Console().print(table)
