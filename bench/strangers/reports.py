"""Whether a report's intervals hold what policies are worth, on logs that are mostly a rule."""

import logging
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch

from bench.judging.row import run_each, share_row
from bench.strangers.learner import learnt_bundle
from bench.strangers.records import write_catalogue, write_examples
from bench.strangers.truth import true_values
from bench.strangers.world import Theatre, TheatreSize
from evaluate.report.findings import judge_bundle
from model.training.settings import Settings

SIZE = TheatreSize(plays=20, visitors=2000, rows=16_000, base=0.12)
LEAST = 0.93
"""Share of logs in which a policy's interval must hold what it is worth."""


class JudgedLog(NamedTuple):
    """What one log's report said of each policy, and what was true."""

    truth: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    """Of the estimator that the report says to read."""
    holds: dict[str, dict[str, bool]]
    """Policy → estimator that has an interval → whether it holds."""
    drawn: int
    """Rows that estimates weighed."""


class ReportTask(NamedTuple):
    """One log."""

    size: TheatreSize
    seed: int


def report_of(task: ReportTask) -> JudgedLog:
    """Train on a log by told looks, and judge on its last days, as train.py and reports do."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    theatre = Theatre(task.size, task.seed)
    with tempfile.TemporaryDirectory(prefix="marquee-strangers-") as scratch:
        at = Path(scratch)
        catalogue = write_catalogue(theatre, at / "catalogue")
        examples = write_examples(theatre, theatre.rows(), at / "examples")
        settings = told_settings(at, task.seed)
        settings.data.validation = 0.3
        settings.fit.passes = 2
        bundle, later = learnt_bundle(examples, catalogue.root, settings)
        found = judge_bundle(later, catalogue, str(bundle), cache=at / "cache")
        truth = true_values(theatre, catalogue, bundle, at / "cache")
    return JudgedLog(
        truth,
        {name: (take.low, take.high) for name, take in found.takes.items()},
        {
            name: {
                estimator: one.low <= truth[name] <= one.high
                for estimator, one in estimates.items()
                if one.interval != "none"
            }
            for name, estimates in found.estimates.items()
        },
        found.log["decisions"],
    )


def told_settings(at: Path, seed: int) -> Settings:
    """Of a training that is told what posters show."""
    settings = Settings(out=str(at / "run"), seed=seed)
    settings.model.encoder = "features"
    settings.fit.progress = False
    settings.publish.bundles = str(at / "bundles")
    settings.data.cache = str(at / "cache")
    return settings


def coverage(size: TheatreSize, logs: int, seed: int, workers: int) -> dict[str, object]:
    """Shares of logs in which intervals hold the truth, by policy; for all of them at once as well.

    Args:
        size: of each log.
        logs: how many.
        seed: of the first.
        workers: processes.
    """
    tasks = [ReportTask(size, seed + at) for at in range(logs)]
    reports = run_each(report_of, tasks, workers)
    policies = [*reports[0].intervals]
    read = {
        name: [
            low <= one.truth[name] <= high for one in reports for low, high in [one.intervals[name]]
        ]
        for name in policies
    }
    rows = {name: share_row("reports", name, "", hits, LEAST) for name, hits in read.items()}
    estimators = dict.fromkeys(e for one in reports for of in one.holds.values() for e in of)
    return {
        "logs": logs,
        "rows": size.rows,
        "share_of_a_rule": 1 - size.drawn,
        "judged_on": sum(one.drawn for one in reports) / logs,
        "policies": {
            name: {
                "holds": row.measured,
                "interval": row.interval,
                "kept": row.measured >= LEAST,
                "true": sum(one.truth[name] for one in reports) / logs,
                "width": sum(one.intervals[name][1] - one.intervals[name][0] for one in reports)
                / logs,
                "below": sum(one.intervals[name][1] < one.truth[name] for one in reports) / logs,
                "above": sum(one.intervals[name][0] > one.truth[name] for one in reports) / logs,
            }
            for name, row in rows.items()
        },
        "every_policy_at_once": sum(map(all, zip(*read.values(), strict=True))) / logs,
        "estimators": {
            name: {
                policy: sum(one.holds[policy][name] for one in seen) / len(seen)
                for policy in policies
                if (seen := [one for one in reports if name in one.holds[policy]])
            }
            for name in estimators
        },
    }
