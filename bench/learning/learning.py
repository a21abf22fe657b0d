"""Cumulative regret of the product's heads and of the peers, on the same rounds."""

import json as jsonlib
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from bench.learning.settings import make_policy, policies_of, settings_of
from bench.learning.stage import Features, Stage, digits_stage, play, wheel_stage
from bench.seed_statistics import mean_of, seeds_of
from data.errors import BadInput

TUNING_SEEDS = (101, 102, 103, 104)
ROUNDS, ARTWORK_ROUNDS = (10_000, 5_000), (70_000, 14_000)
"""In a run, and in a run for tuning."""


class Run(NamedTuple):
    """One policy with one setting on one stream of rounds."""

    environment: str
    delta: float
    features: str
    policy: str
    setting: int
    seed: int
    rounds: int
    delay: int
    where: str  # catalogue of the artwork environment
    bundle: str = ""  # whose encoder gives it the embedding


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
    processes: int = 2,
    out: Path | None = None,
    quick: bool = False,
    json: bool = False,
) -> dict[str, Any]:
    """Regret of each policy in % of uniform choice's, with a 95% interval over seeds.

    Each policy is tuned over at most four settings on four seeds that are not used again; features,
    seeds and rounds are the same for all.

    Args:
        environment: wheel, digits or artwork.
        delta: of the wheel: the radius within which nothing is to be had.
        features: of the wheel: raw, made (radius, its bins, quadrant) or cells (also crosses). Of
            digits: placed gives the peers too the places that ours makes of the ink.
        seeds: which, separated by commas.
        policies: names separated by commas; empty: all that can play.
        rounds: in a run; 10,000, and of artwork 70,000, 5,000 on each of 14 days.
        tuning_rounds: in a run for tuning; 5,000, and of artwork 14,000. 0: each policy has its
            first setting.
        tuning_delta: of the wheel that policies are tuned on; without it, the same δ.
        delay: rewards are told so many batches late.
        subjects: of the artwork environment: folder of cut-outs to render a catalogue from; the
            sample's if not given.
        catalogue: of the artwork environment: a rendered catalogue, in place of `subjects`.
        looks: of the artwork environment: what all are given of the pixels: an encoder's embedding,
            or raw colours and edges.
        bundle: of the artwork environment: a published model, trained on another catalogue, whose
            encoder it is; the live one if not given.
        processes: runs at a time.
        out: file to which each run is appended, and from which finished ones are read again.
        quick: few rounds, two seeds, one δ, and the fastest policies: to see that it works.
        json: print one JSON object and nothing else.
    """
    del json
    chosen_seeds = seeds_of(seeds, least=1)
    usual = ARTWORK_ROUNDS if environment == "artwork" else ROUNDS
    rounds = usual[0] if rounds is None else rounds
    tuning_rounds = usual[1] if tuning_rounds is None else tuning_rounds
    if environment == "artwork":
        features = "whole"  # pyright: ignore
    grid = grid_of(environment)
    ours, peers = policies_of(grid)
    names = [name.strip() for name in policies.split(",") if name.strip()] or [*ours, *peers]
    if unknown := set(names) - {*ours, *peers, "uniform"}:
        raise BadInput(
            f"--policies {sorted(unknown)[0]}: in {environment} there are "
            f"{', '.join([*ours, *peers, 'uniform'])}"
        )
    if quick:
        chosen_seeds, rounds, tuning_rounds = chosen_seeds[:2], 1500, 0
        names = names if policies else ["neural_linear", "point", "vw_squarecb", "bayesianbandits"]
    where = encoder = ""
    if environment == "artwork":
        from bench.learning.artwork import encoder_bundle, prepared_catalogue

        where = str(prepared_catalogue(subjects, catalogue))
        encoder = encoder_bundle(bundle) if looks == "encoder" else ""
    base = Run(environment, delta, str(features), "", 0, 0, rounds, delay, where, encoder)
    pool = _Pool(processes, out)
    best = _tuned(pool, base._replace(delta=tuning_delta or delta), names, tuning_rounds)
    final = [
        base._replace(policy=name, setting=best[name], seed=seed)
        for name in names
        for seed in chosen_seeds
    ]
    done = pool.run(final)
    table = {
        name: _row([done[run] for run in final if run.policy == name], name, best[name], grid)
        for name in names
    }
    return _judged(table, ours, peers) | {
        "environment": environment,
        **({"delta": delta, "features": features} if environment == "wheel" else {}),
        "rounds": rounds,
        "delay": delay,
        "seeds": chosen_seeds,
    }


def _tuned(pool: "_Pool", base: Run, names: list[str], rounds: int) -> dict[str, int]:
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
        name: int(np.argmin([sum(done[run][0] for run in pair) for pair in grid]))
        for name, grid in runs.items()
    }


def _row(results: list[list], name: str, setting: int, environment: str) -> dict[str, Any]:
    share = np.array([100 * regret / uniform for regret, uniform, _ in results])
    tenths = np.mean([100 * np.array(parts) / uniform for _, uniform, parts in results], 0)
    mean, interval = _interval(share)
    return {
        "regret_percent": mean,
        "interval": interval,
        "by_seed": share.round(3).tolist(),
        "by_tenth": tenths.round(3).tolist(),
        "setting": settings_of(name, environment)[setting],
    }


def _interval(values: np.ndarray) -> tuple[float, list[float]]:
    """Mean, and Student's 95% interval of it; no interval from one value."""
    if len(values) == 1:
        return round(float(values[0]), 3), [float("nan")] * 2
    found = mean_of(values.tolist())
    return round(found["mean"], 3), [round(edge, 3) for edge in found["interval"]]


def _beside(row: dict, other: dict) -> dict[str, Any]:
    """How much more regret than another policy on the same seeds, with an interval."""
    less, interval = _interval(np.array(row["by_seed"]) - np.array(other["by_seed"]))
    return {"difference": less, "interval": interval}


def _judged(table: dict[str, dict], ours: list[str], peers: list[str]) -> dict[str, Any]:
    """Each row beside the best peer, the one of least mean regret, and our heads beside `point`."""
    result: dict[str, Any] = {}
    mine = [name for name in ours if name in table]
    if "point" in table:
        for name in mine:
            if name != "point":
                table[name]["beside_point"] = _beside(table[name], table["point"])
    played = [name for name in peers if name in table]
    if played:
        best = min(played, key=lambda name: table[name]["regret_percent"])
        for row in table.values():
            row["ratio_to_best_peer"] = round(
                row["regret_percent"] / table[best]["regret_percent"], 3
            )
            if row is not table[best]:
                row["beside_best_peer"] = _beside(row, table[best])
        result = {"best_peer": best}
        if mine:
            winner = min(mine, key=lambda name: table[name]["regret_percent"])
            result |= {"best_ours": winner}
            result |= {"ratio_to_best_peer": table[winner]["ratio_to_best_peer"]}
    return {"policies": table, **result}


class _Pool:
    """Runs in a few processes; finished ones are kept in a file."""

    def __init__(self, processes: int, out: Path | None) -> None:
        self.processes, self.out = processes, out
        self.done: dict[Run, list] = {}
        if out is not None and out.exists():
            for line in out.read_text().splitlines():
                run, result = jsonlib.loads(line)
                self.done[Run(*run)] = result

    def run(self, runs: list[Run]) -> dict[Run, list]:
        """Results of runs: regret, uniform's, and by tenth."""
        left = [run for run in dict.fromkeys(runs) if run not in self.done]
        if left:
            os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(self.processes, mp_context=context) as pool:
                waiting = {pool.submit(played, run): run for run in left}
                for count, future in enumerate(as_completed(waiting), 1):
                    run, result = waiting[future], future.result()
                    self.done[run] = result
                    share = 100 * result[0] / result[1]
                    print(
                        f"{count}/{len(left)} {run.environment} {run.delta} {run.policy} "
                        f"setting {run.setting} seed {run.seed} rounds {run.rounds}: {share:.2f}%",
                        file=sys.stderr,
                        flush=True,
                    )
                    if self.out is not None:
                        with self.out.open("a") as file:
                            file.write(jsonlib.dumps([list(run), result]) + "\n")
        return {run: self.done[run] for run in runs}


def played(run: Run) -> list:
    """Carry out one run."""
    stage = stage_of(run)
    setting = settings_of(run.policy, grid_of(run.environment))[run.setting]
    if run.features == "placed":
        setting = {name: value for name, value in setting.items() if name != "spectrum"}
    policy = make_policy(run.policy, stage, setting, run.seed)
    regret, uniform, tenths = play(policy, stage, run.rounds, run.seed, run.delay)
    return [regret, uniform, tenths.tolist()]


def stage_of(run: Run) -> Stage:
    """The environment of a run."""
    if run.environment == "wheel":
        return wheel_stage(run.delta, run.features)  # type: ignore
    if run.environment == "digits":
        return digits_stage(placed=run.features == "placed")
    from bench.learning.artwork import whole_stage

    return whole_stage(Path(run.where), run.bundle, run.seed, run.rounds)


def grid_of(environment: str) -> str:
    """The table of settings of an environment: artwork is played on whole features."""
    return "whole" if environment == "artwork" else environment
