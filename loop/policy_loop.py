"""`python -m simulate loop`: a policy decides, is logged, waits for its rewards, learns; every day.

    browse ─► log ─► join (what was received by midnight) ─► renew the policy ─► next day

Everything runs on the public files: the log that a day leaves is the log that the join reads, and
the policy learns from the join's examples alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.join.join import join
from loop.bundle_policy import BUNDLE_POLICIES, BundlePolicy
from loop.day_log import LATER, append_day
from loop.linear_policy import Linear
from loop.policies import RULES, Examined, LoopPolicy, Tabular
from loop.state import LoopState
from simulate.browsing.browse import browse
from simulate.browsing.day import Browsing, DayLog
from simulate.browsing.last_seen import PageMemory
from simulate.browsing.value import value_of
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches, world_on
from simulate.world.titles import START

POLICIES = ("uniform", *RULES, "linucb", "linear_thompson", *BUNDLE_POLICIES)
STEPS = ("browse", "join", "renew")
MIDNIGHT = datetime(START.year, START.month, START.day, tzinfo=UTC)
CUT_OUTS = Path(__file__).parents[1] / "sample" / "artwork"


@dataclass(frozen=True)
class Learning:
    """How a policy learns from the examples."""

    window: int | None
    decay: float
    epsilon: float
    train: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1:
            raise BadInput(f"--epsilon {self.epsilon}: it is a probability, from 0 to 1")
        if self.window is not None and self.window < 1:
            raise BadInput(f"--window {self.window}: it holds no day; give at least 1")
        if not 0 < self.decay <= 1:
            raise BadInput(f"--decay {self.decay}: a factor a day, above 0 and at most 1")


@dataclass
class Loop:
    """A loop that is under way in a folder."""

    out: Path
    catalogue: Path
    world: ArtworkWorld
    policy: LoopPolicy
    browsing: Browsing
    switches: Switches
    learning: Learning
    reward: str
    state: LoopState

    def __post_init__(self) -> None:
        self.log, self.examples = self.out / "log", self.out / "examples"

    def run(self, days: int, progress: Callable[[int], object] = lambda done: None) -> None:
        """Go on until so many days are over."""
        while self.state.day < days:
            for number, name in enumerate(STEPS):
                if number >= self.state.step:
                    getattr(self, name)(self.state.day)
                    self.state.done(number, STEPS)
            progress(self.state.day)

    def browse(self, day: int) -> None:
        """A day of pages, decided by the policy as it was renewed last night."""
        self.policy.restore(self.stream(), self.state.bundle)
        world = world_on(self.world, self.switches, day)
        memory = self._memory(day) if self.switches.change_cost else None
        log = browse(world, self.policy, day, self.browsing, memory, self.switches.change_cost)
        append_day(log, self.log, self.out / LATER, self.policy.bundle)
        if memory is not None:
            memory.write(self._memory_file(day + 1))
            self._memory_file(day - 1).unlink(missing_ok=True)
        del self.state.rows[day:]
        self.state.rows.append(day_row(log) | {"bundle": self.policy.bundle})

    def join(self, day: int) -> None:
        """The examples that are closed by the end of the day."""
        joined = join(
            self.log, self.catalogue, self.examples, now=MIDNIGHT + timedelta(days=day + 1),
            reward=self.reward,
        )  # fmt: skip
        self.state.rows[day] |= {"examples": joined.examples, "waiting": joined.waiting}

    def renew(self, day: int) -> None:
        """Let the policy publish what it learnt, if it is one that publishes."""
        stream = self.stream()
        if stream is not None:
            self.policy.restore(None, self.state.bundle)
            self.state.bundle = self.policy.renew(stream) or self.state.bundle

    def stream(self) -> ExampleStream | None:
        """The examples to learn from; None while there is none."""
        if not any(self.examples.glob("day=*/*.parquet")):
            return None
        return ExampleStream(
            self.examples, size=4096, buffer=4096, window_days=self.learning.window,
            decay=self.learning.decay,
        )  # fmt: skip

    def _memory_file(self, day: int) -> Path:
        return self.out / f"seen-before-{day}.npy"

    def _memory(self, day: int) -> PageMemory:
        if day:
            return PageMemory.read(self._memory_file(day))
        return PageMemory(len(self.world.members), len(self.world.truth.title_ids))


def day_row(log: DayLog) -> dict[str, Any]:
    """What a day was worth: over its rendered decisions, by the truth.

    regret and uniform_regret are sums of expected takes that the best candidate had more than the
    chosen one, and than one drawn evenly.
    """
    value = value_of(log.takes, log.requests.valid, log.outcomes)
    count = max(1, value.impressions)
    return {
        "day": log.day,
        "decisions": log.decisions.num_rows,
        "impressions": value.impressions,
        "plays": value.plays,
        "takes": value.takes,
        "take_fraction": value.takes / count,
        "expected": value.expected / count,
        "regret": value.regret,
        "uniform_regret": value.uniform_regret,
    }


def loop_policy(
    name: str, world: ArtworkWorld, catalogue: Path, out: Path, learning: Learning, reward: str
) -> LoopPolicy:
    """The policy of a name in POLICIES."""
    if name == "uniform":
        return Examined("uniform")
    if name in RULES:
        return Tabular(name, world, learning.epsilon)
    if name in BUNDLE_POLICIES:
        return BundlePolicy(name, catalogue, out, learning.epsilon, reward, learning.train)
    return Linear(name, world, learning.epsilon, out / "cache")


def loop(
    days: int = 7, decisions_per_day: int = 10_000, policy: str = "beta_thompson",
    catalogue: Path | None = None, members: int = 2000, window: int | None = None,
    decay: float = 1.0, epsilon: float = 0.05, reward: str = "take", seed: int = 1,
    competition: bool = False, delay_days: float = 0.0, switches: Switches | None = None,
    train: list[str] | None = None, out: Path | None = None, json: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Close the loop in a simulated world: decide, log, wait for rewards, learn, publish, repeat.

    A loop that was killed goes on where it stopped when it is started again with the same options;
    with more days, it goes on from the last.

    Args:
        days: how many, from day 0 on.
        decisions_per_day: places on all pages of a day.
        policy: uniform, unpersonalised, beta_thompson, bayesian_ucb or ucb1 (by artwork), linucb or
            linear_thompson (on facts and what artwork looks like), thompson, greedy or
            epsilon_greedy (of the model that train.py trains every night).
        catalogue: folder that `python -m simulate catalogue` wrote; a small one is rendered if not
            given.
        members: how many there are.
        window: learn from the last so many days only; all if not given.
        decay: weight of a day relative to the day after it; 1 forgets nothing.
        epsilon: share of uniform exploration.
        reward: what the policy learns from: take, play, minutes, or 'name=SQL expression'.
        seed: of members, visits and outcomes.
        competition: titles on a page compete for one play.
        delay_days: plays and progress are received so much later.
        switches: drift, adversary, change effects, clickbait.
        train: further options of train.py, such as '[--fit.epochs=2]'.
        out: folder of everything: log/, examples/, bundles/; artifacts/loop/POLICY-SEED if not
            given.
        json: print one JSON object.
    """
    from rich.console import Console
    from rich.progress import Progress

    if days < 1 or decisions_per_day < 1:
        raise BadInput(f"{days} days of {decisions_per_day} decisions: give at least 1 of each")
    out = Path("artifacts/loop") / f"{policy}-{seed}" if out is None else Path(out)
    switches = switches or Switches()
    learning = Learning(window, decay, epsilon, tuple(train or ()))
    if policy not in POLICIES:
        raise BadInput(f"--policy {policy}: choose one of {', '.join(POLICIES)}")
    settings = {
        "decisions_per_day": decisions_per_day, "policy": policy,
        "catalogue": None if catalogue is None else str(catalogue), "members": members,
        "window": window, "decay": decay, "epsilon": epsilon, "reward": reward, "seed": seed,
        "competition": competition, "delay_days": delay_days, "switches": vars(switches),
        "train": list(train or ()),
    }  # fmt: skip
    state = LoopState.open(out, settings)
    shown = rendered(out, seed) if catalogue is None else Path(catalogue)
    world = ArtworkWorld.read(shown, members, seed)
    made = Loop(
        out, shown, world, loop_policy(policy, world, shown, out, learning, reward),
        Browsing(decisions_per_day, seed, competition, delay_days), switches, learning, reward,
        state,
    )  # fmt: skip
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("days", total=days, completed=state.day)
        made.run(days, lambda done: bar.update(task, completed=done))
    rows = state.rows[:days]
    if not json:
        Console().print(table(rows))
    regret, even = (sum(row[key] for row in rows) for key in ("regret", "uniform_regret"))
    return {
        "out": str(out), "policy": policy, "decisions": sum(row["decisions"] for row in rows),
        "take_fraction": sum(r["takes"] for r in rows) / sum(r["impressions"] for r in rows),
        "regret": regret, "regret_percent_of_uniform": 100 * regret / even,
        **({"days": rows} if json else {}),
    }  # fmt: skip


def rendered(out: Path, seed: int) -> Path:
    """The loop's own catalogue, rendered from the sample's cut-outs if it is not there yet."""
    from simulate.posters.subjects import Subjects
    from simulate.world.catalogue import write_catalogue

    folder = out / "catalogue"
    if not folder.is_dir():
        write_catalogue(Subjects.read(CUT_OUTS), 40, 6, seed, folder)
    return folder


def table(rows: list[dict[str, Any]]) -> Any:
    """Days as a table for the terminal."""
    from rich.table import Table

    shown = Table("day", "impressions", "take fraction", "regret", "% of uniform", "examples",
                  "model", title="by the truth, over rendered decisions")  # fmt: skip
    for row in rows:
        share = 100 * row["regret"] / max(row["uniform_regret"], 1e-9)
        shown.add_row(
            str(row["day"]), str(row["impressions"]), f"{row['take_fraction']:.4f}",
            f"{row['regret']:.1f}", f"{share:.1f}", str(row["examples"]), row["bundle"] or "–",
        )  # fmt: skip
    return shown
