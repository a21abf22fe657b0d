"""`kill -9` at random moments while logs are written, rolled, drained, joined, bundles published.

A victim process works in a loop and says which records it was promised; it is killed at a random
moment, and the next victim goes on with what it left. Counted at the end: promised records that
are not in the log or the examples, records that are there twice, files and bundles that are there
in part, and times when `current` led to no whole bundle.
SIGKILL spares what the kernel holds: this tests the order of writes, not the disk's cache.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import track

from bench.logs.victim import LATER
from bench.measured import ROOT
from bench.optional import why_no_redis
from bench.servers import redis_server
from data.bundle import CURRENT, Bundle
from data.errors import BadInput
from data.join.join import join
from data.log import EventLog, roll
from export.publish.publish import verify

STAGES = ("write", "roll", "drain", "join", "publish")


def crash(
    rounds: int = 200,
    seed: int = 0,
    stages: Sequence[str] = STAGES,
    folder: Path | None = None,
    quick: bool = False,
) -> dict[str, object]:
    """Kill -9 at random moments; lost, duplicated and torn must be 0.

    Args:
        rounds: how many victims.
        seed: of the stages and moments.
        stages: of write, roll, drain (where Redis is), join and publish.
        folder: where to work; a temporary folder if not given.
        quick: one victim of each stage: to see that it works.
    """
    unknown = set(stages) - set(STAGES)
    if unknown or rounds < 1:
        raise BadInput(
            f"--rounds {rounds} --stages {list(stages)}: give at least one round, of stages "
            f"among {', '.join(STAGES)}"
        )
    no_redis = why_no_redis()
    chosen = [stage for stage in stages if stage != "drain" or no_redis is None]
    rounds = len(chosen) if quick else rounds
    with tempfile.TemporaryDirectory(dir=folder) as scratch, redis_server() as server:
        scene = _Scene(Path(scratch), server.url if server else "")
        moments = _moments(chosen, rounds, seed, in_turn=quick)
        progress = track(moments, "kill -9", total=rounds, console=Console(stderr=True))
        for number, (stage, after) in enumerate(progress):
            if quick and stage == "join":
                scene.recover()  # victims of a moment may have rolled nothing that can be joined
            scene.kill(stage, f"{number}", after)
        result = {"rounds": rounds, **scene.counts(), "killed": dict(scene.killed)}
    if "drain" in stages and no_redis is not None:
        result["left_out"] = {"drain": no_redis}
    return result


def _moments(
    stages: Sequence[str], rounds: int, seed: int, in_turn: bool
) -> Iterator[tuple[str, float]]:
    """Stages with the seconds after which each is killed; drawn, or one after another."""
    rng = random.Random(seed)
    for number in range(rounds):
        drawn = rng.choice(stages)
        yield stages[number] if in_turn else drawn, rng.uniform(0, 0.6)


class _Scene:
    """A folder in which victims work one after another, and what was promised there."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.log_dir, self.examples = folder / "log", folder / "examples"
        self.promised: set[str] = set()
        self.torn = self.published = 0
        self.killed: Counter[str] = Counter()

    def kill(self, stage: str, tag: str, after: float) -> None:
        """Let a victim work for so many seconds, kill it, and look at what it left."""
        if stage == "join" and not (self.log_dir / "decisions").is_dir():
            stage = "roll"
        names = kill_one(stage, self.folder, tag, self.url, after)
        self.killed[stage] += 1
        self.torn += torn_files(self.folder)
        if stage == "publish":
            self.published += len(names)
            self.torn += torn_bundles(self.folder / "bundles", self.published > 0)
        else:
            self.promised.update(names)

    def recover(self) -> None:
        """Roll what victims left in the log."""
        with EventLog(self.log_dir):
            pass
        roll(self.log_dir)

    def counts(self) -> dict[str, object]:
        """What was lost, duplicated and torn once all is rolled, drained and joined."""
        self.recover()
        if self.url:
            # redis is an optional package
            from data.log.redis_drain import drain
            from data.servers.redis_server import RedisAddress

            drain(RedisAddress(self.url), self.log_dir, consumer="drain")
        if (self.log_dir / "decisions").is_dir():
            join(self.log_dir, None, self.examples, now=LATER)
        torn = self.torn + torn_files(self.folder)
        decisions = names_in(self.log_dir / "decisions", "decision_id")
        events = names_in(self.log_dir / "events", "event_id")
        examples = names_in(self.examples, "decision_id")
        whole = {
            name
            for name in self.promised
            if name in decisions and name in examples
            if f"impression-{name}" in events and f"play-{name}" in events
        }
        return {
            "lost": len(self.promised) - len(whole),
            "duplicated": sum(n - 1 for n in examples.values()),
            "torn": torn,
            "acknowledged": len(self.promised),
            "examples": len(examples),
            "published": self.published,
            "duplicated_in_log": sum(n - 1 for n in (decisions + events).values()),
        }


def kill_one(stage: str, folder: Path, tag: str, url: str, after: float) -> list[str]:
    """Start a victim, kill it `after` seconds from when it is ready; the names it was promised."""
    command = [sys.executable, "-m", "bench.logs.victim", stage, str(folder), tag, url]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, cwd=ROOT, env=environment) as process:
        output = process.stdout
        if output is None or not any(line == b"ready\n" for line in iter(output.readline, b"")):
            raise RuntimeError(f"the victim of {stage} ended by itself with {process.wait()}")
        time.sleep(after)
        if process.poll() is not None:
            raise RuntimeError(f"the victim of {stage} ended by itself with {process.returncode}")
        os.kill(process.pid, signal.SIGKILL)
        lines = output.read().split(b"\n")[:-1]
    return [line.decode() for line in lines if line]


def torn_files(folder: Path) -> int:
    """Visible Parquet files that are not whole."""
    torn = 0
    for file in folder.rglob("*.parquet"):
        try:
            pq.read_metadata(file)
        except (pa.ArrowInvalid, OSError):
            torn += 1
    return torn


def torn_bundles(root: Path, published: bool) -> int:
    """Visible bundles that are not whole, and `current` if it leads to none once it should."""
    torn = sum(problem != "" for problem in verify(root).values())
    try:
        Bundle.open(root / CURRENT)
    except BadInput:
        return torn + published
    return torn


def names_in(folder: Path, column: str) -> Counter[str]:
    """How often each id is there."""
    names: Counter[str] = Counter()
    for file in folder.rglob("*.parquet"):
        names.update(pq.ParquetFile(file).read([column])[column].to_pylist())
    return names
