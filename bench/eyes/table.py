"""What was measured of eyes as one table: a row a variant."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from bench.eyes.worlds import KINDS, TOLD, TOLD_LOOKS, Variant
from bench.seed_statistics import SeedMean, mean_of

Row = Mapping[str, float]
WAYS = ("torch_1", "torch_2", "onnx_1", "onnx_2")
COSTS = ("numbers", "graph_mb", *(f"best_ms_{way}" for way in WAYS), "times_lite0")


def table_of(rows: Sequence[Mapping]) -> list[dict[str, object]]:
    """A record a variant, in the order in which they were measured first.

    Args:
        rows: as `Kept` has them.
    """
    variants = list(dict.fromkeys(Variant(row["encoder"], row["without"]) for row in rows))
    return [_record(of, rows) for of in variants]


def _record(of: Variant, rows: Sequence[Mapping]) -> dict[str, object]:
    """Costs and shares of one."""
    record: dict[str, object] = dict(of._asdict())
    own = [row for row in rows if (row["encoder"], row["without"]) == tuple(of)]
    for row in own:
        if row["what"] == "cost":
            record |= {k: v for k, v in row.items() if k not in ("what", "seed")}
        elif row["what"] in KINDS:
            record["seconds"] = row["seconds"]
    for world, told in (*((kind, Variant(TOLD)) for kind in KINDS), ("theatre", TOLD_LOOKS)):
        found = {row["seed"]: row for row in own if row["what"] == world}
        if not found:
            continue
        best = {
            row["seed"]: row
            for row in rows
            if (row["what"], row["encoder"], row["without"]) == (world, *told)
        }
        record[f"{world}_takes"] = {str(seed): row["greedy"] for seed, row in found.items()}
        for policy in ("greedy", "thompson"):
            record[f"{world}_{policy}_of_oracle"] = _share(found, found, policy, "oracle")
            record[f"{world}_{policy}_of_told"] = _share(found, best, policy, "greedy")
    return record


def _share(
    own: Mapping[int, Row], others: Mapping[int, Row], policy: str, whole: str
) -> dict[str, object] | None:
    """Of what is gained over random, by seed; None: the seeds have no such other."""
    both = [(own[seed], others[seed]) for seed in own if seed in others]
    shares = [(one[policy] - one["random"]) / (other[whole] - one["random"]) for one, other in both]
    return asdict(mean_of(shares)) if len(shares) > 1 else None


def show_eyes(record: Mapping) -> None:
    """Print costs, and shares of greedy."""
    console = Console(width=200)
    costs = Table(
        "encoder",
        *COSTS,
        title="a picture: numbers, MB, ms of the best round in torch and ONNX Runtime",
    )
    shares = Table(
        "encoder",
        "without",
        "training, processor s",
        *(f"{world}, of {whole}" for world in (*KINDS, "theatre") for whole in ("told", "oracle")),
        title="share of the gain over random, greedy",
    )
    for row in record["table"]:
        if "numbers" in row:
            costs.add_row(row["encoder"], *(str(row.get(name, "")) for name in COSTS))
        cells = [
            SeedMean(**found).text() if (found := row.get(f"{world}_greedy_of_{whole}")) else ""
            for world in (*KINDS, "theatre")
            for whole in ("told", "oracle")
        ]
        if any(cells):
            shares.add_row(row["encoder"], row["without"], str(row.get("seconds", "")), *cells)
    console.print(costs)
    console.print(shares)
