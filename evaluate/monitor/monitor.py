"""`python -m evaluate monitor`: is the live policy what it says it is?"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import available_timezones

import duckdb
import pyarrow.parquet as pq
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from rich.console import Console
from rich.table import Table

from data.check.draws import check_draws, check_impressions, check_rows_a_draw
from data.check.finding import EXIT_CODES, ORDER, Check, Limits, State, worst
from data.check.log_views import view_decisions, view_examples, view_impressions
from data.errors import BadInput, first_line
from data.reading.duckdb_session import session
from evaluate.metrics.metrics import guards_beside
from evaluate.monitor.calibration import CalibrationCurves, check_calibration
from evaluate.monitor.decisions import check_decisions
from evaluate.monitor.drift import check_drift
from evaluate.monitor.kinds import check_kinds
from evaluate.monitor.metrics import check_metrics
from evaluate.monitor.page import write_monitor
from evaluate.monitor.rewards import check_value
from evaluate.policies.predictions import predicted_takes


@dataclass(frozen=True)
class MonitorResult:
    """What the monitor found.

    Attributes:
        state: the worst of all checks.
        checks: every number that was looked at.
        calibration: bundle → points (predicted take, actual take, decisions).
    """

    state: State
    checks: list[Check]
    calibration: CalibrationCurves


def inspect(
    log: str,
    examples: str | None = None,
    predictions: str | None = None,
    reference: str | None = None,
    expected: dict[str, list[float]] | None = None,
    limits: Limits | None = None,
    zone: str = "UTC",
    guards: Mapping[str, float] | None = None,
) -> MonitorResult:
    """All checks of a log, and calibration curves; see `monitor` for the arguments."""
    limits = limits or Limits()
    if zone not in available_timezones():
        raise BadInput(f"--zone {zone!r} is no time zone; name one such as Europe/Paris or UTC")
    connection = session()
    try:
        view_decisions(connection, log, reference, zone=zone)
        checks = check_decisions(connection, limits) + check_drift(connection, limits)
        checks += check_draws(connection) + check_kinds(connection, log)
        if view_impressions(connection, log):
            checks += check_impressions(connection, log)
        curves: CalibrationCurves = {}
        if examples is not None:
            has_predictions = view_examples(connection, examples, predictions, zone)
            checks += check_value(connection, expected or {}) + check_rows_a_draw(connection)
            checks += check_metrics(connection, examples, guards or {})
            if has_predictions:
                errors, curves = check_calibration(connection)
                checks += errors
    except duckdb.Error as error:
        raise BadInput(
            f"{log}: cannot read it as decisions{' and examples' if examples else ''} of the"
            f" public format ({first_line(error)}); run `python -m data check`"
        ) from None
    return MonitorResult(worst(checks), checks, curves)


# Each parameter is an option of the command.
def monitor(
    log: str,
    examples: str | None = None,
    predictions: str | None = None,
    reference: str | None = None,
    expected: dict[str, list[float]] | None = None,
    fallback_warn: float = 0.05,
    drift_warn: float = 0.1,
    drift_alert: float = 0.25,
    drift_points: float = 0.02,
    zone: str = "UTC",
    bundle: str | None = None,
    catalogue: str | None = None,
    prometheus: str | None = None,
    html: str | None = None,
) -> MonitorResult:
    """Check the log of a live policy by day and bundle; exit code 0 ok, 3 warn, 4 alert.

    Args:
        log: folder with decisions/, or Parquet of decisions.
        examples: joined examples; without them nothing that needs rewards is checked.
        predictions: Parquet of decision_id and predicted_take; a predicted_take column of the
            examples serves as well.
        reference: decisions to compare facts with, such as those trained on, of which whole days
            are taken; the log's first whole day where not given.
        expected: bundle → [low, high], the off-policy interval it was published with.
        fallback_warn: share of fallbacks that warns; five times as many alert.
        drift_warn: stability index that warns.
        drift_alert: stability index that alerts.
        drift_points: change of the share of a fact's value that warns where it is no chance.
        zone: time zone of the service, in which its days begin, such as Europe/Paris.
        bundle: where there are no predictions, predict with this bundle: for the decisions that it
            made, or for all if it made none.
        catalogue: folder of titles.parquet and artworks.parquet that the bundle reads, and of the
            schema.yaml that guards metrics; a folder catalogue beside or in the log if not given.
        prometheus: write the metrics here, for the node exporter's text-file collector.
        html: write a page with plots here.
    """
    with TemporaryDirectory(prefix="predictions.") as folder:
        if bundle is not None:
            if examples is None or predictions is not None:
                raise BadInput("--bundle predicts for --examples, and where --predictions are not")
            predictions = str(Path(folder) / "predictions.parquet")
            pq.write_table(predicted_takes(bundle, examples, catalogue), predictions)
        limits = Limits(fallback_warn, drift_warn, drift_alert, drift_points)
        guards = {} if examples is None else guards_beside(examples, catalogue)
        result = inspect(log, examples, predictions, reference, expected, limits, zone, guards)
    if prometheus:
        _write_metrics(result.checks, Path(prometheus))
    if html:
        write_monitor(result.checks, result.calibration, Path(html))
    return result


def show(result: MonitorResult) -> None:
    """What is not ok, each in words, and a count of what is."""
    console = Console()
    table = Table("state", "check", "day", "bundle", "what")
    for c in sorted(result.checks, key=lambda c: -ORDER.index(c.state)):
        if c.state != "ok":
            table.add_row(c.state, c.name, c.day, c.bundle, c.words)
    if table.row_count:
        console.print(table)
    for c in result.checks:
        if c.state == "ok" and c.day == "all" and c.name.startswith(("metric_", "kind_")):
            console.print(f"{c.bundle}: {c.words}")
    sound = sum(c.state == "ok" for c in result.checks)
    console.print(f"{result.state}: {sound} of {len(result.checks)} ok")


def status(result: MonitorResult) -> int:
    """0 ok, 3 warn, 4 alert."""
    return EXIT_CODES[result.state]


def _write_metrics(checks: list[Check], path: Path) -> None:
    """Prometheus metrics: each check's value and state (0 ok, 1 warn, 2 alert)."""
    registry = CollectorRegistry()
    labels = ["check", "day", "bundle"]
    value = Gauge("marquee_monitor_value", "What a check measured.", labels, registry=registry)
    state = Gauge("marquee_monitor_state", "0 ok, 1 warn, 2 alert.", labels, registry=registry)
    for c in checks:
        value.labels(c.name, c.day, c.bundle).set(c.value)
        state.labels(c.name, c.day, c.bundle).set(ORDER.index(c.state))
    write_to_textfile(str(path), registry)
