"""`python -m simulate log`: members browse a rendered catalogue, in the public log format."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import whole_folder
from data.errors import BadInput
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing, DayLog
from simulate.browsing.logging_policies import logging_policy
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches
from simulate.world.titles import START

FILES = {
    "decisions": "decisions.parquet", "events": "events.parquet", "truth": "_expected.parquet",
}  # fmt: skip
"""What each folder of a day holds. Readers of logs pass over names with an underscore."""


def write_days(
    days: Iterable[DayLog], out: Path | str, progress: Callable[[int], object] = lambda done: None
) -> dict[str, Any]:
    """Write days as `decisions/`, `events/` and `truth/`, one Parquet file a day in each.

    The folder appears when it is whole.

    Returns:
        decisions, events, impressions, plays, takes (how many), take_fraction, random and oracle
        (expected take fractions over rendered decisions).

    Raises:
        BadInput: the folder is there already and not empty.
    """
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is there already and not empty; give --out a new folder")
    totals = np.zeros(7)
    with whole_folder(out) as part:
        for done, log in enumerate(days, start=1):
            write_day(log, part)
            rendered, takes = log.outcomes.rendered, log.takes
            totals += (
                log.decisions.num_rows, log.events.num_rows, rendered.sum(),
                log.outcomes.played.sum(), log.outcomes.taken.sum(),
                (takes.sum(-1) / log.requests.valid.sum(-1))[rendered].sum(),
                takes.max(-1)[rendered].sum(),
            )  # fmt: skip
            progress(done)
    names = ("decisions", "events", "impressions", "plays", "takes")
    counts = {name: int(value) for name, value in zip(names, totals[:5], strict=True)}
    shown = max(totals[2], 1)
    return {
        **counts, "take_fraction": totals[4] / shown, "random": totals[5] / shown,
        "oracle": totals[6] / shown,
    }  # fmt: skip


def write_day(log: DayLog, out: Path) -> None:
    """Write one day of a log, into `day=YYYY-MM-DD` folders."""
    day = f"day={START + timedelta(days=log.day)}"
    tables: dict[str, pa.Table] = {
        "decisions": log.decisions, "events": log.events, "truth": log.expected,
    }  # fmt: skip
    for name, table in tables.items():
        folder = out / name / day
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / FILES[name], compression="zstd")


def read_expected(log: Path | str) -> pa.Table:
    """The expected take of each candidate of each decision of a simulated log.

    Columns: decision_id, expected (aligned with the decision's candidates, given that it is
    rendered).

    Raises:
        BadInput: the log has no truth.
    """
    files = sorted((Path(log) / "truth").rglob(FILES["truth"]))
    if not files:
        raise BadInput(f"{log} has no truth/: only `python -m simulate log` knows expected takes")
    return pa.concat_tables([pq.read_table(file) for file in files])


def log_command(
    out: str, catalogue: str | None = None, members: int = 2000, days: int = 14,
    decisions_per_day: int = 10_000, policy: str = "uniform", epsilon: float = 0.2, seed: int = 1,
    competition: bool = False, delay_days: float = 0.0, keep_probabilities: bool = False,
    switches: Switches | None = None, anomalies: str | None = None, decisions: int = 10_000,
    truth: str | None = None, json: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Let members browse a catalogue for some days; write decisions, events and their truth.

    With --anomalies, a log of six days to judge a join by: everything that goes wrong in logs, and
    in --truth the examples that it must give.

    Args:
        out: new or empty folder: decisions/, events/ and truth/, by day.
        catalogue: folder that `python -m simulate catalogue` wrote.
        members: how many there are.
        days: how many days, from day 0 on.
        decisions_per_day: places on all pages of a day.
        policy: uniform, or epsilon (ε-greedy on the best unpersonalised artwork).
        epsilon: share of uniform exploration of the policy epsilon.
        seed: of members, visits and outcomes.
        competition: titles on a page compete for one play.
        delay_days: plays and progress are received so much later.
        keep_probabilities: log the probabilities of all candidates.
        switches: drift, adversary, change effects, clickbait.
        anomalies: all, none, or names with commas between; the log then makes its own titles.
        decisions: how many, with --anomalies.
        truth: Parquet file for decision_id and reward of the closed examples, with --anomalies.
        json: print one JSON object.
    """
    if anomalies is not None:
        if catalogue is not None:
            raise BadInput(f"--anomalies makes its own titles; leave out --catalogue {catalogue}")
        from simulate.anomalies.anomalous_log import write_anomalous_log

        return {"log": out, **write_anomalous_log(decisions, seed, out, truth, anomalies)}
    if catalogue is None:
        raise BadInput(
            "--catalogue is missing: give the folder that `python -m simulate catalogue` wrote"
        )
    if truth is not None:
        raise BadInput(f"--truth {truth} goes with --anomalies; this log has its own truth/")
    from rich.console import Console
    from rich.progress import Progress

    if days < 1:
        raise BadInput(f"--days {days}: at least 1 is needed")
    world = ArtworkWorld.read(catalogue, members, seed)
    browsing = Browsing(decisions_per_day, seed, competition, delay_days, keep_probabilities)
    chooser = logging_policy(policy, len(world.truth.title_of), epsilon)
    logs = browse_days(world, chooser, range(days), browsing, switches)
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("days", total=days)
        written = write_days(logs, out, lambda done: bar.update(task, completed=done))
    closed = datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(
        days=days + 3 + delay_days
    )
    return {"log": out, "members": members, "days": days, **written,
            "windows_closed": closed.isoformat()}  # fmt: skip
