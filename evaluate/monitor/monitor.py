"""`python -m evaluate monitor`: is the live policy what it says it is?"""

from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import orjson
import pyarrow.parquet as pq
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile
from rich.console import Console
from rich.table import Table

from data.errors import BadInput
from evaluate.monitor.check import EXIT_CODES, ORDER, Check, worst
from evaluate.monitor.decisions import TABLE, check_decisions
from evaluate.monitor.drift import check_drift
from evaluate.monitor.page import write_page
from evaluate.monitor.rewards import check_calibration, check_value
from evaluate.policies.predictions import predicted_takes

Curves = dict[str, list[tuple[float, float, float]]]


def inspect(
    log: str,
    examples: str | None = None,
    predictions: str | None = None,
    reference: str | None = None,
    expected: dict[str, list[float]] | None = None,
    fallback_warn: float = 0.05,
    drift_warn: float = 0.1,
    drift_alert: float = 0.25,
) -> tuple[list[Check], Curves]:
    """All checks of a log, and calibration curves; see `monitor` for the arguments."""
    folder = Path(log)
    decisions = _files(folder / "decisions" if (folder / "decisions").is_dir() else folder)
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        _view(connection, TABLE, decisions)
        if reference is None:
            connection.execute(
                "CREATE TEMP VIEW r AS SELECT * FROM d WHERE day = (SELECT min(day) FROM d)"
            )
        else:
            path = Path(reference)
            inner = path / "decisions"
            sql = TABLE.replace("VIEW d", "VIEW r")
            _view(connection, sql, _files(inner if inner.is_dir() else path))
        checks = check_decisions(connection, fallback_warn)
        checks += check_drift(connection, drift_warn, drift_alert)
        curves: Curves = {}
        if examples is not None:
            has_predictions = _examples(connection, examples, predictions)
            checks += check_value(connection, expected or {})
            if has_predictions:
                found, curves = check_calibration(connection)
                checks += found
    except duckdb.Error as error:
        raise BadInput(
            f"{log}: cannot read it as decisions{' and examples' if examples else ''} of the"
            f" public format ({str(error).splitlines()[0]}); run `python -m data check`"
        ) from None
    return checks, curves


def monitor(
    log: str,
    examples: str | None = None,
    predictions: str | None = None,
    reference: str | None = None,
    expected: dict[str, list[float]] | None = None,
    fallback_warn: float = 0.05,
    drift_warn: float = 0.1,
    drift_alert: float = 0.25,
    bundle: str | None = None,
    catalogue: str | None = None,
    prometheus: str | None = None,
    html: str | None = None,
    json: bool = False,
) -> None:
    """Check the log of a live policy by day and bundle; exit code 0 ok, 3 warn, 4 alert.

    Args:
        log: folder with decisions/, or Parquet of decisions.
        examples: joined examples; without them nothing that needs rewards is checked.
        predictions: Parquet of decision_id and predicted_take; a predicted_take column of the
            examples serves as well.
        reference: decisions to compare facts with, such as those trained on; the log's first day
            where not given.
        expected: bundle → [low, high], the off-policy interval it was published with.
        fallback_warn: share of fallbacks that warns; five times as many alert.
        drift_warn: stability index that warns.
        drift_alert: stability index that alerts.
        bundle: where there are no predictions, predict with this bundle: for the decisions that it
            made, or for all if it made none.
        catalogue: folder of titles.parquet and artworks.parquet that the bundle reads; a folder
            catalogue beside or in the log if not given.
        prometheus: write the metrics here, for the node exporter's text-file collector.
        html: write a page with plots here.
        json: print one JSON object instead of a table.
    """
    with TemporaryDirectory(prefix="predictions.") as made:
        if bundle is not None:
            if examples is None or predictions is not None:
                raise BadInput("--bundle predicts for --examples, and where --predictions are not")
            predictions = str(Path(made) / "predictions.parquet")
            pq.write_table(predicted_takes(bundle, examples, catalogue), predictions)
        checks, curves = inspect(
            *(log, examples, predictions, reference, expected),
            *(fallback_warn, drift_warn, drift_alert),
        )
    state = worst(checks)
    if prometheus:
        _metrics(checks, Path(prometheus))
    if html:
        write_page(checks, curves, Path(html))
    if json:
        result = {"state": state, "checks": [asdict(c) for c in checks], "calibration": curves}
        print(orjson.dumps(result, option=orjson.OPT_SERIALIZE_NUMPY).decode())
    else:
        _show(checks)
    if state != "ok":
        raise SystemExit(EXIT_CODES[state])


def _examples(
    connection: duckdb.DuckDBPyConnection, examples: str, predictions: str | None
) -> bool:
    """Make the view `e`; whether it has predictions."""
    files = _files(Path(examples))
    sql = "SELECT * FROM read_parquet($files, union_by_name = true)"
    columns = connection.execute(f"DESCRIBE {sql}", {"files": files}).fetchall()
    inside = any(c[0] == "predicted_take" for c in columns)
    predicted = "x.predicted_take" if inside else "NULL::DOUBLE"
    extra = ""
    if predictions is not None:
        extra = "LEFT JOIN read_parquet($predictions) p USING (decision_id)"
        predicted = "p.predicted_take"
    text = f"""
CREATE OR REPLACE TEMP VIEW e AS
SELECT strftime(x.time AT TIME ZONE 'UTC', '%Y-%m-%d') AS day,
       coalesce(x.bundle, x.policy) AS bundle, x.policy, x.profile_id, x.candidates, x.propensity,
       x.reward, {predicted} AS predicted_take
FROM read_parquet($files, union_by_name = true) x {extra}
"""
    _view(connection, text, files, _files(Path(predictions)) if predictions else None)
    return inside or predictions is not None


def _view(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    files: list[str],
    predictions: list[str] | None = None,
) -> None:
    """Create a view; views take no parameters, so file names are quoted in."""
    text = sql.replace("$files", _quoted(files)).replace("$predictions", _quoted(predictions or []))
    connection.execute(text)


def _quoted(files: list[str]) -> str:
    return "[" + ", ".join("'" + f.replace("'", "''") + "'" for f in files) + "]"


def _files(path: Path) -> list[str]:
    """Parquet files of a file or folder.

    Raises:
        BadInput: there are none.
    """
    found = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
    if not found:
        raise BadInput(f"{path}: no Parquet file there; give a log folder or a Parquet file")
    return [str(f) for f in found]


def _metrics(checks: list[Check], path: Path) -> None:
    """Prometheus metrics: each check's value and state (0 ok, 1 warn, 2 alert)."""
    registry = CollectorRegistry()
    labels = ["check", "day", "bundle"]
    value = Gauge("marquee_monitor_value", "What a check measured.", labels, registry=registry)
    state = Gauge("marquee_monitor_state", "0 ok, 1 warn, 2 alert.", labels, registry=registry)
    for c in checks:
        value.labels(c.name, c.day, c.bundle).set(c.value)
        state.labels(c.name, c.day, c.bundle).set(ORDER.index(c.state))
    write_to_textfile(str(path), registry)


def _show(checks: list[Check]) -> None:
    """What is not ok, each in words, and a count of what is."""
    console = Console()
    table = Table("state", "check", "day", "bundle", "what")
    for c in sorted(checks, key=lambda c: -ORDER.index(c.state)):
        if c.state != "ok":
            table.add_row(c.state, c.name, c.day, c.bundle, c.words)
    if table.row_count:
        console.print(table)
    console.print(f"{worst(checks)}: {sum(c.state == 'ok' for c in checks)} of {len(checks)} ok")
