"""What late rewards cost: regret of one learner whose rewards come 1 … 1024 decisions late."""

import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from bench.learning.settings import OURS, make_policy, settings_of
from bench.learning.stage import Policy, Stage, View, digits_stage
from bench.seed_statistics import mean_of, ratio_of, said, seeds_of
from data.errors import BadInput
from simulate.testbeds.environment import Rounds, expected_regret

DELAYS = (1, 4, 16, 64, 256, 1024)
SHARE = 100
"""Decisions are taken in batches of 1 / SHARE of those before, one by one at first."""
ROUNDS = {"digits": 50_000, "artwork": 20_000}

Regrets = Float[np.ndarray, " rounds"]


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
    json: bool = False,
) -> dict[str, Any] | None:
    """Regret by delay, as a ratio to rewards that are told one decision late.

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
        quick: fewer rounds, delays and seeds: to see that it works.
        json: print one JSON object.
    """
    chosen, waits = seeds_of(seeds), _delays(delays)
    if policy not in OURS[environment]:
        raise BadInput(f"--policy {policy}: choose one of {', '.join(OURS[environment])}")
    count = ROUNDS[environment] if rounds is None else rounds
    if quick:
        chosen, count, waits = chosen[:2], min(count, 6000), [waits[0], waits[-1]]
    if max(waits) >= count:
        raise BadInput(f"--rounds {count}: no reward is told before it ends at delay {max(waits)}")
    regrets: dict[int, list[Regrets]] = {wait: [] for wait in waits}
    chance: list[Regrets] = []
    for seed in chosen:
        stage = _stage(environment, catalogue, bundle, seed)
        uniform = np.zeros(count)
        for wait in waits:
            learner = make_policy(policy, stage, settings_of(policy, environment)[0], seed)
            own, uniform = play_late(learner, stage, count, seed, wait, most)
            regrets[wait].append(own)
            percent = 100 * own.sum() / uniform.sum()
            print(f"seed {seed} delay {wait}: {percent:.2f}%", file=sys.stderr, flush=True)
        chance.append(uniform)
    result = {
        "environment": environment, "policy": policy, "rounds": count, "seeds": chosen,
        "delays": {wait: _row(wait, waits[0], regrets, chance) for wait in waits},
        "ratio_at_longest": ratio_of(*_sums(regrets, waits[-1], waits[0])),
    }  # fmt: skip
    if json:
        return result
    _show(result)
    return None


def play_late(
    policy: Policy, stage: Stage, count: int, seed: int, delay: int, most: int = 64
) -> tuple[Regrets, Regrets]:
    """Play with rewards that are told a number of decisions late.

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
    done = told = 0
    while done < count:
        known = max(0, done - delay + 1)
        if known > told:
            rows = slice(told, known)
            policy.learn(_part(view, rows), actions[rows], propensities[rows], rewards[rows])
            told = known
        rows = slice(done, min(done + min(max(done // SHARE, 1), most), count))
        p = policy.probabilities(_part(view, rows))
        last = p.shape[1] - 1 - (p[:, ::-1] > 0).argmax(1)
        pick = np.minimum((p.cumsum(1) <= draws[rows, None]).sum(1), last)
        at = np.arange(len(p))
        here = Rounds(*(column[rows] for column in rounds))
        actions[rows], propensities[rows] = pick, p[at, pick]
        rewards[rows] = luck[rows] < here.expected[at, pick]
        regret[rows] = expected_regret(here, p)
        done = rows.stop
    even = rounds.valid / rounds.valid.sum(1, keepdims=True)
    return regret, expected_regret(rounds, even)


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


def _stage(environment: str, catalogue: Path | None, bundle: Path | None, seed: int) -> Stage:
    if environment == "digits":
        return digits_stage()
    from bench.learning.artwork import artwork_stage

    if catalogue is None:
        raise BadInput("--environment artwork needs --catalogue, a rendered one")
    return artwork_stage(catalogue, str(bundle or ""), seed)


def _delays(text: str) -> list[int]:
    try:
        waits = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        waits = []
    if not waits or min(waits) < 1 or waits != sorted(set(waits)):
        raise BadInput(f"--delays {text}: whole numbers from 1 on, growing, separated by commas")
    return waits


def _sums(
    regrets: dict[int, list[Regrets]], wait: int, first: int
) -> tuple[list[float], list[float]]:
    late, prompt = ([float(r.sum()) for r in regrets[at]] for at in (wait, first))
    return late, prompt


def _row(
    wait: int, first: int, regrets: dict[int, list[Regrets]], chance: list[Regrets]
) -> dict[str, Any]:
    pairs = list(zip(regrets[wait], chance, strict=True))
    floors = [
        arithmetic(prompt, even, wait, first)
        for prompt, even in zip(regrets[first], chance, strict=True)
    ]
    return {
        "regret_percent": mean_of([100 * float(own.sum() / even.sum()) for own, even in pairs]),
        "ratio": ratio_of(*_sums(regrets, wait, first)) if wait != first else None,
        "arithmetic": float(np.mean(floors)),
    }


def _show(result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{result['policy']} on {result['environment']}, {result['rounds']:,} decisions"
    table = Table("delay", "regret, % of uniform", "ratio", "arithmetic", title=title)
    for wait, row in result["delays"].items():
        ratio = "1" if row["ratio"] is None else said(row["ratio"])
        table.add_row(
            f"{wait:,}", said(row["regret_percent"], 2), ratio, f"{row['arithmetic']:.3f}"
        )
    Console().print(table)
