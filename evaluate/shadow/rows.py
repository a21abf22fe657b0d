"""Rows that a caller showed by its own logic, with what Marquee would have done and what came."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.errors import BadInput, first_line
from data.reading.duckdb_session import session
from data.records import SHOWN
from data.schema_cast import parquet_files

QUERY = """
WITH shown AS (
  SELECT DISTINCT ON (decision_id) decision_id, candidates, action, probabilities, bundle
  FROM read_parquet({decisions}, union_by_name = true)
  WHERE level = '{level}' AND probabilities IS NOT NULL
  ORDER BY decision_id)
SELECT e.profile_id, e.title_id::VARCHAR || ' ' || s.candidates::VARCHAR AS title, e.action,
       e.propensity, e.reward, len(s.candidates) AS candidates, s.bundle,
       s.probabilities[list_position(s.candidates, e.action)] AS own,
       list_max(s.probabilities) AS most
FROM read_parquet({examples}, union_by_name = true) e
JOIN shown s ON s.decision_id = e.decision_id AND s.action = e.action
WHERE e.level = '{level}'
ORDER BY e.decision_id
"""


@dataclass(frozen=True)
class ShownRows:
    """One row a showing, in order of their decisions' ids."""

    member: Int[np.ndarray, " rows"]
    title: Int[np.ndarray, " rows"]
    """Numbers titles with their candidates."""
    action: Int[np.ndarray, " rows"]
    propensity: Float[np.ndarray, " rows"]
    """As the caller said; 1: it did not, or was certain."""
    reward: Float[np.ndarray, " rows"]
    candidates: Int[np.ndarray, " rows"]
    """How many there were."""
    own: Float[np.ndarray, " rows"]
    """Marquee's probability of what was shown."""
    most: Float[np.ndarray, " rows"]
    """Marquee's probability of what it likes best."""
    bundles: list[str]

    @classmethod
    def read(cls, decisions: Path, examples: Path) -> "ShownRows":
        """Rows of a log's decisions and of the examples joined from it.

        Raises:
            BadInput: there are no files, or no row that a caller showed.
        """
        lists = []
        for path in (decisions, examples):
            files = parquet_files(path) if path.exists() else []
            if not files:
                raise BadInput(
                    f"{path}: no Parquet file; give decisions as `python -m data roll` writes them,"
                    " and examples as `python -m data join` does"
                )
            lists.append(
                "[" + ", ".join("'" + str(f).replace("'", "''") + "'" for f in files) + "]"
            )
        query = QUERY.format(decisions=lists[0], examples=lists[1], level=SHOWN)
        with session() as connection:
            try:
                table = connection.sql(query).to_arrow_table()
            except duckdb.Error as error:
                raise BadInput(
                    f"{decisions}, {examples}: no decisions and examples ({first_line(error)});"
                    " give what `python -m data roll` and `python -m data join` wrote"
                ) from None
        if not len(table):
            raise BadInput(
                f"{examples}: no row of level {SHOWN}; send what the page shows as `shown` in"
                " /v1/decide, roll and join"
            )
        return cls.of(table)

    @classmethod
    def of(cls, table: pa.Table) -> "ShownRows":
        """From the query's columns."""
        numbers = {
            name: np.unique(table[name].to_numpy().astype(str), return_inverse=True)[1]
            for name in ("profile_id", "title", "action")
        }
        rest = {
            name: table[name].to_numpy().astype(np.float64)
            for name in ("propensity", "reward", "own", "most", "candidates")
        }
        return cls(
            numbers["profile_id"],
            numbers["title"],
            numbers["action"],
            rest["propensity"],
            rest["reward"],
            rest["candidates"].astype(np.int64),
            rest["own"],
            rest["most"],
            sorted(set(filter(None, table["bundle"].to_pylist()))),
        )
