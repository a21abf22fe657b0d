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
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import rich.progress

from bench.logs.log import DECISION, redis_server
from data.bundle import BUNDLE_VERSION, CURRENT, Bundle
from data.days import DAY_US
from data.errors import BadInput
from data.join.join import join
from data.log import BufferedLog, EventLog, roll
from export.graphs.manifest import seal
from export.publish.publish import prune, publish, rollback, verify
from export.publish.staging import staging

STAGES = ("write", "roll", "drain", "join", "publish")
LATER = datetime(2030, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
TIME = DECISION["time"]
BUNDLE = {
    "schema_version": BUNDLE_VERSION,
    "feature_fingerprint": "",
    "policy": {"kind": "thompson", "heads": 1, "epsilon": 0.05, "salt": 0},
    "calibration": {"bias": 0.0, "temperature": 1.0},
    "dimension": 1,
    "image": None,
    "encoder": None,
    "reward_name": "take",
    "parent": None,
    "metrics": {},
}
"""A manifest of a bundle in which nothing can score."""


def records(name: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A decision on one of five days, its impression and its play."""
    at = TIME + DAY_US * (hash(name) % 5)
    decision = {**DECISION, "decision_id": name, "profile_id": name, "time": at}
    said = {"profile_id": name, "title_id": decision["title_id"], "decision_id": name}
    events = [
        {**said, "event_id": f"{kind}-{name}", "kind": kind, "time": at + after, "received": at}
        for kind, after in (("impression", 0), ("play", 1))
    ]
    return [decision], events


def promise(log: BufferedLog, tag: str, thread: int) -> None:
    """Append for ever; print each name once its records are acknowledged."""
    pending: list[tuple[str, list[Future[None] | None]]] = []
    for number in range(10**9):
        name = f"{tag}-{thread}-{number}"
        decisions, events = records(name)
        pending.append((name, [log.append("decisions", decisions), log.append("events", events)]))
        if len(pending) < 20:
            continue
        names = []
        for name, tickets in pending:
            if all(ticket is not None for ticket in tickets):
                for ticket in tickets:
                    ticket.result()  # pyright: ignore[reportOptionalMemberAccess]
                names.append(name + "\n")
        os.write(1, "".join(names).encode())  # one write: whole lines, or none of them
        pending.clear()


def publish_forever(root: Path, tag: str) -> None:
    """Write, publish, roll back and prune bundles; their content does not matter here."""
    os.write(1, b"ready\n")
    for number in range(10**9):
        with staging(root) as part:
            for name in ("context.onnx", "weights.safetensors"):
                (part / name).write_bytes(f"{tag}-{number}".encode() * 50_000)
            made = seal(part, root, BUNDLE | {"created": datetime.now(UTC).isoformat()})
        publish(made, root, force=True)
        os.write(1, f"{made.name}\n".encode())
        if number % 3 == 1:
            rollback(root)
        prune(root, keep=3)


def victim(stage: str, folder: Path, tag: str, url: str) -> None:
    """Work until killed."""
    log_dir, out = folder / "log", folder / "examples"
    logs: list[BufferedLog] = []
    if stage == "publish":
        publish_forever(folder / "bundles", tag)
    if stage in ("write", "roll"):
        logs.append(EventLog(log_dir))
    if stage == "drain":
        from data.log.redis_log import RedisLog

        logs.append(RedisLog(url))
    for log in logs:
        for thread in range(2 if stage == "write" else 1):
            threading.Thread(target=promise, args=(log, tag, thread), daemon=True).start()
    os.write(1, b"ready\n")
    rebuild = False
    while True:
        if stage == "roll":
            roll(log_dir, chunk=400)
        elif stage == "drain":
            logs[0].drain(log_dir, consumer="drain")  # pyright: ignore[reportAttributeAccessIssue]
        elif stage == "join":
            join(log_dir, None, out, now=LATER, rebuild=rebuild)
            rebuild = True
        else:
            time.sleep(60)


def kill_one(stage: str, folder: Path, tag: str, url: str, after: float) -> list[str]:
    """Start a victim, kill it `after` seconds from when it is ready; the names it was promised."""
    command = [sys.executable, "-m", "bench.logs.crash", stage, str(folder), tag, url]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=ROOT, env=environment
    ) as process:  # fmt: skip
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


def crash(
    rounds: int = 200,
    seed: int = 0,
    stages: Sequence[str] = STAGES,
    folder: Path | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Kill -9 at random moments; lost, duplicated and torn must be 0.

    Args:
        rounds: how many victims.
        seed: of the stages and moments.
        stages: of write, roll, drain (where redis-server is), join and publish.
        folder: where to work; a temporary folder if not given.
        json: print one JSON object.
    """
    unknown = set(stages) - set(STAGES)
    if unknown or rounds < 1:
        raise BadInput(
            f"--rounds {rounds} --stages {list(stages)}: give at least one round, of stages "
            f"among {', '.join(STAGES)}"
        )
    rng = random.Random(seed)
    promised: set[str] = set()
    torn, published, killed = 0, 0, Counter[str]()
    with tempfile.TemporaryDirectory(dir=folder) as scratch, redis_server() as url:
        place = Path(scratch)
        chosen = [stage for stage in stages if stage != "drain" or url is not None]
        for number in rich.progress.track(
            range(rounds), "kill -9", console=rich.console.Console(stderr=True)
        ):
            stage = rng.choice(chosen)
            if stage == "join" and not (place / "log/decisions").is_dir():
                stage = "roll"
            after = rng.uniform(0, 0.6)
            said = kill_one(stage, place, f"{number}", url or "", after)
            killed[stage] += 1
            torn += torn_files(place)
            if stage == "publish":
                published += len(said)
                torn += torn_bundles(place / "bundles", published > 0)
            else:
                promised.update(said)
        with EventLog(place / "log"):
            pass
        roll(place / "log")
        if url is not None:
            from data.log.redis_log import RedisLog

            with RedisLog(url) as log:
                log.drain(place / "log", consumer="drain")
        if (place / "log/decisions").is_dir():
            join(place / "log", None, place / "examples", now=LATER)
        torn += torn_files(place)
        decisions = names_in(place / "log/decisions", "decision_id")
        events = names_in(place / "log/events", "event_id")
        examples = names_in(place / "examples", "decision_id")
    kept = {
        name for name in promised
        if name in decisions and f"impression-{name}" in events and f"play-{name}" in events
        and name in examples
    }  # fmt: skip
    return {
        "rounds": rounds,
        "lost": len(promised) - len(kept),
        "duplicated": sum(n - 1 for n in examples.values()),
        "torn": torn,
        "acknowledged": len(promised),
        "examples": len(examples),
        "published": published,
        "duplicated_in_log": sum(n - 1 for n in (decisions + events).values()),
        "killed": dict(killed),
    }


if __name__ == "__main__":
    victim(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
