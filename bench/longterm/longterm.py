"""`python -m bench longterm`: what lasts, beside what is quick to see."""

from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import t as student

from bench.longterm.estimates import LongCoverage, ProxyVerdict, coverages, proxy_verdicts
from bench.longterm.loops import LoopRow, learnt_loops, loop_rows, of_the_way
from bench.longterm.new_artwork import ArtworkRegret, artwork_regrets
from bench.longterm.stage import artwork_world, baited, worlds
from bench.longterm.trajectories import CarryOver, carry_over
from bench.longterm.trajectory_peer import PeerError, peer_errors
from data.command_line.names import names
from data.errors import BadInput
from simulate.progress import progress_bar

PARTS = ("loops", "artwork", "estimates", "proxy", "trajectories", "peer")
LOOP_WORLDS = ("whole", "now alone", "nothing")


@dataclass(frozen=True)
class OverSeeds:
    """A figure over worlds of their own.

    Attributes:
        what: it is.
        mean: over seeds.
        low: lower end of its 95% interval (Student, over seeds); NaN of one seed.
        high: upper end.
        seeds: how many.
    """

    what: str
    mean: float
    low: float
    high: float
    seeds: int

    @classmethod
    def of(cls, what: str, values: list[float]) -> "OverSeeds":
        """Of one figure a seed."""
        mean, count = float(np.mean(values)), len(values)
        if count < 2:
            return cls(what, mean, float("nan"), float("nan"), count)
        half = float(student.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))
        return cls(what, mean, mean - half, mean + half, count)


# Each parameter is an option of the command.
def longterm(
    parts: str = "loops,artwork,estimates,proxy,trajectories,peer",
    seeds: str = "1,2,3,4,5",
    members: int = 10_000,
    titles: int = 24,
    logs: int = 200,
    decisions: int = 5_000,
    impressions: int = 50_000,
    quick: bool = False,
) -> dict[str, object]:
    """Measure what lasts: loops on 60-day takes, estimates, new artwork, and whether RL is needed.

    Args:
        parts: loops (plays, takes, a proxy and the truth maximised), artwork (new artwork whose
            traces grow), estimates (LOPE beside DR over logs), proxy (one that is broken on
            purpose), trajectories (what a bandit misses), peer (d3rlpy's estimate by trajectories
            beside ours, where it is installed), with commas between.
        seeds: of worlds, with commas between; estimates and proxy take the first alone.
        members: that each policy's truth is rolled out on; cohorts have 4,000 of them.
        titles: of the catalogue, six posters each.
        logs: simulated (estimates).
        decisions: of each of these, each another member's.
        impressions: of a title with new artwork a day (artwork).
        quick: small worlds and few logs, to see that it works.
    """
    asked = names([parts])
    if unknown := [part for part in asked if part not in PARTS]:
        raise BadInput(f"--parts {unknown[0]}: choose among {', '.join(PARTS)}")
    try:
        numbers = [int(one) for one in seeds.split(",")]
    except ValueError:
        raise BadInput(f"--seeds {seeds}: give whole numbers with commas between") from None
    cohort = 4_000
    if quick:
        numbers, members, titles, logs, decisions, cohort = numbers[:1], 250, 6, 2, 500, 200
    found: dict[str, list] = {part: [] for part in asked}
    with progress_bar("seeds", len(numbers)) as done:
        for at, seed in enumerate(numbers if set(asked) != {"peer"} else ()):
            every = worlds(artwork_world(members, titles, seed))
            if "loops" in found:
                for name in LOOP_WORLDS:
                    found["loops"] += loop_rows(name, every[name], cohort, seed)
            if "artwork" in found:
                sizes = (150, 2_000, 30) if quick else (1_500, impressions, 60)
                whole = every["whole"]
                for posters, one in (("as rendered", whole), ("baited", baited(whole, seed))):
                    found["artwork"] += artwork_regrets(posters, one, *sizes, seed)
            if "trajectories" in found:
                for name in LOOP_WORLDS[:2]:
                    policies = learnt_loops(every[name], cohort, seed)
                    judged = {reward: policies[reward] for reward in ("take", "week")}
                    found["trajectories"] += carry_over(name, every[name], judged, cohort, seed)
            if at == 0 and "estimates" in found:
                found["estimates"] = coverages(every["whole"], logs, decisions, seed)
            if at == 0 and "proxy" in found:
                found["proxy"] = proxy_verdicts(every, (4 if quick else 20) * decisions, seed)
            done(at + 1)
    if "peer" in found:
        found["peer"] = peer_errors(numbers)
    return {"seeds": numbers, "members": members, **found, "over_seeds": _summary(found)}


def show(record: dict[str, list]) -> None:
    """Print a table a part, then what the seeds say together."""
    console = Console()
    if found := record.get("loops"):
        table = Table(
            "world", "seed", "policy", "28 days", "60 days", "stay", "misled", "over take"
        )
        for row in found:
            assert isinstance(row, LoopRow)
            takes = f"{row.takes_28:.3f}", f"{row.takes_60:.3f}"
            shares = f"{row.survival:.4f}", f"{row.misled:.1%}"
            over = f"{row.over_take:+.2%} ± {2 * row.error:.2%}"
            table.add_row(row.world, str(row.seed), row.policy, *takes, *shares, over)
        console.print(table)
    if found := record.get("artwork"):
        table = Table("posters", "seed", "learner", "regret an impression", "of even draws")
        for row in found:
            assert isinstance(row, ArtworkRegret)
            lost = f"{row.regret:.5f}", f"{row.regret / row.even:.2f}"
            table.add_row(row.posters, str(row.seed), row.learner, *lost)
        console.print(table)
    if found := record.get("estimates"):
        errors = "RMSE", "over DR", "an experiment over DR"
        table = Table("log", "target", "estimator", "truth", "bias", *errors, "held")
        for row in found:
            assert isinstance(row, LongCoverage)
            named = row.log, row.target, row.estimator, f"{row.truth:.4f}", f"{row.bias:+.4f}"
            errors = f"{row.rmse:.4f}", f"{row.over_dr:.2f}", f"{row.experiment:.2f}"
            table.add_row(*named, *errors, f"{row.coverage:.3f}")
        console.print(table)
    if found := record.get("proxy"):
        table = Table("world", "lope", "proxy", "gap", "by the log", "said to be broken", "truth")
        for row in found:
            assert isinstance(row, ProxyVerdict)
            gap = f"{row.gap:+.3f} [{row.gap_low:+.3f}, {row.gap_high:+.3f}]"
            own = f"{row.from_log:+.3f} [{row.log_low:+.3f}, {row.log_high:+.3f}]"
            values = f"{row.lope:.3f}", f"{row.surrogate:.3f}", gap, own, str(row.broken)
            table.add_row(row.world, *values, f"{row.truth:.3f}")
        console.print(table)
    if found := record.get("trajectories"):
        table = Table("world", "policy", "bandit", "FQE", "truth", "missed", "trajectories")
        for row in found:
            assert isinstance(row, CarryOver)
            bandit = f"{row.bandit:+.1%} [{row.bandit_low:+.1%}, {row.bandit_high:+.1%}]"
            fqe = f"{row.fqe:+.1%} [{row.fqe_low:+.1%}, {row.fqe_high:+.1%}]"
            missed = f"{row.missed:+.1%} [{row.missed_low:+.1%}, {row.missed_high:+.1%}]"
            worth = f"{row.worth:.0f} of {row.trajectories:,}"
            table.add_row(row.world, row.policy, bandit, fqe, f"{row.truth:+.1%}", missed, worth)
        console.print(table)
    for row in record.get("peer", []):
        assert isinstance(row, PeerError)
        console.print(row.words())
    for one in record["over_seeds"]:
        assert isinstance(one, OverSeeds)
        console.print(f"{one.what}: {one.mean:.4f} [{one.low:.4f}, {one.high:.4f}]")


def _summary(found: dict[str, list]) -> list[OverSeeds]:
    rows: list[OverSeeds] = []
    loops: list[LoopRow] = found.get("loops", [])
    for world in LOOP_WORLDS if loops else ():
        own = [row for row in loops if row.world == world]
        for policy in ("even", "play", "week", "proxy", "oracle"):
            over = [row.over_take for row in own if row.policy == policy]
            rows.append(OverSeeds.of(f"{world}: {policy} over take, 60-day takes", over))
        if world == "whole":
            each = [[row for row in own if row.seed == seed] for seed in {row.seed for row in own}]
            for policy, name in (("proxy", "proxy"), ("week", "the proxy of a week")):
                ways = [of_the_way(some, policy) for some in each]
                rows.append(OverSeeds.of(f"{name}'s share of the way from take to oracle", ways))
    artwork: list[ArtworkRegret] = found.get("artwork", [])
    for posters in dict.fromkeys(row.posters for row in artwork):
        by = {(r.seed, r.learner): r.regret for r in artwork if r.posters == posters}
        seeds = dict.fromkeys(seed for seed, _ in by)
        for other in ("waiting", "two days", "foretold", "takes alone", "oracle"):
            ratio = [by[seed, "progressive"] / by[seed, other] for seed in seeds]
            rows.append(OverSeeds.of(f"{posters}: regret of progressive over {other}", ratio))
    days: list[CarryOver] = found.get("trajectories", [])
    for world, policy in dict.fromkeys((row.world, row.policy) for row in days):
        own = [row for row in days if (row.world, row.policy) == (world, policy)]
        what = f"{world}: {policy}, missed by a bandit"
        rows.append(OverSeeds.of(f"{what}, by FQE", [r.missed for r in own]))
        rows.append(OverSeeds.of(f"{what}, in truth", [r.truth - r.bandit for r in own]))
    return rows
