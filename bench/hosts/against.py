"""The rates of `bench rates` by this checkout and by another, in turn on the same servers."""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import orjson
from rich.console import Console
from rich.progress import track

from bench.hosts.stage.map_cluster import cluster
from bench.measured import ROOT
from bench.servers import RedisServer
from data.errors import BadInput

SCRIPT = ROOT / "bench" / "hosts" / "tree_rates.py"
Rates = dict[str, float]


def compared(checkout: Path, members: int, records: int, rounds: int) -> dict[str, object]:
    """What this checkout does a second, what another does, and the median of their ratios.

    Args:
        checkout: folder of an earlier version.
        members: with a map of 300 titles.
        records: appended and drained.
        rounds: of both, first the one, then the other.

    Raises:
        BadInput: the folder is no checkout, or there is nothing to measure.
    """
    if not (checkout / "data" / "log").is_dir() or rounds < 1:
        raise BadInput(f"--against {checkout} --rounds {rounds}: give a checkout, and 1 at least")
    trees = {"now": ROOT, "before": checkout.resolve()}
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as up:
        places = _servers(Path(scratch), up)
        for number in track(range(rounds), "rounds", console=Console(stderr=True)):
            order = list(trees) if number % 2 else list(reversed(trees))
            for name in order:
                for place, (what, url, nodes) in places.items():
                    _empty(nodes)
                    count = records if what == "log" else members
                    home = Path(scratch) / f"{number}-{name}-{place}"
                    at = [what, url, home, count, *(node.port for node in nodes)]
                    for rate, value in _measured(trees[name], at).items():
                        found[f"{place}_{rate}"][name].append(value)
    return {"rounds": rounds, **{rate: comparison(both) for rate, both in found.items()}}


def _servers(scratch: Path, up: ExitStack) -> dict[str, tuple[str, str, list[RedisServer]]]:
    """What is measured where: what, the URL, and its servers."""
    for name in ("log", "single", "cluster"):
        (scratch / name).mkdir()
    log, single = RedisServer(scratch / "log"), RedisServer(scratch / "single", durable=False)
    up.callback(log.stop)
    up.callback(single.stop)
    nodes = up.enter_context(cluster(scratch / "cluster", durable=False))
    return {
        "log": ("log", log.url, [log]),
        "single": ("maps", single.url, [single]),
        "cluster": ("maps", f"redis+cluster://127.0.0.1:{nodes[0].port}", nodes),
    }


def _empty(servers: list[RedisServer]) -> None:
    # redis is an optional package
    from redis import Redis

    for server in servers:
        with Redis(port=server.port) as client:
            client.flushall()


def _measured(tree: Path, at: list[object]) -> Rates:
    environment = os.environ | {"PYTHONPATH": str(tree), "OPENBLAS_NUM_THREADS": "1"}
    # Safe path: else the script's own folder would come first, of this checkout always.
    command = [sys.executable, "-P", str(SCRIPT), *map(str, at)]
    ended = subprocess.run(command, cwd=tree, env=environment, capture_output=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{tree} measured nothing of {at[0]}: {ended.stderr.decode()[-400:]}")
    return orjson.loads(ended.stdout)


def comparison(both: dict[str, list[float]]) -> dict[str, float | None]:
    """Medians of rounds, and that of their ratios; None: the other checkout could not do it.

    Args:
        both: `now` and, where it could, `before` → what each round gave.
    """
    before, now = both.get("before", []), both["now"]
    ratio = median(n / b for n, b in zip(now, before, strict=True)) if before else None
    return {
        "now": round(median(now), 3),
        "before": round(median(before), 3) if before else None,
        "ratio": None if ratio is None else round(ratio, 3),
    }
