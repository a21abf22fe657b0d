"""What other clients notice of one that attacks: a quiet stretch and a hostile one, in turn.

Three clients ask for pages at a steady rate, in a process of their own; a fourth attacks, in
another. Quiet and hostile stretches alternate, so that what a neighbour does to the machine falls
on both; what counts is the median of the ratios.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import TypedDict

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from bench.endurance.readings import family, resident_mb
from bench.faults.stage.attacks import ATTACKS
from bench.faults.stage.live_process import LiveProcess
from bench.faults.stage.scene import FaultScene, lay_out
from bench.serving.load_generator import Load, load, post
from bench.small_demo import demo_folders
from data.errors import BadInput

CLIENTS = 3
LIMIT = 3.0
"""Hostile over quiet p99 must stay below it."""
DEADLINE_MS = 50.0
"""Of each page: the service's own default."""


class HostileRow(TypedDict):
    """What came of an attack."""

    attack: str
    attacks: int
    quiet_p99_ms: float
    hostile_p99_ms: float
    ratio: float
    ratios: list[float]
    pages: int
    without_image: int
    non_200: int
    fallbacks_quiet: int
    fallbacks_hostile: int
    caused: int
    memory_mb: float
    kept: bool


def hostile(
    only: str = "",
    rate: float = 60,
    seconds: float = 4.0,
    rounds: int = 3,
    catalogue: Path | None = None,
    bundle: Path | None = None,
    examples: Path | None = None,
    quick: bool = False,
) -> dict[str, object]:
    """Attack the live service by one client of four; p99 and fallbacks of the others' pages.

    Args:
        only: names of attacks, separated by commas; all if empty.
        rate: pages a second of the three others together.
        seconds: of each stretch.
        rounds: quiet and hostile stretches of each attack.
        catalogue: of the small product that is attacked; with `bundle` and `examples`. One is made
            if none is given.
        bundle: trained on it.
        examples: that it was trained on.
        quick: one short round of each: to see that it works.
    """
    names = [name.strip() for name in only.split(",") if name.strip()] or list(ATTACKS)
    if unknown := set(names) - ATTACKS.keys():
        raise BadInput(f"--only {sorted(unknown)[0]}: choose among {', '.join(ATTACKS)}")
    if quick:
        seconds, rounds = 1.0, 1
    given = {"catalogue": catalogue, "bundle": bundle, "examples": examples}
    with (
        tempfile.TemporaryDirectory(prefix="marquee-hostile-") as scratch,
        demo_folders(True, given) as demo,
    ):
        scene = lay_out(demo, Path(scratch) / "scene")
        pages = _pages(scene)
        rows = [_attacked(name, scene, pages, rate, seconds, rounds) for name in names]
    return {
        "attacks": rows,
        "limit": LIMIT,
        "highest_ratio": max(row["ratio"] for row in rows),
        "caused": sum(row["caused"] for row in rows),
        "without_image": sum(row["without_image"] for row in rows),
        "non_200": sum(row["non_200"] for row in rows),
        "not_kept": [row["attack"] for row in rows if not row["kept"]],
    }


def _pages(scene: FaultScene) -> list[bytes]:
    """Requests of other clients."""
    titles, facts = scene.titles, {"country": "FR", "device": "tv", "tenure_days": 90.0}
    return [
        post(
            "/v1/decide",
            orjson.dumps(
                {"profile_id": member, "title_ids": titles, "facts": facts, "fresh": True}
            ),
        )
        for member in scene.members
    ]


def _attacked(
    name: str, scene: FaultScene, pages: list[bytes], rate: float, seconds: float, rounds: int
) -> HostileRow:
    """One attack on a service that was just started."""
    service = LiveProcess(scene, options=("--deadline-ms", DEADLINE_MS))
    quiet: list[Load] = []
    loud: list[Load] = []
    attacks = 0
    try:
        service.wait()
        titles = len(scene.titles)

        def asked() -> Load:
            return load(service.port, pages, rate, seconds, CLIENTS, titles)

        asked()
        for _ in range(rounds):
            quiet.append(asked())
            with _Attacker(name, service.port) as attacker:
                loud.append(asked())
            attacks += attacker.done.value
            time.sleep(0.5)  # what it left open is given up
        memory = resident_mb(family(service.process.pid))
        service.stop()
    finally:
        service.kill()
    ratios = [
        round(each.milliseconds(99) / before.milliseconds(99), 2)
        for before, each in zip(quiet, loud, strict=True)
    ]
    fell = [sum(sum(each.reasons.values()) for each in loads) for loads in (quiet, loud)]
    without = sum(each.without_image for each in (*quiet, *loud))
    odd = sum(
        count
        for each in (*quiet, *loud)
        for status, count in each.statuses.items()
        if status != 200
    )
    ratio, caused = median(ratios), max(0, fell[1] - fell[0])
    print(f"{name}: {attacks} attacks, p99 {ratios}, fallbacks {fell}", file=sys.stderr, flush=True)
    return {
        "attack": name,
        "attacks": attacks,
        "quiet_p99_ms": _p99(quiet),
        "hostile_p99_ms": _p99(loud),
        "ratio": ratio,
        "ratios": ratios,
        "pages": sum(each.sent for each in (*quiet, *loud)),
        "without_image": without,
        "non_200": odd,
        "fallbacks_quiet": fell[0],
        "fallbacks_hostile": fell[1],
        "caused": caused,
        "memory_mb": memory,
        "kept": ratio < LIMIT and not caused and not without and not odd,
    }


def _p99(loads: list[Load]) -> float:
    together = np.concatenate([each.seconds for each in loads])
    return round(float(np.percentile(together, 99)) * 1000, 2)


class _Attacker:
    """A process that attacks as fast as one client can, until it is told to end."""

    def __init__(self, name: str, port: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.done, self._end = context.Value("i", 0), context.Event()
        self._begun = context.Event()
        words = (name, port, self.done, self._begun, self._end)
        self._process = context.Process(target=_attack, args=words, daemon=True)

    def __enter__(self) -> "_Attacker":
        self._process.start()
        self._begun.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._process.join(10)
        self._process.kill()
        self._process.join()


def _attack(name: str, port: int, done, begun, end) -> None:  # noqa: ANN001 of multiprocessing
    attack = ATTACKS[name]
    begun.set()
    while not end.is_set():
        with suppress(OSError):
            done.value += attack.once(port, time.monotonic() + 2)


def status(record: Mapping[str, list[str]]) -> int:
    """1 where others noticed."""
    return int(bool(record["not_kept"]))


def show_hostile(record: Mapping[str, list[HostileRow]]) -> None:
    """Print a row for each attack."""
    table = Table("attack", "attacks", "quiet p99 ms", "hostile", "ratio", "caused", "MB", "kept")
    for row in record["attacks"]:
        kept = "yes" if row["kept"] else "NO"
        p99 = (str(row["quiet_p99_ms"]), str(row["hostile_p99_ms"]), str(row["ratio"]))
        more = (str(row["caused"]), str(row["memory_mb"]), kept)
        table.add_row(row["attack"], str(row["attacks"]), *p99, *more)
    Console().print(table)
