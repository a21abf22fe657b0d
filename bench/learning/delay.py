"""What late rewards cost: regret of one learner whose rewards come 1 … 1024 decisions late."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.table import Table

from bandit.choice import choose
from bandit.simple import uniform
from bench.learning.artwork import artwork_stage
from bench.learning.settings import OURS, make_policy, settings_of
from bench.learning.stage import Stage, StagedLearner, View, digits_stage
from bench.seed_statistics import SeedMean, mean_of, ratio_of, seeds_of
from bench.small_demo import demo_folders
from data.errors import BadInput
from simulate.testbeds.environment import Rounds, expected_regret

DELAYS = (1, 4, 16, 64, 256, 1024)
SHARE = 100
"""Decisions are taken in batches of 1 / SHARE of those before, one by one at first."""
ROUNDS = {"digits": 50_000, "artwork": 20_000}

Regrets = Float[np.ndarray, " rounds"]


@dataclass(frozen=True)
class AtDelay:
    """Regret at a delay."""

    regret_percent: SeedMean
    """Of uniform choice's."""
    ratio: SeedMean | None
    """To the first delay."""
    arithmetic: float


@dataclass(frozen=True)
class Delays:
    """Regret of one learner by delay."""

    environment: str
    policy: str
    rounds: int
    seeds: list[int]
    delays: dict[int, AtDelay]
    ratio_at_longest: SeedMean


# Each parameter is an option of the command.
def delay(
    environment: Literal["digits", "artwork"] = "digits",
    policy: str = "neural_linear",
    delays: str = ",".join(map(str, DELAYS)),
    rounds: int | None = None,
    most: int = 64,
    seeds: str = "1,2,3,4,5",
    catalogue: Path | None = None,
    bundle: Path | None = None,
    quick: bool = False,
) -> Delays:
    """Regret by delay, as a ratio to rewards that are observed one decision late.

    The reward of decision i is known when decision i + delay is taken, unless it falls into a batch
    that was begun before. Rounds, draws and rewards of a seed are the same for all delays.

    `arithmetic` is the ratio if the only cost of a delay were to be that much behind: chance for
    the first so many decisions, then the regret of the prompt learner. Exploring meanwhile teaches
    something, so less is possible.

    Args:
        environment: digits, or artwork of a catalogue.
        policy: bootstrap, dropout, neural_linear or point.
        delays: in decisions, separated by commas; the first is compared with.
        rounds: decisions of a run; 50,000 of digits and 20,000 of artwork if not given.
        most: decisions of the largest batch.
        seeds: separated by commas; two at least.
        catalogue: rendered, of the artwork environment.
        bundle: of the artwork environment: whose encoder embeds; raw colours and edges without it.
        quick: few rounds, two delays and seeds, on a small catalogue of its own if none is given:
            to see that it works.
    """
    chosen, waits = seeds_of(seeds), _delays(delays)
    if policy not in OURS[environment]:
        raise BadInput(f"--policy {policy}: choose one of {', '.join(OURS[environment])}")
    count = ROUNDS[environment] if rounds is None else rounds
    if quick:
        chosen, count = chosen[:2], min(count, 300)
        waits = [waits[0], max(wait for wait in waits if wait < count)]
    if max(waits) >= count:
        raise BadInput(f"--rounds {count}: no reward is known before it ends at delay {max(waits)}")
    if environment == "artwork" and catalogue is None and not quick:
        raise BadInput("--environment artwork needs --catalogue, a rendered one")
    runs = _Runs(policy, environment, count, most)
    small = quick and environment == "artwork"
    with demo_folders(small, {"catalogue": catalogue}, trained=False) as demo:
        for seed in chosen:
            if environment == "digits":
                stage = digits_stage()
            else:
                stage = artwork_stage(demo.catalogue, str(bundle or ""), seed)
            runs.play(stage, seed, waits)
    return Delays(
        environment=environment,
        policy=policy,
        rounds=count,
        seeds=chosen,
        delays={wait: runs.at(wait, waits[0]) for wait in waits},
        ratio_at_longest=ratio_of(runs.sums(waits[-1]), runs.sums(waits[0])),
    )


class _Runs:
    """Regrets of a policy by delay and seed."""

    def __init__(self, policy: str, environment: str, count: int, most: int) -> None:
        self.policy, self.environment, self.count, self.most = policy, environment, count, most
        self.regrets: dict[int, list[Regrets]] = {}
        self.chance: list[Regrets] = []

    def play(self, stage: Stage, seed: int, waits: list[int]) -> None:
        """Play a seed's rounds at each delay."""
        chance = np.zeros(self.count)
        setting = settings_of(self.policy, self.environment)[0]
        for wait in waits:
            learner = make_policy(self.policy, stage, setting, seed)
            own, chance = play_late(learner, stage, self.count, seed, wait, self.most)
            self.regrets.setdefault(wait, []).append(own)
            percent = 100 * own.sum() / chance.sum()
            print(f"seed {seed} delay {wait}: {percent:.2f}%", file=sys.stderr, flush=True)
        self.chance.append(chance)

    def sums(self, wait: int) -> list[float]:
        """Regret of each seed's run."""
        return [float(regret.sum()) for regret in self.regrets[wait]]

    def at(self, wait: int, first: int) -> AtDelay:
        """What a delay costs, beside the first."""
        pairs = zip(self.regrets[wait], self.chance, strict=True)
        prompt = zip(self.regrets[first], self.chance, strict=True)
        return AtDelay(
            mean_of([100 * float(own.sum() / even.sum()) for own, even in pairs]),
            ratio_of(self.sums(wait), self.sums(first)) if wait != first else None,
            float(np.mean([arithmetic(own, even, wait, first) for own, even in prompt])),
        )


def play_late(
    policy: StagedLearner, stage: Stage, count: int, seed: int, delay: int, most: int = 64
) -> tuple[Regrets, Regrets]:
    """Play with rewards that are observed a number of decisions late.

    Args:
        policy: untrained; its own size of batches is passed over.
        stage: the environment.
        count: decisions.
        seed: of rounds, draws and rewards: the same for every delay.
        delay: decisions from one's own to the first that knows its reward; at least 1.
        most: decisions of the largest batch.

    Returns:
        expected regret of each decision, and that of uniform choice.
    """
    rounds = stage.environment.rounds(count, np.random.default_rng(seed))
    view = stage.view(rounds)
    draws = np.random.default_rng([seed, 1]).random(count)
    luck = np.random.default_rng([seed, 2]).random(count)
    regret, actions, propensities = np.zeros(count), np.zeros(count, int), np.zeros(count)
    rewards = np.zeros(count)
    done = observed = 0
    while done < count:
        known = max(0, done - delay + 1)
        if known > observed:
            rows = slice(observed, known)
            policy.learn(_part(view, rows), actions[rows], propensities[rows], rewards[rows])
            observed = known
        rows = slice(done, min(done + min(max(done // SHARE, 1), most), count))
        p = policy.probabilities(_part(view, rows))
        pick = choose(p, draws[rows])
        at = np.arange(len(p))
        here = Rounds(*(column[rows] for column in rounds))
        actions[rows], propensities[rows] = pick, p[at, pick]
        rewards[rows] = luck[rows] < here.expected[at, pick]
        regret[rows] = expected_regret(here, p)
        done = rows.stop
    return regret, expected_regret(rounds, uniform(rounds.valid))


def arithmetic(prompt: Regrets, chance: Regrets, delay: int, first: int = 1) -> float:
    """Regret of chance for a while and of the prompt learner after it, over the latter's own."""
    behind = delay - first
    late = chance[:behind].sum() + prompt[: len(prompt) - behind].sum()
    return float(late / prompt.sum())


def _part(view: View, rows: slice) -> View:
    """Some rounds, and only the rows of the bank that are their candidates."""
    used, places = np.unique(view.candidates[rows], return_inverse=True)
    places = places.reshape(view.candidates[rows].shape)
    return View(view.contexts[rows], view.bank[used], places, view.valid[rows])


def _delays(text: str) -> list[int]:
    try:
        waits = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        waits = []
    if not waits or min(waits) < 1 or waits != sorted(set(waits)):
        raise BadInput(f"--delays {text}: whole numbers from 1 on, growing, separated by commas")
    return waits


def show_delays(delays: Delays) -> None:
    """Print a row for each delay."""
    title = f"{delays.policy} on {delays.environment}, {delays.rounds:,} decisions"
    table = Table("delay", "regret, % of uniform", "ratio", "arithmetic", title=title)
    for wait, row in delays.delays.items():
        ratio = "1" if row.ratio is None else row.ratio.text()
        table.add_row(f"{wait:,}", row.regret_percent.text(2), ratio, f"{row.arithmetic:.3f}")
    Console().print(table)
