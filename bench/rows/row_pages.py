"""`python -m bench row-pages`: what deciding a page as a row costs, at the door of the service."""

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.measured import ROOT
from bench.serving.pages import Figures, PageLoads, live_command, medians_of, page_bodies
from bench.small_demo import demo_folders
from data.bundle import Bundle
from data.bundle.row_pairs import RowPairs
from export.graphs.rows import with_row_pairs

ALONE, LOGGED, JOINT = "title by title", "and pages logged", "as rows"
RANK = 8
"""Coordinates of an artwork: as many as are learnt."""
SPREAD = 0.1
"""SD of the weights, which are drawn: what a row costs does not depend on them."""


# The record is the function: one line a figure.
def row_pages(
    catalogue: Path | None = None,
    bundle: Path | None = None,
    cache: Path | None = None,
    titles: int = 20,
    rate: float = 200,
    seconds: float = 2.0,
    times: int = 7,
    quick: bool = False,
) -> dict[str, Figures]:
    """Latency at a rate and pages a second: title by title, with pages logged, and as rows.

    Args:
        catalogue: Folder with titles and artwork; the demo's if not given.
        bundle: To serve; the published one if not given. A pair term is drawn for it.
        cache: Folder of decoded images.
        titles: Titles on a page, at most.
        rate: Requests a second of the open loop.
        seconds: Length of each stretch of load.
        times: Stretches of each kind, all servers in turn; medians count.
        quick: One short stretch of each, to see that it works.
    """
    if quick:
        seconds, times, rate = 0.2, 1, min(rate, 100)
    given = {"catalogue": catalogue, "bundle": bundle, "cache": cache}
    with ExitStack() as stack:
        demo = stack.enter_context(demo_folders(quick, given))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        held = Bundle.open(demo.bundle)
        rows = replace(demo, bundle=with_row_pairs(held, _drawn(held), scratch / "bundles"))
        servers = {}
        for name, of, more in (
            (ALONE, demo, ()),
            (LOGGED, demo, ("--rows=true",)),
            (JOINT, rows, ("--rows=true",)),
        ):
            folder = scratch / name.replace(" ", "-")
            servers[name] = stack.enter_context(live_command(ROOT, of, folder, more))
        loads = PageLoads(page_bodies(demo.catalogue, titles), seconds, scratch)
        for server in servers.values():
            loads.closed(server, 4)
        return {
            f"{rate:g} a second": medians_of(times, servers, loads.opened, rate),
            "4 connections": medians_of(times, servers, loads.closed, 4),
        }


def _drawn(held: Bundle) -> RowPairs:
    """A pair term of the usual size."""
    rng = np.random.default_rng(0)
    width, heads = held.manifest.dimension, held.manifest.policy.heads
    forms = SPREAD * rng.normal(size=(heads, RANK, RANK))
    forms = forms + forms.swapaxes(1, 2)
    projection = rng.normal(size=(width, RANK)) / np.sqrt(width)
    return RowPairs(np.zeros(width), projection, forms.mean(0), forms)


def show_row_pages(record: Mapping[str, Figures]) -> None:
    """Print a line for each kind of load and figure, with ratios."""
    for kind, servers in record.items():
        for figure, before in servers[ALONE].items():
            line = "  ".join(f"{name} {values[figure]:.4g}" for name, values in servers.items())
            ratio = f"  ×{servers[JOINT][figure] / before:.2f}" if before else ""
            print(f"{kind}, {figure}: {line}{ratio}")
