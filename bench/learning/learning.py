"""Cumulative regret of the product's heads and of the peers, on the same rounds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.learning.artwork import DAYS, encoder_bundle, prepared_catalogue
from bench.learning.comparison import ComparisonRow, compared
from bench.learning.peers import why_no_peer
from bench.learning.runs import LearnerRun, Pool, grid_of
from bench.learning.settings import policies_of, settings_of
from bench.learning.stage import Features
from bench.seed_statistics import seeds_of
from bench.small_demo import demo_folders
from data.errors import BadInput

TUNING_SEEDS = (101, 102, 103, 104)
ROUNDS, ARTWORK_ROUNDS = (10_000, 5_000), (70_000, 14_000)
"""In a run, and in a run for tuning."""
QUICK_ROUNDS = 60


@dataclass(frozen=True)
class LearningRegrets:
    """What was played, and how the policies compare."""

    environment: str
    delta: float | None
    """Of the wheel."""
    features: str | None
    """Of the wheel."""
    rounds: int
    delay: int
    seeds: list[int]
    policies: dict[str, ComparisonRow]
    best_peer: str | None
    best_ours: str | None
    ratio_to_best_peer: float | None
    left_out: dict[str, str]
    """Peers that are not installed."""


# Each parameter is an option of the command.
def learning(
    environment: Literal["wheel", "digits", "artwork"] = "wheel",
    delta: float = 0.95,
    features: Features = "made",
    seeds: str = "1,2,3",
    policies: str = "",
    rounds: int | None = None,
    tuning_rounds: int | None = None,
    tuning_delta: float | None = None,
    delay: int = 0,
    subjects: Path | None = None,
    catalogue: Path | None = None,
    looks: Literal["encoder", "raw"] = "encoder",
    bundle: Path | None = None,
    days: int = DAYS,
    processes: int = 2,
    out: Path | None = None,
    quick: bool = False,
) -> LearningRegrets:
    """Regret of each policy in % of uniform choice's, with a 95% interval over seeds.

    Each policy is tuned over at most four settings on four seeds that are not used again; features,
    seeds and rounds are the same for all. Peers that are not installed are left out.

    Args:
        environment: wheel, digits or artwork.
        delta: of the wheel: the radius within which nothing is to be had.
        features: of the wheel: raw, made (radius, its bins, quadrant) or cells (also crosses). Of
            digits: placed gives the peers too the places that ours makes of the ink.
        seeds: which, separated by commas.
        policies: names separated by commas; empty: all that can play.
        rounds: in a run; 10,000, and of artwork 70,000, 5,000 on each of 14 days; as many each day.
        tuning_rounds: in a run for tuning; 5,000, and of artwork 14,000. 0: each policy has its
            first setting.
        tuning_delta: of the wheel that policies are tuned on; without it, the same δ.
        delay: rewards are observed so many batches late.
        subjects: of the artwork environment: folder of cut-outs to render a catalogue from; the
            sample's if not given.
        catalogue: of the artwork environment: a rendered catalogue, in place of `subjects`.
        looks: of the artwork environment: what all are given of the pixels: an encoder's embedding,
            or raw colours and edges.
        bundle: of the artwork environment: a published model, trained on another catalogue, whose
            encoder it is; the live one if not given.
        days: of the artwork environment: rounds are spread over the first so many, also where
            policies are tuned.
        processes: runs at a time.
        out: file to which each run is appended, and from which finished ones are read again.
        quick: few rounds, two seeds, nothing tuned; artwork on a small demo of its own if nothing
            is given: to see that it works.
    """
    chosen = seeds_of(seeds, least=1)
    usual = ARTWORK_ROUNDS if environment == "artwork" else ROUNDS
    if days < 1:
        raise BadInput(f"--days is {days}; at least 1 is needed")
    rounds = usual[0] if rounds is None else rounds
    tuning_rounds = usual[1] if tuning_rounds is None else tuning_rounds
    ours, peers = policies_of(grid_of(environment))
    names, left_out = _playing(policies, environment, ours, peers)
    if quick:
        chosen, rounds, tuning_rounds = chosen[:2], min(rounds, QUICK_ROUNDS), 0
    base = LearnerRun(environment, delta, features, "", 0, 0, rounds, delay, "")
    given = {"catalogue": catalogue or subjects, "bundle": bundle}
    on_artwork = environment == "artwork"
    with demo_folders(quick and on_artwork, given, looks == "encoder") as demo:
        if quick and not any(given.values()):
            catalogue, bundle = demo.catalogue, demo.bundle
        if on_artwork:
            where = str(prepared_catalogue(subjects, catalogue))
            encoder = encoder_bundle(bundle) if looks == "encoder" else ""
            base = base._replace(features="whole", where=where, bundle=encoder, days=days)
        pool = Pool(processes, out)
        tuned = base._replace(delta=tuning_delta or delta)
        best = _tuned(pool, tuned, names, tuning_rounds)
        comparison = compared(_rows(pool, base, best, chosen), ours, peers)
    return LearningRegrets(
        environment=environment,
        delta=delta if environment == "wheel" else None,
        features=features if environment == "wheel" else None,
        rounds=rounds,
        delay=delay,
        seeds=chosen,
        **vars(comparison),
        left_out=left_out,
    )


def _playing(
    policies: str, environment: str, ours: list[str], peers: list[str]
) -> tuple[list[str], dict[str, str]]:
    """Who plays, and why peers do not that would have.

    Raises:
        BadInput: a policy is named that there is not, or that is not installed.
    """
    named = [name.strip() for name in policies.split(",") if name.strip()]
    known = [*ours, *peers, "uniform"]
    if unknown := set(named) - set(known):
        raise BadInput(
            f"--policies {sorted(unknown)[0]}: in {environment} there are {', '.join(known)}"
        )
    missing = {name: why for name in named or peers if (why := why_no_peer(name))}
    if named and missing:
        name, why = next(iter(missing.items()))
        raise BadInput(f"--policies {name}: {why}; run `pip install -e .[peers]`")
    return named or [name for name in (*ours, *peers) if name not in missing], missing


def _tuned(pool: Pool, base: LearnerRun, names: list[str], rounds: int) -> dict[str, int]:
    """The setting of each policy with the least regret on the tuning seeds; first without any."""
    if not rounds:
        return dict.fromkeys(names, 0)
    runs = {
        name: [
            [
                base._replace(policy=name, setting=i, seed=seed, rounds=rounds)
                for seed in TUNING_SEEDS
            ]
            for i in range(len(settings_of(name, grid_of(base.environment))))
        ]
        for name in names
    }
    done = pool.run([run for grid in runs.values() for pair in grid for run in pair])
    return {
        name: int(np.argmin([sum(done[run].regret for run in pair) for pair in grid]))
        for name, grid in runs.items()
    }


def _rows(
    pool: Pool, base: LearnerRun, best: dict[str, int], seeds: list[int]
) -> dict[str, ComparisonRow]:
    runs = {
        name: [base._replace(policy=name, setting=setting, seed=seed) for seed in seeds]
        for name, setting in best.items()
    }
    done = pool.run([run for each in runs.values() for run in each])
    grid = grid_of(base.environment)
    return {
        name: ComparisonRow.of([done[run] for run in each], settings_of(name, grid)[best[name]])
        for name, each in runs.items()
    }


def show_learning(regrets: LearningRegrets) -> None:
    """Print a row for each policy, the least regret first."""
    table = Table(
        *("policy", "regret, % of uniform", "95% interval", "over the best peer", "setting"),
        title=f"{regrets.environment}, {regrets.rounds:,} rounds, seeds {regrets.seeds}",
    )
    for name, row in sorted(regrets.policies.items(), key=lambda pair: pair[1].regret_percent):
        low, high = row.interval
        ratio = "" if row.ratio_to_best_peer is None else f"{row.ratio_to_best_peer:.3f}"
        interval = f"{low:.3f} … {high:.3f}"
        table.add_row(name, f"{row.regret_percent:.3f}", interval, ratio, str(row.setting))
    console = Console()
    console.print(table)
    for name, why in regrets.left_out.items():
        console.print(f"{name} is left out: {why}")
