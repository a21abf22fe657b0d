"""`python -m bench rows`: joint choices of rows, and whether estimates know their worth."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.optional import why_no_package
from bench.rows.bias import WindowBias, biases
from bench.rows.coverage import Gain, RowCoverage, coverage, gains
from bench.rows.few import FewRow, few_rows
from bench.rows.maps import map_rows, show_maps
from bench.rows.peer import PACKAGE, PeerRow, beside_peer
from bench.rows.policies import PolicyRow, policy_row
from bench.rows.row_lookups import row_lookups, show_lookups
from bench.rows.stage import RowStage
from data.errors import BadInput

EFFECT = -0.3
"""Logits for each SD of alikeness of neighbours: see `simulate.world.switches.Switches`."""
PARTS = ("policies", "few", "maps", "lookups", "bias", "coverage", "gains", "peer")
CLOSED, LOST, COVERED = 0.6, 0.005, 0.93
"""Aims: of the gap to the best row that is closed, of takes that are lost where neighbours do
nothing, of 200 logs whose interval holds."""
PEER_LOGS, PEER_PAGES = 40, 1000
"""Of each structure of rewards of the peer's environment."""
SETTINGS = [
    (neighbour, competition) for neighbour in (0.0, EFFECT) for competition in (False, True)
]


@dataclass(frozen=True)
class Aim:
    """What was promised, and what was measured."""

    what: str
    aim: float
    found: float
    met: bool


def rows(
    parts: str = "policies,few,maps,lookups,bias,coverage,gains,peer",
    logs: int = 200,
    pages: int = 10_000,
    contexts: int = 200,
    seed: int = 1,
    quick: bool = False,
) -> dict[str, object]:
    """Measure rows decided jointly, in a world where every possible row has a known value.

    Args:
        parts: policies (what joint choices gain), few (what is left of it with a few artworks a
            title), maps (of maps of a few, drawn where the page is opened, beside live), lookups
            (what such a page costs), bias (exact, of windows), coverage (intervals of estimates
            over logs), gains (off-line beside on-line), peer (sb-obp on its own environment, where
            it is installed), with commas between.
        logs: simulated logs of each setting (coverage).
        pages: of each of these; ten times as many for gains, twice as many to learn from.
        contexts: members, each before five titles.
        seed: of the world and the logs.
        quick: a small world and few logs, to see that it works.
    """
    asked = [part.strip() for part in parts.split(",") if part.strip()]
    if unknown := [part for part in asked if part not in PARTS]:
        raise BadInput(f"--parts {unknown[0]}: choose among {', '.join(PARTS)}")
    if quick:
        logs, pages, contexts = 2, 400, 10
    found: dict[str, list] = {part: [] for part in asked}
    if "peer" in found:
        if why := why_no_package(PACKAGE):
            print(f"peer left out: {why} (pip install sb-obp)", file=sys.stderr)
            del found["peer"]
        else:
            found["peer"] = beside_peer(2 if quick else PEER_LOGS, PEER_PAGES, seed)
    if "lookups" in found:
        found["lookups"] = row_lookups(200 if quick else 5000, 0.01 if quick else 0.5)
    if not found.keys() - {"peer", "lookups"}:
        return {"contexts": 0, "logs": logs, "pages": pages, **found}
    stage = RowStage.make(contexts, 8 if quick else 24, seed)
    for neighbour, competition in SETTINGS:
        world = stage.rows(neighbour, competition)
        if "policies" in found:
            found["policies"].append(policy_row(stage, world, 2 * pages, seed))
        if "few" in found and not competition:
            found["few"] += few_rows(stage, world, 2 * pages, seed)
        if "maps" in found and not competition:
            found["maps"] += map_rows(stage, world, 2 * pages, seed)
        if "bias" in found:
            found["bias"] += biases(stage, world, 2 * pages, seed)
        if "coverage" in found:
            found["coverage"] += coverage(stage, world, logs, pages, seed)
        if "gains" in found:
            found["gains"] += gains(stage, world, 10 * pages, seed)
    return {"contexts": contexts, "logs": logs, "pages": pages, **found, "aims": _aims(found)}


def _aims(found: Mapping[str, Sequence]) -> list[Aim]:
    """What was promised of rows, and what came of it."""
    aims = []
    for row in found.get("policies", ()):
        world = f"δ {row.neighbour:g}" + (", titles compete" if row.competition else "")
        if row.neighbour:
            aims.append(
                Aim(f"{world}: of the gap closed", CLOSED, row.closed, row.closed >= CLOSED)
            )
        elif not row.competition:
            aims.append(Aim(f"{world}: gain at least", -LOST, row.gain, row.gain >= -LOST))
    aims += [
        Aim(f"δ {row.neighbour:g}, SD {row.noise:g}: of maps, at least", -LOST, lost, lost >= -LOST)
        for row in found.get("maps", ())
        if not row.neighbour
        for lost in [row.mapped / row.alone - 1]
    ]
    held = [row.coverage for row in found.get("coverage", ()) if row.estimator == "pi2_dr"]
    if held:
        least = min(held)
        aims.append(Aim("intervals of pi2_dr hold, at least", COVERED, least, least >= COVERED))
    for row in found.get("gains", ()):
        if row.competition and row.estimator == "pi2_dr":
            what = f"δ {row.neighbour:g}, titles compete: interval holds the on-line gain"
            aims.append(Aim(what, 1.0, float(row.held), row.held))
    return aims


def show(record: dict[str, list]) -> None:
    """Print a table a part."""
    console = Console()
    world = ("δ", "compete")
    if found := record.get("policies"):
        table = Table(*world, "even", "alone", "joint", "oracle", "closed", "gain")
        for row in found:
            assert isinstance(row, PolicyRow)
            values = (row.even, row.independent, row.orchestrated, row.oracle)
            shares = (f"{row.closed:.0%}", f"{row.gain:+.1%}")
            table.add_row(*_world(row), *(f"{v:.4f}" for v in values), *shares)
        console.print(table)
    if found := record.get("few"):
        table = Table("δ", "kept", "alone", "likeliest", "suited", "all", "left", "left, suited")
        for row in found:
            assert isinstance(row, FewRow)
            values = (row.alone, row.likeliest, row.suited, row.whole)
            shares = (f"{row.likeliest_left:.0%}", f"{row.suited_left:.0%}")
            table.add_row(
                f"{row.neighbour:g}", str(row.kept), *(f"{v:.4f}" for v in values), *shares
            )
        console.print(table)
    for part, told in (("maps", show_maps), ("lookups", show_lookups)):
        if found := record.get(part):
            told(console, found)
    if found := record.get("bias"):
        table = Table(*world, "target", "a title at a time", "pi", "pi2", "pi3", "pi2_dr")
        for row in found:
            assert isinstance(row, WindowBias)
            shares = (row.title, row.pi, row.pi2, row.pi3, row.pi2_dr)
            table.add_row(*_world(row), row.target, *(f"{share:+.1%}" for share in shares))
        console.print(table)
    if found := record.get("coverage"):
        table = Table(*world, "target", "estimator", "bias", "SD", "held", "chosen")
        for row in found:
            assert isinstance(row, RowCoverage)
            chosen = ", ".join(f"{n} {s:.0%}" for n, s in (row.chosen or {}).items())
            shares = (f"{row.bias:+.1%}", f"{row.deviation:.1%}", f"{row.coverage:.3f}")
            table.add_row(*_world(row), row.target, row.estimator, *shares, chosen)
        console.print(table)
    if found := record.get("gains"):
        table = Table(*world, "estimator", "off-line", "95% interval", "on-line", "held")
        for row in found:
            assert isinstance(row, Gain)
            ends = f"{row.low:+.4f} … {row.high:+.4f}"
            values = (f"{row.off_line:+.4f}", ends, f"{row.on_line:+.4f}", str(row.held))
            table.add_row(*_world(row), row.estimator, *values)
        console.print(table)
    if found := record.get("peer"):
        names = list(found[0].rmse)
        table = Table("sb-obp's rewards", "largest difference", *(f"RMSE {n}" for n in names))
        for row in found:
            assert isinstance(row, PeerRow)
            shares = (f"{row.rmse[name]:.1%}" for name in names)
            table.add_row(row.structure, f"{row.apart:.1e}", *shares)
        console.print(table)
    for row in record.get("aims", ()):
        met = "met" if row.met else "MISSED"
        console.print(f"{met}: {row.what}: {row.found:.3f} (aim {row.aim:g})")


def _world(row: PolicyRow | WindowBias | RowCoverage | Gain) -> tuple[str, str]:
    return f"{row.neighbour:g}", "yes" if row.competition else "no"
