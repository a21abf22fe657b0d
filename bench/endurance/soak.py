"""A long run of the whole loop under mixed load: memory, descriptors, disk and latency by minute.

Latency is the median of a page beside that of a fixed unit of work, done in turn with it: the same
page of the same service under the same load, started anew every minute. What a neighbour does to
the machine it does to both; what the run does to the service it does to one.
"""

import http.client
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from bench.endurance.readings import Growth, Reading, cpu_seconds, disk, growth, held
from bench.faults.stage.live_process import LiveProcess
from bench.faults.stage.scene import FaultScene, lay_out
from bench.measured import ROOT
from bench.small_demo import demo_folders
from data.errors import BadInput

KINDS = (
    *("log/live/", "log/decisions/", "log/events/", "log/runs/", "log/damaged/", "log/"),
    *("maps/", "cache/", "bundles/", "catalogue/", "examples/", "temporary/", "unit/", "service-"),
)
GROWS = ("log/decisions/", "log/events/")
"""What is written to be kept: `roll --keep-days` takes it away."""
PAIRS = 15.0
"""Pages a second that are timed, each with its unit of work."""
WARMING = 50
"""Pages that a service just started answers before it is timed."""
LEAST = 2.0
"""Seconds of a minute in which pages are timed, however long its start took."""
FLAT = 0.02


def soak(
    minutes: int = 30,
    rate: float = 30,
    warm_up: int = 5,
    minute: float = 60.0,
    quick: bool = False,
) -> dict[str, object]:
    """Run live, roll, precompute and reloads for so long; what grew, and whether pages got slower.

    A roll every minute, precompute `--changed-only` and a bundle loaded anew every fifth.

    Args:
        minutes: of the run.
        rate: requests a second of the mixed load, each with its events.
        warm_up: minutes at the start that count for nothing.
        minute: seconds of a minute.
        quick: four minutes of eight seconds: to see that it works.
    """
    if quick:
        minutes, warm_up, minute = 4, 1, 8.0
    if minutes - warm_up < 3 or rate <= 0 or minute <= 0:
        raise BadInput(
            f"--minutes {minutes} --warm-up {warm_up} --rate {rate}: give three minutes more than "
            "the warm-up has, and a rate above 0"
        )
    with (
        tempfile.TemporaryDirectory(prefix="marquee-soak-") as scratch,
        demo_folders(True, {}) as demo,
    ):
        scene = lay_out(demo, Path(scratch) / "scene")
        with _running(scene, rate) as (service, probe, sent):
            readings = list(_readings(scene, service, probe, rate, minutes, minute))
    steady = readings[warm_up:]
    return _record(steady, readings, sent)


@contextmanager
def _running(
    scene: FaultScene, rate: float
) -> Iterator[tuple[LiveProcess, "_Probe", dict[str, int]]]:
    """The service, its load and the unit of work; what was sent is known at the end."""
    temporary, sent = scene.folder / "temporary", {}
    temporary.mkdir()
    titles, members = scene.titles, scene.members
    load_file = {"titles": titles, "members": members}
    (scene.folder / "load.json").write_bytes(orjson.dumps(load_file))
    service = LiveProcess(scene, environment={"TMPDIR": str(temporary)})
    probe = _Probe(scene, service.port, titles[:8])
    try:
        service.wait()
        ports = (str(service.port), str(probe.unit.port))
        words = ["-m", "bench.endurance.mixed_load", *ports, str(rate), str(scene.folder)]
        command_line = [sys.executable, *words]
        with subprocess.Popen(command_line, cwd=ROOT, stdout=subprocess.PIPE) as load:
            try:
                yield service, probe, sent
                load.terminate()
                sent.update(orjson.loads(load.communicate()[0]))
            finally:
                load.kill()
        service.stop()
    finally:
        probe.end()
        service.kill()


class _Probe:
    """Times a page and the unit of work, one after the other."""

    def __init__(self, scene: FaultScene, port: int, titles: list[int]) -> None:
        self.titles = titles
        self.live = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.log = scene.folder / "unit"
        self.unit = LiveProcess(scene, options=("--log", self.log))
        self.asked = 0

    def renew(self) -> None:
        """Start the unit of work anew, with a log of its own."""
        self.end()
        shutil.rmtree(self.log, ignore_errors=True)
        self.unit.start()
        self.unit.wait()
        self.fresh = http.client.HTTPConnection("127.0.0.1", self.unit.port, timeout=30)
        for _ in range(WARMING):
            self.pair()

    def pair(self) -> tuple[float, float]:
        """Seconds of a page, and of the unit; they take turns at being first."""
        self.asked += 1
        page = {"profile_id": f"probe-{self.asked % 50}", "title_ids": self.titles, "fresh": True}
        if self.asked % 2:
            aged = _post(self.live, page)
            return aged, _post(self.fresh, page)
        fresh = _post(self.fresh, page)
        return _post(self.live, page), fresh

    def end(self) -> None:
        """End the unit."""
        self.unit.stop()


def _post(connection: http.client.HTTPConnection, page: Mapping[str, object]) -> float:
    """Seconds until a page is there."""
    body, start = orjson.dumps(page), time.perf_counter()
    connection.request("POST", "/v1/decide", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"a page was answered {answer.status}: {answer.read()[:300]!r}")
    answer.read()
    return time.perf_counter() - start


def _readings(
    scene: FaultScene,
    service: LiveProcess,
    probe: _Probe,
    rate: float,
    minutes: int,
    minute: float,
) -> Iterator[Reading]:
    """One a minute."""
    start, pid = time.monotonic(), service.process.pid
    for number in range(minutes):
        # What the scheduler of a day does, beside the pages.
        chores: list[list[object]] = [["-m", "data", "roll", "--log", scene.log]]
        if number % 5 == 2:
            chores.append([*scene.precompute_words(), "--changed-only"])
            (scene.bundle / "manifest.json").touch()  # which loads the bundle anew
        working = [
            subprocess.Popen(
                [sys.executable, *map(str, words)], cwd=ROOT, stdout=subprocess.DEVNULL
            )
            for words in chores
        ]
        before, pairs, began = cpu_seconds(pid), [], time.monotonic()
        probe.renew()
        until = max(start + (number + 1) * minute, time.monotonic() + LEAST)
        while time.monotonic() < until:
            pairs.append(probe.pair())
            time.sleep(max(0.0, min(until - time.monotonic(), 1 / PAIRS - sum(pairs[-1]))))
        if any(one.wait() for one in working):
            raise RuntimeError(f"a chore of minute {number} failed: see what it said above")
        times = np.array(pairs) * 1000
        (page, unit), tails = np.median(times, 0), np.percentile(times, 99, 0)
        pages = rate * (time.monotonic() - began) + len(pairs) + WARMING
        sizes, files = disk(scene.folder, KINDS)
        cpu = (cpu_seconds(pid) - before) * 1000 / pages
        memory, helpers, descriptors, threads = held(pid)
        reading = Reading(
            minute=number,
            page_ms=round(float(page), 4),
            unit_ms=round(float(unit), 4),
            ratio=round(float(page / unit), 4),
            p99_ratio=round(float(tails[0] / tails[1]), 4),
            cpu_ms_a_page=round(cpu, 4),
            service_mb=memory,
            helpers_mb=helpers,
            descriptors=descriptors,
            threads=threads,
            disk_mb=sizes,
            files=files,
        )
        print(orjson.dumps(reading._asdict()).decode(), file=sys.stderr, flush=True)
        yield reading


def _record(
    steady: list[Reading], readings: list[Reading], sent: dict[str, int]
) -> dict[str, object]:
    """What a run came to."""
    at = [reading.minute for reading in steady]

    def of(values: list[float]) -> dict[str, float]:
        line: Growth = growth(at, values)
        mean = sum(values) / len(values)
        return {
            "mean": round(mean, 4),
            "an_hour": line.an_hour,
            "over_the_run": line.over_the_run,
            "share": round(line.over_the_run / mean, 5) if mean else 0.0,
            "standard_error": round(line.standard_error / mean, 5) if mean else 0.0,
        }

    latency = of([reading.ratio for reading in steady])
    grew = {
        kind: round(steady[-1].disk_mb[kind] - steady[0].disk_mb[kind], 3)
        for kind in steady[0].disk_mb
    }
    kept = {kind: size for kind, size in grew.items() if kind in GROWS}
    decisions = sent.get("decisions", 0)
    return {
        "minutes": len(readings),
        "warm_up": len(readings) - len(steady),
        "latency_ratio": latency,
        "flat_within": FLAT,
        "flat": abs(latency["share"]) <= FLAT,
        "cpu_ms_a_page": of([reading.cpu_ms_a_page for reading in steady]),
        "service_mb": of([reading.service_mb for reading in steady]),
        "helpers_mb": of([reading.helpers_mb for reading in steady]),
        "descriptors": of([float(reading.descriptors) for reading in steady]),
        "threads": of([float(reading.threads) for reading in steady]),
        "disk_grew_mb": grew,
        "kept_bytes_a_decision": round(
            1e6 * sum(readings[-1].disk_mb[kind] for kind in kept) / max(decisions, 1), 1
        ),
        "sent": dict(sorted(sent.items())),
        "by_minute": [reading._asdict() for reading in readings],
    }


def show_soak(record: Mapping[str, object]) -> None:
    """Print a line a figure, and a row a minute."""
    table = Table("minute", "page ms", "unit ms", "ratio", "CPU ms", "MB", "descriptors", "live MB")
    for row in record["by_minute"]:  # type: ignore[attr-defined]
        names = ("minute", "page_ms", "unit_ms", "ratio", "cpu_ms_a_page", "service_mb")
        disk_mb = row["disk_mb"]["log/live/"]
        table.add_row(*(str(row[name]) for name in (*names, "descriptors")), str(disk_mb))
    console = Console()
    console.print(table)
    for name, value in record.items():
        if name != "by_minute":
            console.print(f"{name}: {value}")
