"""The publishing gate: how often it passes, refuses and cannot tell what it should, and a chain.

Candidates are other rules than the live one, so that they disagree with it in most decisions, mixed
with better or worse ones until they earn exactly what a row says.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from bench.judging.gate_world import ARTWORKS, GateLog, GateWorld, Rule
from bench.judging.row import Effort, Row, run_each, share_row
from evaluate.gate.non_inferiority import LEVEL, POWER, lead
from evaluate.gate.publish_gate import MARGIN, NIGHTS

SECTION = "gate"
EPSILON = 0.1
"""Of the live policy that made a live-like log."""
STEPS = (-0.038, -0.015)
"""What each night of a chain loses: nearly the margin, and so little that many nights pass."""
CANDIDATES = {
    "random artwork (−14%)": None,
    "−10%": -0.1,
    "at the margin (−5%)": -MARGIN,
    "−2.5%": -0.025,
    "equal": 0.0,
    "+2%": 0.02,
    "+9%": 0.09,
}
"""What is judged → what it earns more than the live rule."""
PROMISES = {"random artwork (−14%)": 0.01, "−10%": 0.01, "at the margin (−5%)": LEVEL}
"""Largest share that may pass."""


class _Task(NamedTuple):
    """One log, or one chain of nights."""

    seed: int
    run: int
    base: float
    rows: int
    logging: str
    """even, or live."""
    candidates: tuple[str, ...] = ()
    anchored: bool = False
    """Of a chain."""
    step: float = 0.0
    """Of a chain."""


def gate(effort: Effort) -> list[Row]:
    """Error rates of the rule behind `evaluate gate`, its power, and chains with an anchor."""
    sizes = (2000,) if effort.quick else (2000, 10_000, 60_000)
    rows: list[Row] = []
    for logging in ("even", "live"):
        for size in sizes:
            rows += _one_log(effort, 0.15, size, logging, tuple(CANDIDATES))
    few = tuple(PROMISES)
    rows += _one_log(effort, 0.02, sizes[-1] // 3, "even", few)
    rows += _asked(effort)
    for size, step in ((sizes[0], STEPS[0]), *((sizes[-1] // 6, step) for step in STEPS)):
        rows += [_chains(effort, size, "even", step, anchored) for anchored in (False, True)]
    return [*rows, _chains(effort, sizes[-1] // 6, "live", STEPS[0], True)]


def _one_log(
    effort: Effort, base: float, size: int, logging: str, candidates: tuple[str, ...]
) -> list[Row]:
    """Share of logs on which each candidate passes, and on which it is refused."""
    tasks = [_Task(effort.seed, run, base, size, logging, candidates) for run in range(effort.runs)]
    verdicts = run_each(_verdicts, tasks, effort.workers)
    where = f"takes {base:.0%}, {_log_words(logging)}, {size:,} rows"
    rows = []
    for at, name in enumerate(candidates):
        found = [one[at] for one in verdicts]
        setting, most = f"{name}; {where}", PROMISES.get(name)
        side = "shown" if most is None else "at most"
        passed = [one == "passed" for one in found]
        rows.append(share_row(SECTION, "evaluate gate passes", setting, passed, most, side))
        refused = [one == "refused" for one in found]
        if name in ("equal", "at the margin (−5%)"):
            what = "evaluate gate refuses"
            rows.append(share_row(SECTION, what, setting, refused, LEVEL, "at most"))
    return rows


def _asked(effort: Effort) -> list[Row]:
    """Whether an equal passes on as many rows as a log of 10,000 says that it takes."""
    pilots = 2 if effort.quick else 20
    tasks = [_Task(effort.seed, run, 0.15, 10_000, "even") for run in range(pilots)]
    size = round(float(np.median(run_each(_rows_to_tell, tasks, effort.workers))))
    size = size // 20 if effort.quick else size
    tasks = [
        _Task(effort.seed, 10_000 + run, 0.15, size, "even", ("equal",))
        for run in range(effort.runs)
    ]
    passed = [one == ["passed"] for one in run_each(_verdicts, tasks, effort.workers)]
    setting = f"equal; takes 15%, {_log_words('even')}, the {size:,} rows that 10,000 ask for"
    least = None if effort.quick else POWER
    side = "shown" if effort.quick else "at least"
    return [share_row(SECTION, "evaluate gate passes", setting, passed, least, side)]


def _chains(effort: Effort, size: int, logging: str, step: float, anchored: bool) -> Row:
    """Share of chains of nights that end further below their beginning than the margin."""
    tasks = [
        _Task(effort.seed, run, 0.15, size, logging, (), anchored, step)
        for run in range(max(2, effort.runs // 2))
    ]
    lost = run_each(_chain_falls, tasks, effort.workers)
    chain = f"{NIGHTS} nights of {step:+.1%}, {'an' if anchored else 'no'} anchor"
    setting = f"{chain}; takes 15%, {_log_words(logging)}, {size:,} rows a night"
    most, side = (LEVEL, "at most") if anchored else (None, "shown")
    return share_row(SECTION, f"chains that end below −{MARGIN:.0%}", setting, lost, most, side)


def _verdicts(task: _Task) -> list[str]:
    """The gate's verdict on each candidate, on one log."""
    world = _world(task.seed, task.base)
    live = world.rule(0)
    log = _log(world, task, live, 0)
    old = log.under(live)
    found = []
    for name in task.candidates:
        candidate = _candidate(task.seed, task.base, name, 1 + task.run % 5)
        found.append(lead(log.under(candidate), old, MARGIN).verdict)
    return found


def _rows_to_tell(task: _Task) -> float:
    """What one log says that it takes."""
    world = _world(task.seed, task.base)
    live = world.rule(0)
    log = _log(world, task, live, 0)
    candidate = _candidate(task.seed, task.base, "equal", 1 + task.run % 5)
    return lead(log.under(candidate), log.under(live), MARGIN).rows_to_tell


def _chain_falls(task: _Task) -> bool:
    """Whether a chain ends below the margin under the bundle that it began with."""
    world = _world(task.seed, task.base)
    first = live = world.rule(0)
    worth = value = world.value(first)
    for night in range(NIGHTS):
        candidate = _worth(task.seed, task.base, 1 + night % 5, worth * (1 + task.step))
        log = _log(world, task, live, 1 + night)
        new = log.under(candidate)
        if lead(new, log.under(live), MARGIN).verdict != "passed":
            continue
        if task.anchored:
            floor = lead(new, log.under(first), MARGIN, LEVEL / NIGHTS)
            if floor.verdict != "passed":
                continue
        live, worth = candidate, world.value(candidate)
    return worth < (1 - MARGIN) * value


def _log(world: GateWorld, task: _Task, live: Rule, night: int) -> GateLog:
    """A log of random artwork, or of the live rule with its exploration."""
    policy = world.even if task.logging == "even" else (1 - EPSILON) * live + EPSILON / ARTWORKS
    return GateLog.draw(world, policy, task.rows, (task.seed, task.run, task.rows, night))


@lru_cache(maxsize=2)
def _world(seed: int, base: float) -> GateWorld:
    return GateWorld.draw(seed, base)


@lru_cache(maxsize=30)
def _worth(seed: int, base: float, number: int, value: float) -> Rule:
    """One of the rules, as it is worth so much."""
    return _world(seed, base).worth(number, value)


def _candidate(seed: int, base: float, name: str, number: int) -> Rule:
    """A rule that earns what its name says."""
    world, more = _world(seed, base), CANDIDATES[name]
    if more is None:
        return world.even
    return _worth(seed, base, number, (1 + more) * world.value(world.rule(0)))


def _log_words(logging: str) -> str:
    return "random artwork logged" if logging == "even" else f"live-like log (ε {EPSILON:g})"
