"""A log as views of a DuckDB connection: decisions, reference, impressions and examples."""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from data.errors import BadInput
from data.log.precompute_runs import run_files
from data.reading.conformed_files import conformed_files
from data.records import DECISIONS, EXAMPLES, KIND_COLUMNS, PAGE_COLUMNS, PLAIN_EVENTS
from data.schema_cast import opened, parquet_files

PREDICTIONS = pa.schema(
    [
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("predicted_take", pa.float64()),
    ]
)
"""A table of its own, or columns that examples may have."""
OUTCOMES = pa.schema(
    [
        EXAMPLES.field(name)
        for name in (
            *("decision_id", "time", "profile_id", "candidates"),
            *("propensity", "policy", "bundle", "reward", "cell"),
        )
    ]
)
"""Of examples, what the view of them has."""
PAGES = pa.schema(
    [*(DECISIONS.field(name) for name in ("decision_id", "profile_id", "action")), *PAGE_COLUMNS]
)
"""Of decisions or examples, what the view of their pages has."""
KINDS = pa.schema(
    [
        *(DECISIONS.field(n) for n in ("decision_id", "title_id", "candidates", "propensity")),
        *KIND_COLUMNS,
    ]
)
"""Of decisions or examples, what the view of what they show beside artwork has."""
DECISIONS_VIEW = """
CREATE OR REPLACE TEMP VIEW {view} AS
SELECT strftime(time AT TIME ZONE '{zone}', '%Y-%m-%d') AS day,
       date_part('hour', time AT TIME ZONE '{zone}') AS hour, coalesce(bundle, policy) AS bundle,
       decision_id, time, profile_id, title_id, facts, candidates, action, propensity,
       {drawn} policy, level, list_position(candidates, action) AS chosen
FROM read_parquet({files}, union_by_name = true)
"""
EXAMPLES_VIEW = """
CREATE OR REPLACE TEMP VIEW e AS
SELECT strftime(x.time AT TIME ZONE '{zone}', '%Y-%m-%d') AS day,
       coalesce(x.bundle, x.policy) AS bundle, x.policy, x.decision_id, x.profile_id,
       x.candidates, x.propensity, x.reward, x.cell, {predicted} AS predicted_take
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
        reference: decisions or examples, of which whole days are taken; the log's first whole day
            if None.
        whole: with the probabilities and the seed, which examples do not have.
        zone: in which days begin.

    Raises:
        BadInput: there are no files, or one is not of decisions (not whole: of examples).
    """
    schema = DECISIONS if whole else EXAMPLES
    if whole and Path(log, "examples").is_dir() and not Path(log, "decisions").is_dir():
        raise BadInput(
            f"{log} has examples/ and no decisions/: it was imported, and what is looked at here "
            "is what a service of Marquee decided; give the --log of `serve live` or `precompute`"
        )
    connection.execute(_decisions("d", _decision_files(log), schema, zone))
    source = "d"
    if reference is not None:
        source, files = "all_r", _decision_files(reference)
        schema = EXAMPLES if {"played", "reward"} <= _columns(files) else DECISIONS
        connection.execute(_decisions(source, files, schema, zone))
    days = whole_days(connection, source)
    few = _texts(days[:1] if reference is None else days)
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


def _decisions(view: str, files: list[Path], schema: pa.Schema, zone: str) -> str:
    drawn = "probabilities, seed," if schema is DECISIONS else ""
    source = _quoted(files, schema)
    return DECISIONS_VIEW.format(view=view, drawn=drawn, files=source, zone=zone)


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
        BadInput: there are no files, or one is not of examples.
    """
    # Views take no parameters, so file names are quoted in.
    files, join, schema = _files(examples), "", OUTCOMES
    inside = "predicted_take" in _columns(files)
    if inside:
        schema = OUTCOMES.append(PREDICTIONS.field("predicted_take"))
    predicted = "x.predicted_take" if inside else "NULL::DOUBLE"
    if predictions is not None:
        predicted = "p.predicted_take"
        source = _quoted(_files(predictions), PREDICTIONS)
        join = f"LEFT JOIN read_parquet({source}) p USING (decision_id)"
    sources = {"predicted": predicted, "files": _quoted(files, schema), "join": join}
    connection.execute(EXAMPLES_VIEW.format(**sources, zone=zone))
    return inside or predictions is not None


def view_pages(connection: duckdb.DuckDBPyConnection, rows: Path | str) -> bool:
    """Make the view `pages` of rows that say which page they are of; whether any file can.

    Args:
        connection: to make it in.
        rows: folder of a log, of examples, or their file.

    Raises:
        BadInput: there are no files, or one is not of decisions or examples.
    """
    files = _decision_files(rows)
    there = not {"page_id", "page_slot"}.isdisjoint(_columns(files))
    if there:
        connection.execute(
            "CREATE OR REPLACE TEMP VIEW pages AS SELECT * FROM"
            f" read_parquet({_quoted(files, PAGES)}, union_by_name = true)"
            " WHERE page_id IS NOT NULL OR page_slot IS NOT NULL"
        )
    return there


def view_kinds(connection: duckdb.DuckDBPyConnection, rows: Path) -> bool:
    """Make the view `beside` of rows that show something beside artwork; whether there may be any.

    Args:
        connection: to make it in.
        rows: folder of a log, of examples, or their file.

    Raises:
        BadInput: there are no files, or one is not of decisions or examples.
    """
    files = _decision_files(rows)
    there = not set(KIND_COLUMNS.names).isdisjoint(_columns(files))
    if there:
        said = " OR ".join(f"{name} IS NOT NULL" for name in KIND_COLUMNS.names)
        connection.execute(
            "CREATE OR REPLACE TEMP VIEW beside AS SELECT * FROM"
            f" read_parquet({_quoted(files, KINDS)}, union_by_name = true) WHERE {said}"
        )
    return there


def view_impressions(connection: duckdb.DuckDBPyConnection, log: Path | str) -> bool:
    """Make the view `i` of a log's impressions that name a decision; whether there are events.

    Raises:
        BadInput: a file is not one of events.
    """
    there = view_events(connection, log)
    if there:
        connection.execute(
            "CREATE OR REPLACE TEMP VIEW i AS SELECT DISTINCT ON (event_id) * FROM events"
            " WHERE kind = 'impression'"
        )
    return there


def view_events(connection: duckdb.DuckDBPyConnection, log: Path | str) -> bool:
    """Make the view `events` of a log's events that name a decision; whether there are events.

    Raises:
        BadInput: a file is not one of events.
    """
    files = parquet_files(Path(log) / "events")
    if files:
        source = f"read_parquet({_quoted(files, PLAIN_EVENTS)}, union_by_name = true)"
        connection.execute(
            f"CREATE OR REPLACE TEMP VIEW events AS SELECT * FROM {source}"
            " WHERE decision_id IS NOT NULL"
        )
    return bool(files)


def _decision_files(log: Path | str) -> list[Path]:
    """Parquet files of decisions, of a log's folder or of their own."""
    log = Path(log)
    if (log / "decisions").is_dir():
        return _files(log / "decisions")
    runs = run_files(log) if log.is_dir() else []
    files = [file for file in _files(log) if file not in runs]
    if not files:
        raise BadInput(
            f"{log} holds runs of precompute alone: drawn, and not rendered yet; join the log,"
            " which files the draws that were rendered under decisions/"
        )
    return files


def _files(path: Path | str) -> list[Path]:
    files = parquet_files(path)
    if not files:
        raise BadInput(f"{path}: no Parquet file there; give a log folder or a Parquet file")
    return files


def _columns(files: list[Path]) -> set[str]:
    """Names of the columns that any of the files has."""
    names: set[str] = set()
    for path in files:
        with opened(path) as file:
            names.update(file.schema_arrow.names)
    return names


def _quoted(files: list[Path], schema: pa.Schema) -> str:
    return _texts(map(str, conformed_files(files, schema)))


def _texts(texts: Iterable[str]) -> str:
    """A list of texts as SQL has it."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"
