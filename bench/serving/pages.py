"""Pages a second and latency of `python -m serve live`, beside a bare handler and another version.

The command itself is started, in this checkout and in another one, on the same bundles and the
same catalogue; so any version can be put beside any other. All of them are under load in turn, in
short stretches, over and over: what the machine does besides meets all alike, and ratios hold where
figures do not.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq

from bench.measured import ROOT
from bench.servers import served, serving
from bench.serving.load_generator import Load, load, post
from bench.small_demo import DemoFolders, demo_folders
from data.bundle import CURRENT
from data.errors import BadInput

Figures = dict[str, dict[str, float]]
"""Server → figure → value."""
Server = tuple[int, int]
"""Port and process."""
CONNECTIONS = (1, 4, 16)
BARE, NEW, OLD = "bare", "this", "against"


# The record is the function: one line a figure.
def pages(
    catalogue: Path | None = None,
    bundle: Path | None = None,
    cache: Path | None = None,
    log: Path | None = None,
    against: Path | None = None,
    titles: int = 40,
    rate: float = 500,
    seconds: float = 2.0,
    times: int = 5,
    quick: bool = False,
) -> dict[str, Figures]:
    """Pages a second at 1, 4 and 16 connections, and latency at a rate.

    Args:
        catalogue: Folder with titles and artwork; the demo's if not given.
        bundle: To serve; the published one if not given.
        cache: Folder of decoded images.
        log: Folder on the disk that is to hold the logs, a temporary one if not given; with
            /dev/shm the disk is left out.
        against: Checkout of another version, to be served beside this one.
        titles: Titles on a page, at most; as many as the catalogue has.
        rate: Requests a second of the open loop.
        seconds: Length of each stretch of load.
        times: Stretches of each kind; medians count.
        quick: One short stretch of each, to see that it works.
    """
    if quick:
        seconds, times, rate = 0.2, 1, min(rate, 100)
    if against is not None and not (against / "serve").is_dir():
        raise BadInput(f"--against {against} is no checkout of Marquee; it has no folder `serve`")
    given = {"catalogue": catalogue, "bundle": bundle, "cache": cache}
    with ExitStack() as stack:
        demo = stack.enter_context(demo_folders(quick, given))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=log)))
        bodies = page_bodies(demo.catalogue, titles)
        servers = {BARE: stack.enter_context(served("bench.serving.live_app:bare"))}
        for name, folder in {OLD: against, NEW: ROOT}.items():
            if folder is not None:
                command = live_command(folder, demo, scratch / name)
                servers[name] = stack.enter_context(command)
        load_of = PageLoads(bodies, seconds, scratch)
        for name, server in servers.items():
            if load_of.closed(server, 4)["other fallbacks"] > 0.5:
                raise BadInput(
                    f"version {name!r} does not decide with bundle {demo.bundle}: most pages fell "
                    "back; give a bundle that it can open"
                )
        record = {
            f"{connections} connections": medians_of(times, servers, load_of.closed, connections)
            for connections in CONNECTIONS
        }
        return record | {f"{rate:g} a second": medians_of(times, servers, load_of.opened, rate)}


def show_pages(record: Mapping[str, Figures]) -> None:
    """Print a line for each kind of load and figure, with ratios."""
    for kind, servers in record.items():
        for figure in servers[NEW]:
            values = {name: servers[name][figure] for name in servers}
            line = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            for other in (OLD, BARE):
                if values.get(other):
                    line += f"  ×{values[NEW] / values[other]:.2f} of {other}"
            print(f"{kind}, {figure}: {line}")


def page_bodies(catalogue: Path, titles: int) -> list[bytes]:
    """Pages of a catalogue's titles for 500 members."""
    known = pq.read_table(catalogue / "titles.parquet")["title_id"].to_pylist()
    rng = np.random.default_rng(0)
    bodies = []
    for member in range(500):
        facts = {
            "country": "FR",
            "language": "fr",
            "device": "tv",
            "surface": "home",
            "row": member % 7,
            "tenure_days": float(member),
            "watched_genres": {"drama": 3.0, "comedy": 1.0},
            "watched_cast": {"Ada": 2.0, "Noor": 1.0},
        }
        shown = rng.permutation(known)[:titles].tolist()
        body = {"profile_id": f"profile-{member}", "title_ids": shown, "facts": facts}
        bodies.append(orjson.dumps(body))
    return bodies


@contextmanager
def live_command(
    folder: Path, demo: DemoFolders, scratch: Path, more: Sequence[str] = ()
) -> Iterator[Server]:
    """`python -m serve live` of a checkout, on a port of its own, its log in a scratch folder.

    Args:
        folder: of the checkout.
        demo: what it serves.
        scratch: folder that is made for it.
        more: further options.
    """
    scratch.mkdir()
    (scratch / CURRENT).symlink_to(demo.bundle.resolve())
    options = {
        "bundles": scratch,
        "catalogue": demo.catalogue.resolve(),
        "log": scratch / "log",
        "cache": demo.cache.resolve(),
    }
    words = [f"--{name}={value}" for name, value in options.items()]
    with serving(["-m", "serve", "live", *words, *more], folder) as server:
        yield server


class PageLoads:
    """Stretches of load on one server: figure → value."""

    def __init__(self, bodies: Sequence[bytes], seconds: float, scratch: Path) -> None:
        self.requests = [post("/v1/decide", body) for body in bodies]
        self.seconds = seconds
        self.wrk = Wrk(bodies, scratch) if shutil.which("wrk") else None

    def closed(self, server: Server, connections: float) -> dict[str, float]:
        """Each connection sends when it has been answered."""
        port, process = server
        before = processor_seconds(process)
        got = load(port, self.requests, None, self.seconds, int(connections))
        spent = processor_seconds(process) - before
        ours = {"pages a second": got.offered, "processor ms a page": 1000 * spent / got.sent}
        ours |= _figures(got)
        return ours | (self.wrk.run(port, self.seconds, int(connections)) if self.wrk else {})

    def opened(self, server: Server, rate: float) -> dict[str, float]:
        """Requests leave when they are due."""
        return _figures(load(server[0], self.requests, rate, self.seconds))


def processor_seconds(process: int) -> float:
    """What a process has taken of the processor so far, which does not depend on its neighbours."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _figures(got: Load) -> dict[str, float]:
    shed = got.reasons["shed"]
    return {
        "p50 ms": got.milliseconds(50),
        "p99 ms": got.milliseconds(99),
        "shed": shed / max(got.sent, 1),
        "other fallbacks": (sum(got.reasons.values()) - shed) / max(got.sent, 1),
        "not 200": sum(count for status, count in got.statuses.items() if status != 200),
    }


def medians_of(
    times: int,
    servers: Mapping[str, Server],
    stretch: Callable[[Server, float], dict[str, float]],
    load_of: float,
) -> Figures:
    """Of each server in turn, over and over."""
    got = [{name: stretch(s, load_of) for name, s in servers.items()} for _ in range(times)]
    return {
        name: {
            figure: round(float(np.median([each[name][figure] for each in got])), 4)
            for figure in got[0][name]
        }
        for name in servers
    }


class Wrk:
    """The same pages, sent by wrk.

    Args:
        bodies: sent in turn.
        folder: for its script.
    """

    def __init__(self, bodies: Sequence[bytes], folder: Path) -> None:
        self.script = folder / "pages.lua"
        listed = ",\n".join(f"[==[{body.decode()}]==]" for body in bodies)
        self.script.write_text(
            f"local bodies = {{{listed}}}\nlocal at, kinds = 0, {{['Content-Type'] = "
            "'application/json'}\nfunction request()\n at = at % #bodies + 1\n"
            " return wrk.format('POST', '/v1/decide', kinds, bodies[at])\nend\n"
            "function done(s, latency)\n"
            ' io.stderr:write(string.format(\'{"requests":%d,"us":%d,"p50":%f,"p99":%f}\','
            " s.requests, s.duration, latency:percentile(50), latency:percentile(99)))\nend\n"
        )

    def run(self, port: int, seconds: float, connections: int) -> dict[str, float]:
        """A stretch in whole seconds, wrk's least being one."""
        whole = max(1, round(seconds))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{whole}s", "-s", str(self.script)]
        ended = subprocess.run(
            [*command, f"http://127.0.0.1:{port}"], capture_output=True, check=True
        )
        said = json.loads(ended.stderr)
        return {
            "wrk pages a second": said["requests"] / said["us"] * 1e6,
            "wrk p50 ms": said["p50"] / 1000,
            "wrk p99 ms": said["p99"] / 1000,
        }
