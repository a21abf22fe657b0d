"""`python -m bench web`: how long pages take, and what live decisions beside them feel of it."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import httpx
import numpy as np
import pyarrow.parquet as pq

from bench.measured import ROOT
from bench.servers import serving
from bench.serving.pages import PageLoads, Server, live_command, page_bodies
from bench.small_demo import DemoFolders, demo_folders
from data.command_line.give_way import give_way
from data.examples.profiles import profiles

PROFILES = "profiles.parquet"
WARM = 2.0
"""Seconds until a visitor has come up."""
HOME_MS, LAB_S, SLOWER = 150.0, 2.0, 1.2
"""What is aimed at: server time of a home page at the median, a lab answer, p99 beside pages."""


@dataclass(frozen=True)
class WebFigures:
    """What was measured; times are of whole answers over loopback."""

    titles: int
    """On the home page, for each of two members."""
    home_ms: list[float]
    """p50 and p95, two members side by side."""
    one_ms: list[float]
    """The same of one member."""
    why_ms: list[float]
    title_ms: list[float]
    lab_s: list[float]
    """p50 and the longest, one image of a title that was not judged before."""
    alone_p99_ms: float
    """Of live decisions with nobody at the pages; medians of stretches in turn."""
    beside_p99_ms: float
    """While one visitor opens home pages as fast as they come."""
    slower: float
    """Median of the ratios of neighbouring stretches."""
    counting: float
    """The same beside a process of the pages' rank that only counts: what this machine makes of any
    neighbour."""


# Each parameter is an option of the command.
def web(
    catalogue: Path | None = None,
    bundle: Path | None = None,
    examples: Path | None = None,
    cache: Path | None = None,
    pages: int = 60,
    images: int = 8,
    rate: float = 100,
    seconds: float = 3.0,
    times: int = 5,
    quick: bool = False,
) -> WebFigures:
    """Open pages of `serve web` as one visitor does, and live decisions beside them.

    Args:
        catalogue: Folder with titles and artwork; the demo's if not given.
        bundle: To show; the published one if not given.
        examples: Joined examples; the demo's if not given.
        cache: Folder of decoded images.
        pages: Pages of each kind.
        images: Images that the lab judges, each for another title.
        rate: Live requests a second.
        seconds: Length of each stretch of live load.
        times: Stretches with and without somebody at the pages, in turn.
        quick: A few of each, to see that it works.
    """
    if quick:
        pages, images, seconds, times = 4, 1, 0.3, 1
    given = {"catalogue": catalogue, "bundle": bundle, "examples": examples, "cache": cache}
    with ExitStack() as stack:
        demo = stack.enter_context(demo_folders(quick, given))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(_pages(demo, scratch))[0]
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        first = client.get("/api/home").json()
        titles = [tile["title_id"] for row in first["rows"] for tile in row["tiles"][0]]
        members = pq.read_table(scratch / PROFILES)["profile_id"].to_pylist()
        ask = _Asked(client, members, titles)
        home = _milliseconds(pages, ask.two)
        one, why, title = (_milliseconds(pages, each) for each in (ask.one, ask.why, ask.title))
        lab = _lab(client, demo, titles, images)
        live = stack.enter_context(live_command(ROOT, demo, scratch / "live"))
        loads = PageLoads(page_bodies(demo.catalogue, 20), seconds, scratch)
        loads.opened(live, rate)
        alone, beside, counting = [], [], []
        for _ in range(times):
            alone.append(loads.opened(live, rate)["p99 ms"])
            with _neighbour(_visit, port, members[:500]):
                beside.append(loads.opened(live, rate)["p99 ms"])
            with _neighbour(_count):
                counting.append(loads.opened(live, rate)["p99 ms"])
    return WebFigures(
        first["titles"],
        _middle_and_end(home),
        _middle_and_end(one),
        _middle_and_end(why),
        _middle_and_end(title),
        [round(float(np.median(lab)), 2), round(max(lab), 2)],
        round(float(np.median(alone)), 2),
        round(float(np.median(beside)), 2),
        _ratio(beside, alone),
        _ratio(counting, alone),
    )


def show_web(record: WebFigures) -> None:
    """Print a line a figure, with what is aimed at."""
    print(
        f"home, two members × {record.titles} titles: p50, p95 {record.home_ms} ms (aim {HOME_MS})"
    )
    print(f"home, one member: {record.one_ms} ms; why {record.why_ms}; title {record.title_ms}")
    print(f"lab, p50 and longest: {record.lab_s} s an image (aim {LAB_S})")
    print(
        f"live p99 {record.alone_p99_ms} ms alone, {record.beside_p99_ms} beside a visitor: "
        f"×{record.slower} (aim {SLOWER}); ×{record.counting} beside a process that only counts"
    )


class _Asked:
    """Pages in turn, none twice the same if members last."""

    def __init__(self, client: httpx.Client, members: list[str], titles: list[object]) -> None:
        self.client, self.members, self.titles, self.at = client, members, titles, 0

    def _next(self) -> int:
        self.at += 1
        return self.at

    def _member(self, at: int) -> str:
        return self.members[at % len(self.members)]

    def two(self) -> None:
        at = self._next()
        self._get("/", {"member": self._member(2 * at), "other": self._member(2 * at + 1)})

    def one(self) -> None:
        self._get("/", {"member": self._member(self._next())})

    def why(self) -> None:
        at = self._next()
        title = str(self.titles[at % len(self.titles)])
        self._get("/why", {"member": self._member(at), "title": title})

    def title(self) -> None:
        self._get("/title", {"title": str(self.titles[self._next() % len(self.titles)])})

    def _get(self, path: str, asked: Mapping[str, str]) -> None:
        self.client.get(path, params=dict(asked)).raise_for_status()


@contextmanager
def _neighbour(work: Callable[..., None], *given: object) -> Iterator[None]:
    """A process of its own beside what is measured, until that is done."""
    started = get_context("spawn").Process(target=work, args=given, daemon=True)
    started.start()
    try:
        time.sleep(WARM)
        yield
    finally:
        started.terminate()
        started.join()


def _visit(port: int, members: list[str]) -> None:
    """Somebody who opens home pages as fast as they come.

    A browser has a machine of its own, so this one stands back as far as it can.
    """
    give_way()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        ask = _Asked(client, members, [])
        while True:
            ask.two()


def _count() -> None:
    give_way()
    for _ in count():
        pass


@contextmanager
def _pages(demo: DemoFolders, scratch: Path) -> Iterator[Server]:
    """The pages, on a port of their own."""
    (scratch / "bundles").mkdir()
    (scratch / "bundles" / "current").symlink_to(demo.bundle.resolve())
    profiles(demo.examples, scratch / PROFILES)
    words = [
        f"--bundles={scratch / 'bundles'}",
        f"--catalogue={demo.catalogue.resolve()}",
        f"--profiles={scratch / PROFILES}",
        f"--examples={demo.examples.resolve()}",
        f"--cache={demo.cache.resolve()}",
        "--foreign=true",
    ]
    with serving(["-m", "serve", "web", *words], ROOT) as server:
        yield server


def _ratio(some: list[float], others: list[float]) -> float:
    """Median of the ratios of neighbours."""
    return round(float(np.median(np.array(some) / np.array(others))), 2)


def _milliseconds(times: int, page: Callable[[], None]) -> list[float]:
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        page()
        spent.append(1000 * (time.perf_counter() - begun))
    return spent


def _middle_and_end(spent: list[float]) -> list[float]:
    return [round(float(np.quantile(spent, q)), 1) for q in (0.5, 0.95)]


def _lab(client: httpx.Client, demo: DemoFolders, titles: list[object], images: int) -> list[float]:
    """Seconds of each answer, of images of other titles."""
    files = sorted((demo.catalogue / "images").rglob("*.*"))
    spent = []
    for at in range(images):
        raw = files[(at * 37 + 11) % len(files)].read_bytes()
        begun = time.perf_counter()
        sent = {"title": str(titles[(at * 7) % len(titles)])}
        client.post("/api/lab", data=sent, files={"images": ("new", raw)}).raise_for_status()
        spent.append(time.perf_counter() - begun)
    return spent
