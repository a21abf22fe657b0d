"""A log as views of a DuckDB connection: decisions, reference, impressions and examples."""

from functools import partial
from pathlib import Path

import duckdb

from data.errors import BadInput

DECISIONS = """
CREATE OR REPLACE TEMP VIEW {view} AS
SELECT strftime(time AT TIME ZONE '{zone}', '%Y-%m-%d') AS day,
       date_part('hour', time AT TIME ZONE '{zone}') AS hour, coalesce(bundle, policy) AS bundle,
       decision_id, time, profile_id, title_id, facts, candidates, action, propensity,
       {drawn} level, list_position(candidates, action) AS chosen
FROM read_parquet({files}, union_by_name = true)
"""
EXAMPLES = """
CREATE OR REPLACE TEMP VIEW e AS
SELECT strftime(x.time AT TIME ZONE '{zone}', '%Y-%m-%d') AS day,
       coalesce(x.bundle, x.policy) AS bundle, x.policy, x.decision_id, x.profile_id,
       x.candidates, x.propensity, x.reward, {predicted} AS predicted_take
FROM read_parquet({files}, union_by_name = true) x {join}
"""
WHOLE = 0.75
"""Share of the hours of the longest day from which on a day is whole."""


def view_decisions(
    connection: duckdb.DuckDBPyConnection,
    log: Path | str,
    reference: Path | str | None,
    whole: bool = True,
    zone: str = "UTC",
) -> None:
    """Make the view `d` of a log's decisions, and `r` of those to compare facts with.

    Args:
        connection: to make them in.
        log: folder with decisions/, or Parquet of decisions.
        reference: likewise, of which whole days are taken; the log's first whole day if None.
        whole: with the probabilities and the seed, which examples do not have.
        zone: in which days begin.

    Raises:
        BadInput: there are no files.
    """
    drawn = "probabilities, seed," if whole else ""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")  # it would print into --json
    view = partial(DECISIONS.format, drawn=drawn, zone=zone)
    connection.execute(view(view="d", files=_quoted(decision_files(log))))
    source = "d"
    if reference is not None:
        source = "all_r"
        connection.execute(view(view=source, files=_quoted(decision_files(reference))))
    days = whole_days(connection, source)
    few = _quoted(days[:1] if reference is None else days)
    connection.execute(
        f"CREATE TEMP VIEW r AS SELECT * FROM {source} WHERE list_contains({few}, day)"
    )


def whole_days(connection: duckdb.DuckDBPyConnection, view: str) -> list[str]:
    """Days on which about as many hours have decisions as on the longest.

    A service that starts at ten in the evening has a first day of two hours, and who comes then is
    not who comes.

    Args:
        connection: with the view.
        view: of decisions.
    """
    hours = connection.sql(
        f"SELECT day, count(DISTINCT hour) FROM {view} GROUP BY day ORDER BY day"
    )
    found = hours.fetchall()
    longest = max((count for _, count in found), default=0)
    return [day for day, count in found if count >= WHOLE * longest]


def view_examples(
    connection: duckdb.DuckDBPyConnection,
    examples: Path | str,
    predictions: Path | str | None,
    zone: str = "UTC",
) -> bool:
    """Make the view `e` of joined examples; whether it has predictions.

    Args:
        connection: to make it in.
        examples: Parquet file or folder.
        predictions: Parquet of decision_id and predicted_take; a column predicted_take of the
            examples serves if None.
        zone: in which days begin.

    Raises:
        BadInput: there are no files.
    """
    # Views take no parameters, so file names are quoted in.
    files, join = _quoted(parquet_files(examples)), ""
    described = connection.execute(
        f"DESCRIBE SELECT * FROM read_parquet({files}, union_by_name = true)"
    ).fetchall()
    inside = any(column[0] == "predicted_take" for column in described)
    predicted = "x.predicted_take" if inside else "NULL::DOUBLE"
    if predictions is not None:
        predicted = "p.predicted_take"
        join = (
            f"LEFT JOIN read_parquet({_quoted(parquet_files(predictions))}) p USING (decision_id)"
        )
    connection.execute(EXAMPLES.format(predicted=predicted, files=files, join=join, zone=zone))
    return inside or predictions is not None


def view_impressions(connection: duckdb.DuckDBPyConnection, log: Path | str) -> bool:
    """Make the view `i` of a log's impressions that name a decision; whether there are events."""
    folder = Path(log) / "events"
    files = sorted(folder.rglob("*.parquet")) if folder.is_dir() else []
    if files:
        source = f"read_parquet({_quoted([str(f) for f in files])}, union_by_name = true)"
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW i AS SELECT DISTINCT ON (event_id) * FROM {source}"
            " WHERE kind = 'impression' AND decision_id IS NOT NULL"
        )
    return bool(files)


def decision_files(log: Path | str) -> list[str]:
    """Parquet files of decisions, of a log's folder or of their own.

    Raises:
        BadInput: there are none.
    """
    inner = Path(log) / "decisions"
    return parquet_files(inner if inner.is_dir() else log)


def parquet_files(path: Path | str) -> list[str]:
    """Parquet files of a file or folder.

    Raises:
        BadInput: there are none.
    """
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
    if not files:
        raise BadInput(f"{path}: no Parquet file there; give a log folder or a Parquet file")
    return [str(f) for f in files]


def _quoted(files: list[str]) -> str:
    return "[" + ", ".join("'" + f.replace("'", "''") + "'" for f in files) + "]"
