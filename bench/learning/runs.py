"""Runs of the learning benchmark, a few processes at a time; finished ones are kept in a file."""

import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from bench.learning.artwork import DAYS, whole_stage
from bench.learning.settings import make_policy, settings_of
from bench.learning.stage import Features, Stage, digits_stage, play, wheel_stage


class LearnerRun(NamedTuple):
    """One policy with one setting on one stream of rounds."""

    environment: str
    delta: float
    features: Features
    policy: str
    setting: int
    seed: int
    rounds: int
    delay: int
    where: str  # catalogue of the artwork environment
    bundle: str = ""  # whose encoder gives it the embedding
    days: int = DAYS  # of the artwork environment


class Played(NamedTuple):
    """What came of a run."""

    regret: float
    uniform: float  # regret of uniform choice on the same rounds
    tenths: list[float]  # regret in ten parts of the run

    @property
    def percent(self) -> float:
        """Regret in % of uniform choice's."""
        return 100 * self.regret / self.uniform


class Pool:
    """Carries out runs in a few processes."""

    def __init__(self, processes: int, out: Path | None) -> None:
        self.processes, self.out = processes, out
        self.done: dict[LearnerRun, Played] = {}
        if out is not None and out.exists():
            for line in out.read_text().splitlines():
                run, result = json.loads(line)
                self.done[LearnerRun(*run)] = Played(*result)

    def run(self, runs: Sequence[LearnerRun]) -> dict[LearnerRun, Played]:
        """Results of runs, each carried out once."""
        left = [run for run in dict.fromkeys(runs) if run not in self.done]
        if left:
            os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(self.processes, mp_context=context) as pool:
                waiting = {pool.submit(carry_out, run): run for run in left}
                for count, future in enumerate(as_completed(waiting), 1):
                    self._keep(waiting[future], future.result(), f"{count}/{len(left)}")
        return {run: self.done[run] for run in runs}

    def _keep(self, run: LearnerRun, result: Played, count: str) -> None:
        self.done[run] = result
        print(
            f"{count} {run.environment} {run.delta} {run.policy} setting {run.setting} "
            f"seed {run.seed} rounds {run.rounds}: {result.percent:.2f}%",
            file=sys.stderr,
            flush=True,
        )
        if self.out is not None:
            with self.out.open("a") as file:
                file.write(json.dumps([run, result]) + "\n")


def carry_out(run: LearnerRun) -> Played:
    """Let a run's policy play its rounds."""
    stage = stage_of(run)
    setting = settings_of(run.policy, grid_of(run.environment))[run.setting]
    if run.features == "placed":
        setting = {name: value for name, value in setting.items() if name != "spectrum"}
    policy = make_policy(run.policy, stage, setting, run.seed)
    regret, uniform, tenths = play(policy, stage, run.rounds, run.seed, run.delay)
    return Played(regret, uniform, tenths.tolist())


def stage_of(run: LearnerRun) -> Stage:
    """The environment of a run."""
    if run.environment == "wheel":
        return wheel_stage(run.delta, run.features)
    if run.environment == "digits":
        return digits_stage(placed=run.features == "placed")
    return whole_stage(Path(run.where), run.bundle, run.seed, run.rounds, run.days)


def grid_of(environment: str) -> str:
    """The table of settings of an environment: artwork is played on whole features."""
    return "whole" if environment == "artwork" else environment
