"""`python -m bench.logs.victim STAGE FOLDER TAG URL`: work that goes on until it is killed.

It says on stdout which records it was promised to find again, a name a line.
"""

import os
import sys
import threading
import time
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

from bench.empty_bundle import write_empty_bundle
from bench.logs.log import DECISION, TIME
from data.days import DAY_US
from data.join.join import join
from data.log import BufferedLog, EventLog, roll
from export.publish.publish import prune, publish, rollback

LATER = datetime(2030, 1, 1, tzinfo=UTC)
"""When all windows are closed."""
Record = dict[str, object]


def records(name: str) -> tuple[list[Record], list[Record]]:
    """A decision on one of five days, its impression and its play."""
    at = TIME + DAY_US * (hash(name) % 5)
    decision = {**DECISION, "decision_id": name, "profile_id": name, "time": at}
    whose: Record = {
        "profile_id": name,
        "title_id": decision["title_id"],
        "decision_id": name,
        "received": at,
    }
    events = [
        {**whose, "event_id": f"{kind}-{name}", "kind": kind, "time": at + after}
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
            promised = [ticket for ticket in tickets if ticket is not None]
            if len(promised) == len(tickets):
                for ticket in promised:
                    ticket.result()
                names.append(name + "\n")
        os.write(1, "".join(names).encode())  # one write: whole lines, or none of them
        pending.clear()


def promise_aside(log: BufferedLog, tag: str, threads: int = 1) -> None:
    """The same in threads beside this one."""
    for thread in range(threads):
        threading.Thread(target=promise, args=(log, tag, thread), daemon=True).start()


def publish_forever(root: Path, tag: str) -> None:
    """Write, publish, roll back and prune bundles; their content does not matter here."""
    for number in range(10**9):
        content = f"{tag}-{number}".encode() * 50_000
        files = {"context.onnx": content, "weights.safetensors": content}
        bundle = write_empty_bundle(root, files)
        publish(bundle, root, force=True)
        os.write(1, f"{bundle.name}\n".encode())
        if number % 3 == 1:
            rollback(root)
        prune(root, keep=3)


def drain_forever(log_dir: Path, tag: str, url: str) -> None:
    """Drain what is appended meanwhile."""
    # redis is an optional package
    from data.log.redis_drain import drain
    from data.log.redis_log import RedisLog
    from data.servers.redis_server import RedisAddress

    address = RedisAddress(url)
    log = RedisLog(address)
    promise_aside(log, tag)
    ready()
    while True:
        drain(address, log_dir, consumer="drain")


def join_forever(log_dir: Path, out: Path) -> None:
    """Join what is new, then everything again and again."""
    rebuild = False
    while True:
        join(log_dir, None, out, now=LATER, rebuild=rebuild)
        rebuild = True


def ready() -> None:
    """Say that the victim may be killed."""
    os.write(1, b"ready\n")


def victim(stage: str, folder: Path, tag: str, url: str) -> None:
    """Work until killed.

    Args:
        stage: write, roll, drain, join or publish.
        folder: of the log, the examples and the bundles.
        tag: what this victim's records are named after.
        url: of Redis, to be drained.
    """
    log_dir = folder / "log"
    if stage == "drain":
        drain_forever(log_dir, tag, url)
    if stage in ("write", "roll"):
        promise_aside(EventLog(log_dir), tag, threads=2 if stage == "write" else 1)
    ready()
    if stage == "publish":
        publish_forever(folder / "bundles", tag)
    if stage == "join":
        join_forever(log_dir, folder / "examples")
    while True:
        if stage == "roll":
            roll(log_dir, chunk=400)
        else:
            time.sleep(60)


if __name__ == "__main__":
    victim(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
